"""The command `xunjian-agent remote shell`."""

import argparse
import os
import sys
from datetime import UTC, datetime

from agent.commands import DONE, KEPT
from agent.console import Console
from agent.errors import RemoteError
from agent.remote import authority, delivering, target, trust
from agent.remote import folder as names
from agent.remote import home as place
from agent.remote import texts as remote_texts
from agent.remote.deliver_command import tell
from agent.remote.prompting import HostPrompt, by_terminal
from agent.remote.session import Session, how_of, open_session
from agent.remote.shell import texts
from agent.remote.shell.holding import COMPLETED, Outcome, hold
from agent.remote.shell.watch import Limits
from agent.remote.way import Way, connected, way_of
from checks import wording
from checks.api import Text
from checks.errors import ProbeError
from wire import envelope
from wire.grants import Denial
from wire.sessions import OPENED, Opened, Purpose


def shell(console: Console, chosen: argparse.Namespace) -> int:
    """Hold a recorded shell on a host, deliver its record, and return the exit code.

    Nothing reaches the host before the grant covers a change and a backup of it is proved good.
    Raise NotGranted, RemoteError, RecordLost, IdentityError.
    """
    known = trust.load(place.folder())
    if chosen.grant is None:
        raise RemoteError(remote_texts.GRANT_WANTED)
    where = target.read(chosen.target)
    granted = authority.load(chosen.grant, known)
    permitted = authority.authorise(granted, known, where.host, Purpose.SHELL)
    way = way_of(
        permitted,
        where,
        jumps=chosen.jump,
        key=chosen.key,
        host_keys=chosen.host_key,
        prompt=HostPrompt(where.host, _asked),
    )
    proof = None
    if chosen.proof is not None:
        _, proof = authority.read_proof(chosen.proof, known, permitted)
    with open_session(known, permitted, str(where), Purpose.SHELL, proof=proof) as session:
        outcome = _held(console, session, way)
        session.close(outcome.how, outcome.detail.en, outcome.exit_code)
    _say_end(console, outcome, as_json=chosen.json)
    delivered = delivering.deliver(session.folder, known, lambda _event: None, console.language)
    if delivered is not None:
        tell(console, delivered, as_json=chosen.json)
    return DONE if outcome.how == COMPLETED else KEPT


def _held(console: Console, session: Session, way: Way) -> Outcome:
    try:
        with connected(way, session.record) as connection:
            _announce(console, _banner(session, str(way.target)))
            return hold(
                connection,
                session.record,
                sys.stdin.fileno(),
                sys.stdout.fileno(),
                limits=Limits(left=_seconds_left(session)),
                still_permitted=lambda: _denied(session),
                spoken=console.words,
            )
    except ProbeError as error:
        session.close(how_of(error), str(error))
        why = wording.reason(error.failure())
        detail = f" ({error.detail})" if error.detail else ""
        raise RemoteError(texts.NO_SHELL.format(why=why, detail=detail)) from error


def _denied(session: Session) -> Denial | None:
    """Ask the collector again. A proof was good when the shell began, and need not stay so."""
    denial = session.still_permitted()
    return None if denial is Denial.NO_PROOF else denial


def _seconds_left(session: Session) -> float:
    """Return how long the grant still lasts, by the collector's clock where it was asked."""
    now = datetime.now(UTC)
    answer = session.folder.read(names.ANSWER)
    if answer is not None:
        keys = session.trust.collector_keys
        now = envelope.disclose(answer, OPENED, Opened, keys).server_time
    return (session.authority.grant.not_after - now).total_seconds()


def _banner(session: Session, where: str) -> Text:
    proof = session.proof
    assert proof is not None, "open_session lets no shell through without one"
    grant = session.authority.grant
    return texts.BANNER.format(
        session=session.id[:8],
        host=f"{where} ({session.authority.host.name})",
        grant=grant.id,
        until=authority.local(grant.not_after),
        proof=f"{proof.subject} ({authority.local(proof.proved_at)})",
        leave=texts.LEAVE,
    )


def _announce(console: Console, text: Text) -> None:
    """Say something on the terminal, or beside what the host prints."""
    if os.isatty(sys.stdin.fileno()) and os.isatty(sys.stdout.fileno()):
        console.say(text)
    else:
        print(console.words(text), file=sys.stderr, flush=True)


def _say_end(console: Console, outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        detail = console.words(outcome.detail)
        end = {"event": "shell", "how": outcome.how, "detail": detail, "exit": outcome.exit_code}
        console.json(end)
    elif outcome.exit_code is not None:
        _announce(console, texts.EXITED.format(code=outcome.exit_code))
    else:
        _announce(console, texts.ENDS.format(why=outcome.detail))


def _asked(question: str, echo: bool) -> str:
    try:
        return by_terminal(question, echo)
    except EOFError as error:
        raise RemoteError(remote_texts.NO_ANSWER) from error
