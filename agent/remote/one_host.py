"""One host, inspected from beginning to end: permitted, connected, read, closed."""

import threading

from msgspec import Struct
from msgspec.structs import replace

from agent import redaction
from agent.errors import AgentError, Stopped
from agent.remote import authority as permission
from agent.remote import inspect_texts, texts
from agent.remote import target as address
from agent.remote.authority import Authority, Granted
from agent.remote.folder import Folder
from agent.remote.package import Package
from agent.remote.progress import Report, SessionBegan, SignedIn
from agent.remote.reading import Reader, Reading
from agent.remote.session import COMPLETED, open_session
from agent.remote.trust import Trust
from agent.remote.way import Way, connected, way_of
from agent.remote.wishes import Wish
from agent.ssh.credentials import Prompt
from checks import wording
from checks.api import Text
from checks.errors import ProbeError
from wire.sessions import Purpose


class Visited(Struct, frozen=True, kw_only=True):
    """What came of one host."""

    target: str
    host: str = ""
    """What the grant calls it; empty where that did not come to be known."""
    session: Folder | None = None
    reading: Reading | None = None
    error: Text | None = None
    stopped: bool = False


class Inspector(Struct, frozen=True, kw_only=True):
    """What all hosts of one command have in common."""

    trust: Trust
    granted: Granted
    package: Package | None
    stop: threading.Event
    language: str


def visit(inspector: Inspector, wish: Wish, prompt: Prompt, report: Report) -> Visited:
    """Inspect one host. Nothing is raised for it: `error` says what was wrong, in one sentence."""
    found = Visited(target=wish.target)
    try:
        where = address.read(wish.target)
        allowed = permission.authorise(
            inspector.granted, inspector.trust, where.host, Purpose.INSPECT
        )
        found = replace(found, host=allowed.host.name)
        way = way_of(
            allowed,
            where,
            jumps=wish.jumps,
            key=wish.key,
            host_keys=wish.host_keys,
            prompt=prompt,
        )
    except AgentError as error:
        return replace(found, error=error.text)
    if inspector.stop.is_set():
        return replace(found, error=texts.STOPPED, stopped=True)
    return _held(inspector, wish, allowed, way, report, found)


def _held(
    inspector: Inspector, wish: Wish, allowed: Authority, way: Way, report: Report, found: Visited
) -> Visited:
    """Hold the session; whatever ends it, what was read by then is in its folder."""
    made: list[Folder] = []
    try:
        with open_session(
            inspector.trust, allowed, str(way.target), Purpose.INSPECT, made=made.append
        ) as session:
            report(SessionBegan(session.id, session.asked))
            with connected(way, session.record) as connection:
                report(SignedIn(str(way.server), str(connection.host_key)))
                reader = Reader(
                    session=session,
                    connection=connection,
                    wish=wish,
                    package=inspector.package,
                    report=report,
                    stop=inspector.stop,
                    language=inspector.language,
                )
                reading = reader.read()
            found = replace(found, reading=reading)
            session.close(COMPLETED, f"{reading.collected} of {reading.total} checks")
    except (Stopped, KeyboardInterrupt):  # the latter: so says a run over the channel
        found = replace(found, error=texts.STOPPED, stopped=True)
    except AgentError as error:
        found = replace(found, error=error.text)
    except ProbeError as error:
        found = replace(found, error=sentence_of(error))
    return replace(found, session=made[0] if made else None)


def sentence_of(error: ProbeError) -> Text:
    """Return what is wrong on the way to a host, for a person."""
    why = wording.reason(error.failure())
    detail = redaction.clean(error.detail)
    return inspect_texts.WITH_DETAIL.format(why=why, detail=detail) if detail else why
