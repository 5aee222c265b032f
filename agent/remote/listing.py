"""The command `xunjian-agent remote sessions`."""

from agent.console import Console
from agent.errors import AgentError
from agent.remote import folder as names
from agent.remote import home as place
from agent.remote import texts, trust
from agent.remote.authority import local
from agent.remote.delivering import host_of
from agent.remote.folder import Folder, all_in
from agent.remote.trust import Trust
from checks.api import Text
from wire import envelope
from wire.errors import WireError
from wire.sessions import CLOSING, Closing


def list_sessions(console: Console, *, as_json: bool) -> int:
    """Print the sessions of this workstation, the oldest first."""
    known = trust.load(place.folder())
    count = 0
    for folder in all_in(known.home):
        count += 1
        _show(console, folder, known, as_json=as_json)
    if not count and not as_json:
        console.say(texts.NO_SESSIONS)
    return 0


def _show(console: Console, folder: Folder, known: Trust, *, as_json: bool) -> None:
    try:
        opening = folder.opening()
    except AgentError as error:
        console.complain(error.text)
        return
    ended, progress = _ended(folder), folder.progress()
    state = (
        texts.STATE_DELIVERED
        if progress.delivered
        else texts.STATE_BUNDLED
        if progress.bundled
        else texts.STATE_WAITS
        if ended
        else texts.STATE_OPEN
    )
    if as_json:
        console.json(
            {
                "session": folder.id,
                "opened_at": opening.opened_at,
                "host": host_of(folder, known),
                "address": opening.address,
                "person": opening.person,
                "purpose": opening.purpose.value,
                "grant": opening.grant,
                "ended": ended or None,
                "delivered": progress.delivered,
                "files": list(progress.bundled),
            }
        )
        return
    console.say(
        texts.SESSION_LINE.format(
            session=folder.id[:8],
            at=local(opening.opened_at),
            host=host_of(folder, known) or "-",
            address=opening.address,
            purpose=texts.PURPOSES[opening.purpose],
            ended=texts.ENDS.get(ended, Text.same(ended)) if ended else Text.same("-"),
            state=state,
        )
    )


def _ended(folder: Folder) -> str:
    """Return how a session ended; empty while it has not."""
    body = folder.read(names.CLOSING_FILE)
    if body is None:
        return ""
    try:
        return envelope.opened(envelope.read(body), CLOSING, Closing).ended
    except WireError:
        return ""
