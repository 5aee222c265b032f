"""Who this agent is: its key, made here and never leaving, and what the collector made of it.

<state>/identity/key          the Ed25519 key, 0600; its copy is a clone of this agent
<state>/identity/pending      an enrolment under way: nonce and verifier of the one-time code
<state>/identity/enrolled     the collector's signed answer, kept as it came
<state>/identity/next-key     the new key while a rotation is under way
<state>/identity/rotation     the signed statement of that rotation

Nothing here is ever deleted or made anew because of what somebody answered (security-reliability
§0, 4): a lost identity is a new slot, by a person.
"""

from pathlib import Path

import msgspec
from msgspec import Struct

from agent import enrolment_messages as messages
from agent import files
from agent.errors import IdentityError, NotEnrolled
from wire import envelope
from wire.control import ENROLLED, Enrolled
from wire.errors import WireError
from wire.signing import SEED_BYTES, PrivateKey, key_id

KEY, NEXT_KEY, PENDING, ANSWER, ROTATION = "key", "next-key", "pending", "enrolled", "rotation"


class Identity(Struct, frozen=True):
    """An enrolled agent."""

    agent: str
    customer_id: str
    customer: str
    site: str
    host: str
    collector_key: bytes
    recipients: tuple[str, ...]
    key: PrivateKey
    """Seals from now on; while a rotation is under way, the new one already."""
    rotation: bytes | None = None
    """The statement that has to reach the collector before anything else does."""

    @property
    def collector_keys(self) -> dict[str, bytes]:
        """Return the keys that the collector's answers must be signed with, by id."""
        return {key_id(self.collector_key): self.collector_key}


def folder_of(state: Path) -> Path:
    """Return where the identity of a state folder lies."""
    return state / "identity"


def load(state: Path) -> Identity:
    """Return the identity of a state folder.

    Raise NotEnrolled if there is none yet, IdentityError if it can't be read or was changed.
    """
    folder = folder_of(state)
    body = read(folder / ANSWER)
    if body is None:
        raise NotEnrolled(messages.NOT_ENROLLED.format(folder=str(state)))
    key = load_key(folder / KEY)
    if key is None:
        raise IdentityError(messages.KEY_MISSING.format(file=str(folder / KEY)))
    statement = read(folder / ROTATION)
    following = load_key(folder / NEXT_KEY)
    if statement is not None and following is not None:
        key = following
    try:
        return of(trusted(body), key, statement)
    except WireError as error:
        file = str(folder / ANSWER)
        raise IdentityError(
            messages.IDENTITY_BROKEN.format(file=file, detail=str(error))
        ) from error


def trusted(body: bytes) -> Enrolled:
    """Return the collector's answer, signed by the key that it names itself. Raise WireError.

    That this key is the collector's was proved when the answer came (agent/enrolment.py).
    """
    read_envelope = envelope.read(body)
    answer = envelope.opened(read_envelope, ENROLLED, Enrolled)
    envelope.check(read_envelope, {key_id(answer.collector_key): answer.collector_key})
    return answer


def of(answer: Enrolled, key: PrivateKey, rotation: bytes | None = None) -> Identity:
    """Return the identity that an answer gives to the holder of a key."""
    return Identity(
        agent=answer.agent,
        customer_id=answer.customer_id,
        customer=answer.customer,
        site=answer.site,
        host=answer.host,
        collector_key=answer.collector_key,
        recipients=answer.recipients,
        key=key,
        rotation=rotation,
    )


def load_key(path: Path) -> PrivateKey | None:
    """Return the key in a file; None if there is no file. Raise IdentityError.

    A file that others may read is refused: its key is theirs, too.
    """
    content = read(path)
    if content is None:
        return None
    if path.stat().st_mode & 0o077:
        raise IdentityError(messages.KEY_OPEN.format(file=str(path)))
    try:
        seed = bytes.fromhex(content.decode("ascii").strip())
        if len(seed) != SEED_BYTES:
            raise ValueError(len(seed))
    except ValueError as error:
        raise IdentityError(messages.KEY_BROKEN.format(file=str(path))) from error
    return PrivateKey(seed)


def keep_key(path: Path, key: PrivateKey) -> None:
    """Write a key (0600), durable when this returns. Raise IdentityError."""
    keep(path, key.seed().hex().encode() + b"\n")


def keep(path: Path, content: bytes) -> None:
    """Write a file of the identity, its folder 0700. Raise IdentityError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.replace(path, content)
    except OSError as error:
        raise _unusable(path, error) from error


def keep_message(path: Path, message: Struct) -> None:
    """Write a message as JSON. Raise IdentityError."""
    keep(path, msgspec.json.encode(message))


def read(path: Path) -> bytes | None:
    """Return a file of the identity; None if there is none. Raise IdentityError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> IdentityError:
    detail = error.strerror or str(error)
    return IdentityError(messages.IDENTITY_UNUSABLE.format(file=str(path), detail=detail))
