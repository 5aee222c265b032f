"""Close the sessions that never came to their end: the workstation was killed, or lost its power.

What is on disk decides: a folder without an opening never became a session and is removed; an
opening without a record never reached a host; a record is cut at its last whole line and goes on
with an Ended. Only then it is signed.
"""

from agent.errors import RemoteError
from agent.remote import folder as names
from agent.remote import texts
from agent.remote.folder import Folder
from agent.remote.recorder import Recorder, resume
from agent.remote.session import INTERRUPTED, keep_closing
from agent.remote.trust import Trust
from wire import record
from wire.record import Ended, SessionOpened

_SAYS = "the workstation stopped before the session was closed"
_BEFORE_OPENING = {
    *(names.KEY, names.GRANT_FILE, names.PROOF_FILE, "lock"),
    *(f".{kept}.new" for kept in (names.KEY, names.GRANT_FILE, names.PROOF_FILE)),
    f".{names.OPENING_FILE}.new",
}
"""What may lie in a folder whose session was not signed yet."""


def mend(folder: Folder, trust: Trust) -> bool:
    """Close a session whose folder nobody else holds; false: it never was one, and is gone.

    One that is closed stays as it is. Raise RecordLost for a record that was damaged, RemoteError
    for a folder that is, or that is another engineer's: both stay as they are.
    """
    if folder.read(names.OPENING_FILE) is None:
        _demand_nothing_else(folder)
        folder.remove()
        return False
    opening = folder.opening()
    if opening.key_id != trust.key.id:
        raise RemoteError(
            texts.SESSION_OF_OTHER_KEY.format(path=str(folder.path), person=opening.person)
        )
    if folder.read(names.CLOSING_FILE) is not None:
        return True
    recorder = resume(folder.record) if folder.record.exists() else Recorder(folder.record)
    try:
        if not recorder.lines:
            recorder.write(_first(folder))
        if not recorder.ended:
            recorder.write(Ended(INTERRUPTED, _SAYS))
    finally:
        recorder.close()
    keep_closing(folder, trust.key, recorder.lines, recorder.head, _how(folder))
    return True


def _first(folder: Folder) -> SessionOpened:
    return SessionOpened(
        folder.demand(names.OPENING_FILE),
        folder.demand(names.GRANT_FILE),
        folder.read(names.ANSWER),
        folder.read(names.PROOF_FILE),
    )


def _how(folder: Folder) -> str:
    """Return how the record says that it ended."""
    how = INTERRUPTED
    with folder.record.open("rb") as lines:
        for line, _ in record.read(lines):
            if isinstance(line.event, Ended):
                how = line.event.how
    return how


def _demand_nothing_else(folder: Folder) -> None:
    """Raise RemoteError where a folder without an opening holds what only comes after one."""
    later = sorted(each.name for each in folder.path.iterdir() if each.name not in _BEFORE_OPENING)
    if later:
        raise RemoteError(
            texts.SESSION_BROKEN.format(
                path=str(folder.path), detail=f"{names.OPENING_FILE}; {', '.join(later[:5])}"
            )
        )
