"""A bundle: batches in a file, for a host without a network (security-reliability §3.7).

    INSPB | version, 1 byte | length, 4 bytes | JSON: the version, and short ids of the recipients
    age ciphertext ( length, 4 bytes | manifest in its envelope | frames, see wire/frames.py )

The manifest is signed by the agent and encrypted with the frames: encryption alone would not say
who sent it, a signature outside would not say to whom. What stands in clear before the ciphertext
is repeated by the manifest. Decryption gives plaintext before it has seen the end of a file, so a
reader keeps it aside and uses nothing of it before `decrypt` has returned.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO, Protocol

import msgspec
import pyrage
from msgspec import Struct
from pyrage.x25519 import Identity, Recipient

from wire import envelope
from wire.control import MANIFEST, Manifest
from wire.envelope import Envelope
from wire.errors import Damaged, Newer, NotABundle, NotForUs, TooLarge, Unreadable
from wire.frames import MOST_FRAMES, Frame, exactly, read_frame
from wire.streams import Fault, Reading, Writing, reader_of

MAGIC = b"INSPB"
VERSION = 1
LARGEST_PART_BYTES = 2**32 - 1
"""What a file may have on FAT32; nothing larger is taken."""
LARGEST_RECEIPT_BYTES = 2**24
"""Of the receipt of one part, with MOST_FRAMES acknowledgements."""
MOST_EPOCHS = 500
"""In one part; wire.control.Manifest takes twice as many."""

_LENGTH_BYTES = 4
_LARGEST_HEADER_BYTES = 4096
_LARGEST_AGE_HEADER_BYTES = 2**16
_AGE_HEADER_END = b"\n--- "
_COPY_BYTES = 2**16


class Source(Protocol):
    """A file that is read."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes, none at the end."""

    def tell(self) -> int:
        """Return the place."""

    def seek(self, place: int, /) -> int:
        """Go to a place."""


class Start(Struct, frozen=True):
    """What can be read of a bundle without any key. It may have been changed: see `same_start`."""

    version: int
    recipients: tuple[str, ...]
    """short_id of each."""


def short_id(recipient: str) -> str:
    """Return what a recipient is called in clear."""
    return hashlib.sha256(recipient.encode()).hexdigest()[:16]


def start_of(recipients: Sequence[str], magic: bytes = MAGIC) -> bytes:
    """Return the clear beginning of a bundle to these recipients."""
    content = msgspec.json.encode(Start(VERSION, tuple(short_id(each) for each in recipients)))
    return magic + bytes([VERSION]) + len(content).to_bytes(_LENGTH_BYTES) + content


def read_start(file: BinaryIO, magic: bytes = MAGIC) -> Start:
    """Return the clear beginning. Raise NotABundle, or Newer for a later version."""
    if file.read(len(magic)) != magic:
        raise NotABundle("This file is no bundle of an agent.")
    version = file.read(1)
    if version and version[0] > VERSION:
        raise Newer(f"The bundle has version {version[0]}; version {VERSION} is read here.")
    try:
        if version != bytes([VERSION]):
            raise NotABundle("The bundle tells no version.")
        length = int.from_bytes(exactly(file, _LENGTH_BYTES))
        if length > _LARGEST_HEADER_BYTES:
            raise NotABundle(f"The bundle begins with {length} bytes in clear: it is none.")
        return msgspec.json.decode(exactly(file, length), type=Start)
    except (Damaged, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotABundle("The beginning of the bundle is damaged.") from error


def write(
    file: BinaryIO, manifest: bytes, frames: Iterable[bytes], recipients: Sequence[str]
) -> None:
    """Write a bundle of the manifest's envelope and packed frames, never all of it in memory.

    Raise ValueError for a recipient that is none; whatever writing or the frames raise; OSError
    where encrypting fails. Half a bundle may have been written then.
    """
    seal(file, start_of(recipients), _plain(manifest, frames), recipients)


def seal(file: BinaryIO, start: bytes, plain: Iterator[bytes], recipients: Sequence[str]) -> None:
    """Write a clear beginning, and pieces behind it encrypted. Raise as `write` does."""
    try:
        keys = [Recipient.from_str(each) for each in recipients]
    except pyrage.RecipientError as error:
        raise ValueError(f"There is no such recipient: {error}") from error
    file.write(start)
    fault = Fault()
    source = Reading(reader_of(plain), fault)
    try:
        pyrage.encrypt_io(source, Writing(file.write, fault), keys)
    except (pyrage.EncryptError, OSError) as error:
        raise fault.error or OSError(f"encryption failed: {error}") from error


def decrypt(file: Source, into: BinaryIO, identity: Identity) -> None:
    """Write the plaintext of what follows the beginning. Nothing of it counts if this raises.

    Raise NotForUs, or Damaged for any change or cut; OSError where reading or writing fails.
    """
    place = file.tell()
    if _AGE_HEADER_END not in file.read(_LARGEST_AGE_HEADER_BYTES):
        # The library would look for the end of it in the whole file, in memory.
        raise Damaged("The bundle is damaged or cut: its encryption has no header.")
    file.seek(place)
    fault = Fault()
    try:
        pyrage.decrypt_io(Reading(file.read, fault), Writing(into.write, fault), [identity])
    except (pyrage.DecryptError, OSError) as error:
        if fault.error is not None:
            raise fault.error from error
        if "No matching keys" in str(error):
            raise NotForUs("The bundle is encrypted to another key than ours.") from error
        raise Damaged("The bundle is damaged or cut: decrypting it failed.") from error


def read_manifest(plain: BinaryIO) -> tuple[Envelope, Manifest]:
    """Return the manifest, its signature unchecked. Raise Damaged, TooLarge or Unreadable."""
    length = int.from_bytes(exactly(plain, _LENGTH_BYTES))
    if length > envelope.LARGEST_BYTES:
        raise TooLarge(f"The manifest has {length} bytes.")
    signed = envelope.read(exactly(plain, length))
    manifest = envelope.opened(signed, MANIFEST, Manifest)
    if manifest.batches > MOST_FRAMES or manifest.part > manifest.parts:
        raise Unreadable("The manifest tells more batches or parts than there may be.")
    return signed, manifest


def read_frames(plain: BinaryIO, manifest: Manifest) -> Iterator[Frame]:
    """Give the frames that follow the manifest. Raise Damaged or TooLarge.

    That they are those which the manifest was signed with is known when all of them were read.
    """
    for _ in range(manifest.batches):
        yield read_frame(plain)
    if plain.read(1):
        raise Damaged("There is something behind the last batch of the bundle.")


def check_frames(plain: BinaryIO, manifest: Manifest, heard: Callable[[int], None]) -> None:
    """Return if the bytes that follow the manifest are those it was signed with. Raise Damaged.

    `heard` is told how many bytes have been read since the last time.
    """
    digest = hashlib.sha256()
    while chunk := plain.read(_COPY_BYTES):
        digest.update(chunk)
        heard(len(chunk))
    if digest.hexdigest() != manifest.frames_digest:
        raise Damaged("The batches in the bundle are not those that it was signed with.")


def _plain(manifest: bytes, frames: Iterable[bytes]) -> Iterator[bytes]:
    yield len(manifest).to_bytes(_LENGTH_BYTES) + manifest
    yield from frames
