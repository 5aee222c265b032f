"""`xunjian-agent`: check, enrol, run, deliver, backup, database, remote, install and more."""

import argparse
import gc
import signal
import sys
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from agent import messages
from agent.command_line import INSTALLATION, parser_in, wants_english

if TYPE_CHECKING:
    from agent.console import Console
    from agent.enrolling import Enrolling

_CONTACTS = ("deliver", "enrol", "rotate-key", "export", "receipt")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code (see agent/commands.py)."""
    # Lives for seconds and leaves few cycles: looking for them costs 10 ms of every start.
    gc.disable()
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Before the parser is built: its help is in the language, too.
    language = "en" if wants_english(given) else "zh-CN"
    parser = parser_in(language, remote=given[:1] == ["remote"])
    chosen = parser.parse_args(given)
    from agent import commands, veto
    from agent.console import Console
    from agent.errors import AgentError

    sys.excepthook = _crash
    signal.signal(signal.SIGTERM, _interrupt)
    if hasattr(signal, "SIGCHLD"):
        # Whoever started this may have it ignored; then no child could be waited for.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    console = Console(chosen.lang)
    try:
        if chosen.command == "check":
            return commands.check(
                console, chosen.patterns, listing=chosen.list, as_json=chosen.json
            )
        if chosen.command == "run":
            return commands.run(console, chosen.settings, chosen.only, as_json=chosen.json)
        if chosen.command == "backup":
            forbidden = veto.load()
            if forbidden.off:
                console.complain(veto.SWITCHED_OFF)
                return commands.DONE
            return _backup(console, chosen)
        if chosen.command == "database":
            return _database(console, chosen)
        if chosen.command == "remote":
            from agent.remote.commands import dispatch

            return dispatch(console, chosen)
        if chosen.command in INSTALLATION:
            return _installation(console, chosen)
        if chosen.command in _CONTACTS:
            forbidden = veto.load()
            if forbidden.off:
                console.complain(veto.SWITCHED_OFF)
                return commands.DONE
            # By hand, with files, is not an upload; a delivery says itself what becomes of it.
            # An export is: the data would leave this host.
            by_hand = chosen.command == "receipt" or (
                chosen.command == "enrol" and chosen.url is None
            )
            if not forbidden.upload and not by_hand and chosen.command != "deliver":
                raise AgentError(veto.NO_CONTACT)
        if chosen.command == "deliver":
            return commands.deliver(console, chosen.settings, now=chosen.now, as_json=chosen.json)
        if chosen.command == "enrol":
            from agent import enrolling

            return enrolling.enrol(console, _enrolling(chosen), as_json=chosen.json)
        if chosen.command == "rotate-key":
            from agent import enrolling

            return enrolling.rotate_key(console, chosen.settings, as_json=chosen.json)
        if chosen.command == "export":
            from agent import bundling

            return bundling.write_out(
                console,
                chosen.settings,
                chosen.file,
                part_mebibytes=chosen.part_size,
                force=chosen.force,
                as_json=chosen.json,
            )
        if chosen.command == "receipt":
            from agent import bundling

            return bundling.take_receipts(
                console, chosen.settings, chosen.files, as_json=chosen.json
            )
        return commands.status(console, chosen.settings, as_json=chosen.json)
    except AgentError as error:
        console.complain(error.text)
        return commands.COULD_NOT
    except KeyboardInterrupt:
        console.complain(messages.STOPPED)
        return commands.KEPT


def _backup(console: "Console", chosen: argparse.Namespace) -> int:
    from agent.backups import commands

    if chosen.action == "list":
        return commands.list_sets(console, chosen.settings, as_json=chosen.json)
    if chosen.action == "restore-script":
        return commands.print_restore_script(console, chosen.settings, chosen.name, chosen.database)
    if chosen.action == "record":
        return commands.record(
            console,
            chosen.settings,
            chosen.name,
            point=chosen.point,
            result=chosen.result,
            person=chosen.person,
            minutes=chosen.minutes,
            note=chosen.note,
            at=chosen.at,
        )
    return commands.look(
        console,
        chosen.settings,
        chosen.name,
        prove=chosen.action == "verify",
        full=chosen.action == "verify" and chosen.full,
        as_json=chosen.json,
    )


def _database(console: "Console", chosen: argparse.Namespace) -> int:
    from agent.databases import commands

    if chosen.action == "grant-script":
        return commands.print_grant_script(console, chosen.engine, chosen.version, chosen.user)
    if chosen.action == "test":
        from agent import veto
        from agent.databases.testing import try_out

        if veto.load().off:
            console.complain(veto.SWITCHED_OFF)
            return 0
        return try_out(console, chosen.settings, chosen.name, as_json=chosen.json)
    return commands.list_databases(console, chosen.settings, as_json=chosen.json)


def _installation(console: "Console", chosen: argparse.Namespace) -> int:
    from agent.installation import commands

    if chosen.command == "install":
        return commands.install(
            console, chosen.root, chosen.url, by_sudo=chosen.sudo, dry_run=chosen.dry_run
        )
    if chosen.command == "uninstall":
        return commands.uninstall(console, chosen.root, purge=chosen.purge, dry_run=chosen.dry_run)
    return commands.read_privileged()


def _crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print what nobody foresaw like Python does, but without secrets."""
    from traceback import format_exception

    from agent.redaction import clean

    sys.stderr.write(clean("".join(format_exception(kind, error, trace))))


def _enrolling(chosen: argparse.Namespace) -> "Enrolling":
    from agent.enrolling import Enrolling

    return Enrolling(
        settings=chosen.settings,
        state=chosen.state,
        url=chosen.url,
        code=chosen.code,
        request=chosen.request,
        answer=chosen.answer,
        fingerprint=chosen.fingerprint,
    )


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Let TERM do what Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt
