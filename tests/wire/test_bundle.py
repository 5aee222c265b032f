"""The format: bounded, streamed, and never quiet about what went wrong underneath."""

import io
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pyrage.x25519 import Identity

from tests.messages import batch_of, header, inspection, observation
from wire import bundle
from wire.batch import header_of, seal
from wire.errors import Damaged, Newer, NotABundle, NotForUs, Unreadable, WireError
from wire.frames import Frame, length_of, packed, read_frame

IDENTITY = Identity.generate()
RECIPIENT = str(IDENTITY.to_public())


def written(*frames: bytes) -> io.BytesIO:
    file = io.BytesIO()
    bundle.write(file, b"manifest", frames, [RECIPIENT])
    file.seek(0)
    return file


def test_what_is_written_is_read_again() -> None:
    file = written(b"a" * 100_000, b"", b"b")
    assert bundle.read_start(file) == bundle.Start(1, (bundle.short_id(RECIPIENT),))
    plain = io.BytesIO()
    bundle.decrypt(file, plain, IDENTITY)
    assert plain.getvalue() == b"\0\0\0\x08manifest" + b"a" * 100_000 + b"b"


def test_two_bundles_of_the_same_content_differ() -> None:
    start = len(bundle.start_of([RECIPIENT]))
    assert written(b"same").getvalue()[start:] != written(b"same").getvalue()[start:]


@given(
    some.text("abcXYZ019_.:-", min_size=0, max_size=63).map(lambda text: f"e{text}"),
    some.integers(1, 2**53),
    some.binary(min_size=32, max_size=32),
    some.binary(min_size=64, max_size=64),
    some.binary(min_size=1, max_size=100),
)
def test_a_frame_is_read_as_it_was_written(
    epoch: str, seq: int, key: bytes, signature: bytes, payload: bytes
) -> None:
    frame = Frame(epoch, seq, key.hex(), signature, payload)
    assert read_frame(io.BytesIO(packed(frame))) == frame
    assert len(packed(frame)) == length_of(epoch, payload)


@given(some.binary(max_size=300))
def test_any_bytes_are_a_frame_or_one_error(content: bytes) -> None:
    for read in (read_frame, bundle.read_start, bundle.read_manifest):
        with suppress(WireError):
            read(io.BytesIO(content))


@given(some.binary(max_size=200))
def test_any_bytes_behind_the_magic_are_refused(content: bytes) -> None:
    with pytest.raises((NotABundle, Newer)):
        bundle.read_start(io.BytesIO(bundle.MAGIC + content))


def test_it_opens_for_its_recipients_only() -> None:
    file = written(b"a")
    bundle.read_start(file)
    with pytest.raises(NotForUs):
        bundle.decrypt(file, io.BytesIO(), Identity.generate())


@pytest.mark.parametrize(
    "error", [KeyError("spool"), OSError(5, "Input/output error"), KeyboardInterrupt()]
)
def test_what_the_batches_raise_comes_out_as_it_is(error: BaseException) -> None:
    def frames() -> Iterator[bytes]:
        yield b"x" * 200_000
        raise error

    with pytest.raises(type(error)) as raised:
        bundle.write(io.BytesIO(), b"m", frames(), [RECIPIENT])
    assert raised.value is error


def test_a_full_disk_comes_out_as_it_is() -> None:
    file = written(b"x" * 200_000)
    bundle.read_start(file)
    with open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123 - a device
        with pytest.raises(OSError, match="No space left"):
            bundle.write(full, b"m", [b"x"], [RECIPIENT])
        with pytest.raises(OSError, match="No space left"):
            bundle.decrypt(file, full, IDENTITY)


def test_a_recipient_that_is_none_is_told_before_anything_is_written() -> None:
    file = io.BytesIO()
    with pytest.raises(ValueError, match="recipient"):
        bundle.write(file, b"m", [b"x"], ["age1qqqqqqqqqqqqqqqq"])
    assert file.getvalue() == b""


def test_a_header_without_end_is_refused_without_reading_it_all() -> None:
    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self.given = 0

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            self.given += size
            assert self.given < 2**20
            return b"A" * size

        def tell(self) -> int:
            return 0

        def seek(self, _place: int, _whence: int = 0) -> int:
            return 0

    with pytest.raises(Damaged):
        bundle.decrypt(Endless(), io.BytesIO(), IDENTITY)


def test_the_header_of_a_batch_is_read_without_the_rest() -> None:
    batch = batch_of(observation("host.volumes", {"a": 1}))
    assert header_of(batch.payload) == header(1, inspection(observation("host.volumes")))
    long = seal(header(1), [b"x" * 60 * 2**20])
    tracemalloc.start()
    header_of(long.payload)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
    with pytest.raises(Damaged):
        header_of(b"no gzip")
    with pytest.raises(Unreadable):
        header_of(seal(header(0), []).payload[:40])
