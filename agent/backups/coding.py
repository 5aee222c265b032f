"""Compression of a whole file: told by its first bytes, undone as the bytes pass.

Every decoder is a generator from chunks to chunks of bounded size. It raises Damaged for anything
that is not a whole, intact stream, and takes streams one behind the other for one, as the tools do.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator

from msgspec import Struct

from agent.backups.damage import Damaged
from agent.backups.piping import piped

_CHUNK_BYTES = 2**20
_GZIP_WBITS = 31
_LZ4_LEGACY = b"\x02\x21\x4c\x18"


class Coding(Struct, frozen=True):
    """A compression."""

    name: str
    magic: tuple[bytes, ...]
    suffixes: tuple[str, ...]
    """What files of it are called; such a name promises the magic."""
    decode: Callable[[Iterator[bytes], Callable[[], float]], Iterator[bytes]]
    """decode(chunks, left_seconds). Raise Damaged; a ProbeError where a tool is needed."""


def coding_of(head: bytes) -> Coding | None:
    """Return the compression that a file begins with; None: it is not compressed."""
    return next((coding for coding in CODINGS if head.startswith(coding.magic)), None)


def promised_coding(name: str) -> Coding | None:
    """Return the compression that a name promises."""
    lower = name.lower()
    return next((coding for coding in CODINGS if lower.endswith(coding.suffixes)), None)


def _gzip(chunks: Iterator[bytes], _left_seconds: Callable[[], float]) -> Iterator[bytes]:
    decoder = zlib.decompressobj(_GZIP_WBITS)
    begun = False
    padding = False
    for chunk in chunks:
        data = chunk
        while data:
            if not begun:
                # Zeros behind a whole stream are the padding of a block device or a tape.
                stripped = data.lstrip(b"\0") if padding else data
                if not stripped:
                    break
                data, begun = stripped, True
            try:
                content = decoder.decompress(data, _CHUNK_BYTES)
            except zlib.error as error:
                raise Damaged(_words("gzip", error, padding)) from error
            if content:
                yield content
            data = decoder.unconsumed_tail
            if decoder.eof:
                data = decoder.unused_data
                decoder = zlib.decompressobj(_GZIP_WBITS)
                begun, padding = False, True
    while begun and (content := _rest(decoder)):
        yield content
    if begun:
        if decoder.eof and not decoder.unused_data.strip(b"\0"):
            return
        raise Damaged("gzip: unexpected end of file")


def _rest(decoder: "zlib._Decompress") -> bytes:
    """Return what a decoder still holds when its input has ended."""
    try:
        return decoder.decompress(decoder.unconsumed_tail, _CHUNK_BYTES)
    except zlib.error as error:
        raise Damaged(f"gzip: {error}") from error


def _words(name: str, error: Exception, behind: bool) -> str:
    return f"{name}: {error}" + (", behind the end of a whole stream" if behind else "")


def _bzip2(chunks: Iterator[bytes], _left_seconds: Callable[[], float]) -> Iterator[bytes]:
    return _members("bzip2", bz2.BZ2Decompressor, OSError, chunks)


def _xz(chunks: Iterator[bytes], _left_seconds: Callable[[], float]) -> Iterator[bytes]:
    return _members("xz", _xz_decoder, lzma.LZMAError, chunks)


def _xz_decoder() -> lzma.LZMADecompressor:
    # 1 GiB is more than any preset of xz needs; a forged header can ask for 4 GiB.
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=2**30)


def _members(
    name: str,
    new: "Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]",
    broken: type[Exception],
    chunks: Iterator[bytes],
) -> Iterator[bytes]:
    decoder = new()
    begun = False
    behind = False
    for chunk in chunks:
        data = chunk
        while data or (begun and not decoder.needs_input):
            if not begun:
                data = data.lstrip(b"\0") if behind else data
                if not data:
                    break
                begun = True
            try:
                content = decoder.decompress(data, _CHUNK_BYTES)
            except (broken, EOFError, ValueError) as error:
                raise Damaged(_words(name, error, behind)) from error
            data = b""
            if content:
                yield content
            if decoder.eof:
                data = decoder.unused_data
                decoder = new()
                begun, behind = False, True
    if begun:
        raise Damaged(f"{name}: unexpected end of file")


def _zstd(chunks: Iterator[bytes], left_seconds: Callable[[], float]) -> Iterator[bytes]:
    return piped(("zstd", "-dc", "--no-progress"), chunks, left_seconds)


def _lz4(chunks: Iterator[bytes], left_seconds: Callable[[], float]) -> Iterator[bytes]:
    return piped(("lz4", "-dc"), chunks, left_seconds)


CODINGS = (
    Coding("gzip", (b"\x1f\x8b\x08",), (".gz", ".tgz"), _gzip),
    Coding("bzip2", tuple(b"BZh%d" % level for level in range(1, 10)), (".bz2", ".tbz2"), _bzip2),
    Coding("xz", (b"\xfd7zXZ\0",), (".xz", ".txz"), _xz),
    Coding("zstd", (b"\x28\xb5\x2f\xfd",), (".zst", ".zstd"), _zstd),
    Coding("lz4", (b"\x04\x22\x4d\x18", _LZ4_LEGACY), (".lz4",), _lz4),
)
