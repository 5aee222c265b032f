"""Who the engineer is: a name, and a key that is made here and never leaves."""

import secrets
from pathlib import Path

import msgspec
from msgspec import Struct

from agent import identity
from agent.errors import RemoteError
from agent.remote import home as place
from agent.remote import texts
from wire import envelope
from wire.control import Nonce
from wire.messages import WIRE_VERSION, Label
from wire.sessions import REGISTRATION, Registration
from wire.signing import PrivateKey


class Pending(Struct, frozen=True):
    """A registration under way: what its answer has to repeat."""

    person: Label
    nonce: Nonce


def key_of(home: Path) -> PrivateKey | None:
    """Return the engineer's key; None while there is none. Raise IdentityError.

    A key that others may read is refused.
    """
    return identity.load_key(home / place.KEY)


def request(home: Path, person: str) -> bytes:
    """Return the signed request that makes an engineer known; the same again while it is under way.

    The key is made by the first one and kept by all others. Raise RemoteError, IdentityError.
    """
    name = person.strip()
    if not name or len(name) > 200 or not name.isprintable():
        raise RemoteError(texts.NAME_UNFIT)
    place.made(home)
    key = key_of(home)
    if key is None:
        key = PrivateKey.generate()
        identity.keep_key(home / place.KEY, key)
    under_way = pending(home)
    if under_way is None or under_way.person != name:
        under_way = Pending(name, secrets.token_hex(16))
        identity.keep_message(home / place.PENDING, under_way)
    registration = Registration(
        wire=WIRE_VERSION, person=name, public_key=key.public, nonce=under_way.nonce
    )
    return envelope.enclose(registration, REGISTRATION, key)


def pending(home: Path) -> Pending | None:
    """Return the registration under way; None if there is none, or none that can be read."""
    content = identity.read(home / place.PENDING)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=Pending)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None  # A new one takes its place: nothing but this registration depends on it.
