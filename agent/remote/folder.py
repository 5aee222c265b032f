"""The folder of one session: everything about it, on disk before anything depends on it.

sessions/<id>/
    key          the session's own key, 0600; gone once everything is delivered
    opening      signed by the engineer, before he connects
    grant        the grant, as it came
    answer       what the collector answered to the opening; none where it was not asked
    proof        a backup proof that was brought as a file
    record       the chain of events (agent/remote/recorder.py)
    keys/<id>    statements of keys that were made on the host
    state/       the spool with the batches; gone once they are delivered
    closing      signed by the engineer at the end
    progress     what the collector has acknowledged
    lock         held while the session, or its delivery, is under way
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from agent import files, identity
from agent.errors import RemoteError
from agent.remote import home as place
from agent.remote import texts
from wire import envelope
from wire.errors import WireError
from wire.sessions import OPENING, Opening
from wire.signing import PrivateKey

KEY, OPENING_FILE, GRANT_FILE, ANSWER, PROOF_FILE = "key", "opening", "grant", "answer", "proof"
RECORD, KEYS, STATE, CLOSING_FILE, PROGRESS = "record", "keys", "state", "closing", "progress"


class Progress(Struct, frozen=True, omit_defaults=True):
    """What the collector has acknowledged of a session."""

    opening: bool = False
    keys: tuple[str, ...] = ()
    parts: int = 0
    """Of the record, from the first."""
    batches: bool = False
    closing: bool = False
    bundled: tuple[str, ...] = ()
    """Files that it was written to, for a way without a network."""

    @property
    def delivered(self) -> bool:
        """Tell whether nothing of the session is left to be delivered."""
        return self.opening and self.batches and self.closing


class Folder:
    """The files of one session. Every method raises RemoteError where the disk does not do it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name

    @property
    def record(self) -> Path:
        """Return where the record is."""
        return self.path / RECORD

    @property
    def state(self) -> Path:
        """Return the folder of its spool."""
        return self.path / STATE

    def keep(self, name: str, content: bytes) -> None:
        """Write a file (0600), durable when this returns."""
        path = self.path / name
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            files.replace(path, content)
        except OSError as error:
            raise place.unusable(path, error) from error

    def read(self, name: str) -> bytes | None:
        """Return a file; None if there is none."""
        path = self.path / name
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise place.unusable(path, error) from error

    def demand(self, name: str) -> bytes:
        """Return a file that has to be there."""
        content = self.read(name)
        if content is None:
            raise RemoteError(texts.SESSION_BROKEN.format(path=str(self.path), detail=name))
        return content

    def key(self) -> PrivateKey:
        """Return the session's own key. Raise IdentityError, too."""
        key = identity.load_key(self.path / KEY)
        if key is None:
            raise RemoteError(texts.SESSION_BROKEN.format(path=str(self.path), detail=KEY))
        return key

    def opening(self) -> Opening:
        """Return what the session was opened with, its signature unchecked: it is our own."""
        try:
            return envelope.opened(envelope.read(self.demand(OPENING_FILE)), OPENING, Opening)
        except WireError as error:
            detail = f"{OPENING_FILE}: {error}"
            raise RemoteError(
                texts.SESSION_BROKEN.format(path=str(self.path), detail=detail)
            ) from error

    def statements(self) -> dict[str, bytes]:
        """Return the statements of keys made on the host, by the id of the key."""
        try:
            names = sorted(each.name for each in (self.path / KEYS).iterdir())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise place.unusable(self.path / KEYS, error) from error
        return {name: self.demand(f"{KEYS}/{name}") for name in names if not name.startswith(".")}

    def progress(self) -> Progress:
        """Return what is acknowledged; nothing where that can't be read: all can be repeated."""
        content = self.read(PROGRESS)
        if content is None:
            return Progress()
        try:
            return msgspec.json.decode(content, type=Progress)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return Progress()

    def keep_progress(self, progress: Progress) -> None:
        """Note what is acknowledged."""
        self.keep(PROGRESS, msgspec.json.encode(progress))

    def let_go(self) -> None:
        """Remove what only the delivery needed: the spool and the session's key."""
        try:
            if self.state.exists():
                shutil.rmtree(self.state)
            (self.path / KEY).unlink(missing_ok=True)
        except OSError as error:
            raise place.unusable(self.path, error) from error

    def remove(self) -> None:
        """Remove all of it: only what never became a session."""
        try:
            shutil.rmtree(self.path)
        except OSError as error:
            raise place.unusable(self.path, error) from error


def all_in(home: Path) -> Iterator[Folder]:
    """Yield the sessions of a workstation, by the time when their folders were made."""
    try:
        found = [each for each in place.sessions(home).iterdir() if each.is_dir()]
        found.sort(key=lambda each: (_opened(each), each.name))
    except FileNotFoundError:
        return
    except OSError as error:
        raise place.unusable(place.sessions(home), error) from error
    for path in found:
        yield Folder(path)


def _opened(path: Path) -> float:
    first = path / OPENING_FILE
    return (first if first.exists() else path).stat().st_mtime
