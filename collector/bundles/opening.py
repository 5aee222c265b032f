"""Open the file of a bundle: decrypted aside, whole and unchanged, before anything of it is used.

What was decrypted is in a file without a name, which is gone however this process ends.
"""

import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pyrage.x25519 import Identity as AgeIdentity

from collector.bundles import refusals
from collector.errors import BundleRefused
from wire import bundle
from wire.bundle import LARGEST_PART_BYTES
from wire.control import Manifest
from wire.envelope import Envelope
from wire.errors import Damaged, NotForUs, Unreadable
from wire.frames import Frame
from wire.messages import WIRE_VERSION

Heard = Callable[[int], None]
"""Is told how many bytes more have been dealt with."""
STEPS = 3
"""How often each byte is dealt with: decrypted, compared, stored."""


@dataclass(frozen=True)
class OpenBundle:
    """A bundle whose content is that which was encrypted to us; who signed it is not checked."""

    envelope: Envelope
    manifest: Manifest
    _plain: BinaryIO
    _first_frame: int

    def frames(self) -> Iterator[Frame]:
        """Give the batches. Raise BundleRefused where they are none."""
        with refusals.told():
            self._plain.seek(self._first_frame)
            yield from bundle.read_frames(self._plain, self.manifest)


@contextmanager
def opened(path: Path, identity: AgeIdentity, scratch: Path, heard: Heard) -> Iterator[OpenBundle]:
    """Give the bundle in a file. Raise BundleRefused; `scratch` is a folder with room for it."""
    with source(path) as file, aside(scratch) as plain:
        with refusals.told():
            start = bundle.read_start(file)
            recipient = str(identity.to_public())
            if bundle.short_id(recipient) not in start.recipients:
                raise NotForUs("The bundle does not name our key.")
            decrypted(file, plain, identity, scratch, heard)
            plain.seek(0)
            signed, manifest = bundle.read_manifest(plain)
            if manifest.wire.split(".")[0] != WIRE_VERSION.split(".")[0]:
                raise Unreadable(f"The bundle speaks wire version {manifest.wire}.")
            _compare_start(file, manifest)
            if recipient not in manifest.recipients:
                raise NotForUs("The sender did not mean us.")
            first_frame = plain.tell()
            bundle.check_frames(plain, manifest, heard)
        yield OpenBundle(signed, manifest, plain, first_frame)


@contextmanager
def source(path: Path) -> Iterator[BinaryIO]:
    """Give a file that may be a bundle. Raise BundleRefused for what can be none."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise BundleRefused(refusals.NO_FILE)
        if found.st_size == 0:
            raise BundleRefused(refusals.EMPTY)
        if found.st_size > LARGEST_PART_BYTES:
            raise BundleRefused(refusals.TOO_LONG)
        file = path.open("rb")
    except (OSError, ValueError) as error:
        raise _unreadable(error) from error
    with file:
        yield file


@contextmanager
def aside(scratch: Path) -> Iterator[BinaryIO]:
    """Give a file without a name. Raise BundleRefused where there is no room."""
    with ExitStack() as open_files:
        try:
            # Without a buffer: it could not be closed on a full disk.
            file = open_files.enter_context(tempfile.TemporaryFile(dir=scratch, buffering=0))
        except OSError as error:
            raise _no_room(scratch, error) from error
        yield file


class _Counted:
    """A file that is read, and tells how far. Raises BundleRefused where it can't be read."""

    def __init__(self, file: BinaryIO, heard: Heard) -> None:
        self._file = file
        self._heard = heard
        self.tell, self.seek = file.tell, file.seek

    def read(self, size: int, /) -> bytes:
        try:
            content = self._file.read(size)
        except OSError as error:
            raise _unreadable(error) from error
        self._heard(len(content))
        return content


def decrypted(
    file: BinaryIO, plain: BinaryIO, identity: AgeIdentity, scratch: Path, heard: Heard
) -> None:
    """Write what is encrypted behind the beginning. Raise WireError, BundleRefused."""
    try:
        bundle.decrypt(_Counted(file, heard), plain, identity)
    except OSError as error:
        raise _no_room(scratch, error) from error


def _compare_start(file: BinaryIO, manifest: Manifest) -> None:
    """Return if what stands in clear is what the sender has written. Raise Damaged."""
    written = bundle.start_of(manifest.recipients)
    file.seek(0)
    if file.read(len(written)) != written:
        raise Damaged("The clear beginning of the bundle was changed.")


def _unreadable(error: OSError | ValueError) -> BundleRefused:
    detail = getattr(error, "strerror", None) or str(error)
    return BundleRefused(refusals.UNREADABLE_FILE.format(detail=detail))


def _no_room(scratch: Path, error: OSError) -> BundleRefused:
    detail = error.strerror or str(error)
    return BundleRefused(refusals.NO_SCRATCH.format(folder=str(scratch), detail=detail))
