"""`xunjian-agent`: check, enrol, run, deliver, backup, database, status, install and more."""

import argparse
import gc
import signal
import sys
from collections.abc import Sequence
from itertools import pairwise
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from agent import VERSION, bundle_messages, enrolment_messages, messages
from agent.backups import help as backup_help
from agent.databases import help as database_help
from agent.installation import texts as installation_texts
from agent.settings import DEFAULT_PATH

if TYPE_CHECKING:
    from agent.console import Console
    from agent.enrolling import Enrolling

_CONTACTS = ("deliver", "enrol", "rotate-key", "export", "receipt")
_BACKUP = ("list", "check", "verify", "restore-script", "record")
_DATABASE = ("list", "test", "grant-script")
_ENGINES = ("mssql", "postgresql", "kingbase", "mysql", "mariadb", "oracle", "dameng")
"""checks.databases.Engine, which is not loaded for the help."""
_INSTALLATION = ("install", "uninstall", "read-privileged")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code (see agent/commands.py)."""
    # Lives for seconds and leaves few cycles: looking for them costs 10 ms of every start.
    gc.disable()
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Before the parser is built: its help is in the language, too.
    parser = _parser("en" if _wants_english(given) else "zh-CN")
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
        if chosen.command in _INSTALLATION:
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


def _wants_english(given: Sequence[str]) -> bool:
    return "--lang=en" in given or ("--lang", "en") in pairwise(given)


def _parser(language: str) -> argparse.ArgumentParser:
    def words(name: str) -> str:
        texts = (
            messages.HELP
            | enrolment_messages.HELP
            | installation_texts.HELP
            | bundle_messages.HELP
            | backup_help.HELP
            | database_help.HELP
        )
        return messages.spoken(texts[name], language)

    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--lang", choices=messages.LANGUAGES, default=messages.LANGUAGES[0], help=words("lang")
    )
    shared.add_argument("--json", action="store_true", help=words("json"))
    with_settings = argparse.ArgumentParser(add_help=False)
    with_settings.add_argument(
        "--settings", metavar="FILE", default=DEFAULT_PATH, help=words("settings")
    )
    parser = argparse.ArgumentParser(prog="xunjian-agent", description=words("agent"))
    parser.add_argument("--version", action="version", version=f"xunjian-agent {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, *parents: argparse.ArgumentParser, below: str = ""
    ) -> argparse.ArgumentParser:
        key = f"{below}_{name}" if below else name
        return (actions if below else commands).add_parser(
            name,
            parents=[shared, *parents],
            help=words(key),
            description=words(key),
            epilog=words(f"{key}_examples"),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def group(name: str) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
        return commands.add_parser(
            name,
            help=words(name),
            description=words(name),
            epilog=words(f"{name}_examples"),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        ).add_subparsers(dest="action", required=True, metavar="ACTION")

    check = command("check")
    check.add_argument("patterns", nargs="*", metavar="PATTERN", help=words("pattern"))
    check.add_argument("--list", action="store_true", help=words("list"))
    run = command("run", with_settings)
    run.add_argument(
        "--only", action="append", default=[], metavar="PATTERN", help=words("pattern")
    )
    deliver = command("deliver", with_settings)
    deliver.add_argument("--now", action="store_true", help=words("now"))
    command("status", with_settings)
    actions = group("backup")
    for name in _BACKUP:
        action = command(name, with_settings, below="backup")
        if name != "list":
            action.add_argument("name", metavar="NAME", help=words("backup_name"))
        if name == "verify":
            action.add_argument("--full", action="store_true", help=words("backup_full"))
        if name == "restore-script":
            action.add_argument("--database", metavar="DATABASE", help=words("backup_database"))
        if name == "record":
            results = ("passed", "failed")
            action.add_argument("--point", required=True, metavar="ID", help=words("backup_point"))
            action.add_argument(
                "--result", required=True, choices=results, help=words("backup_result")
            )
            action.add_argument(
                "--person", required=True, metavar="NAME", help=words("backup_person")
            )
            action.add_argument("--minutes", type=float, metavar="N", help=words("backup_minutes"))
            action.add_argument("--note", default="", metavar="TEXT", help=words("backup_note"))
            action.add_argument("--at", metavar="MOMENT", help=words("backup_at"))
    actions = group("database")
    for name in _DATABASE:
        if name != "grant-script":
            action = command(name, with_settings, below="database")
            if name == "test":
                action.add_argument("name", metavar="NAME", help=words("database_name"))
            continue
        action = command(name, below="database")
        action.add_argument("engine", choices=_ENGINES, help=words("database_engine"))
        action.add_argument(
            "--version", default="", metavar="VERSION", help=words("database_version")
        )
        action.add_argument(
            "--user", default="xunjian", metavar="NAME", help=words("database_user")
        )
    for name in _INSTALLATION:
        part = command(name)
        if name == "read-privileged":
            continue
        part.add_argument("--root", metavar="DIR", default="/", help=words("root"))
        part.add_argument("--dry-run", action="store_true", help=words("dry-run"))
        if name == "install":
            part.add_argument("--url", metavar="URL", help=words("url"))
            part.add_argument("--sudo", action="store_true", help=words("sudo"))
        else:
            part.add_argument("--purge", action="store_true", help=words("purge"))
    enrol = command("enrol", with_settings)
    enrol.add_argument("url", nargs="?", metavar="URL", help=words("enrol_url"))
    enrol.add_argument("--code", metavar="CODE", help=words("enrol_code"))
    enrol.add_argument("--fingerprint", metavar="WORDS", help=words("enrol_fingerprint"))
    enrol.add_argument("--request", metavar="FILE", help=words("enrol_request"))
    enrol.add_argument("--answer", metavar="FILE", help=words("enrol_answer"))
    enrol.add_argument("--state", metavar="FOLDER", help=words("enrol_state"))
    command("rotate-key", with_settings)
    export = command("export", with_settings)
    export.add_argument("file", metavar="FILE", help=words("export_file"))
    export.add_argument(
        "--part-size", type=int, default=2048, metavar="MIB", help=words("export_part_size")
    )
    export.add_argument("--force", action="store_true", help=words("export_force"))
    receipt = command("receipt", with_settings)
    receipt.add_argument("files", nargs="+", metavar="FILE", help=words("receipt_file"))
    return parser
