"""Which characters the fonts of the PDF have.

PDF/A forbids a character without a glyph, and typst then refuses the document: a value with an
emoji must not cost a customer his report. Such characters are printed by their codes. Read from
the fonts' own `cmap` table (OpenType, format 12), about 20 ms once: the one table that is needed
is not worth a font library among the dependencies.
"""

import re
import struct
from functools import cache
from pathlib import Path

from pylopdf_fonts_zh_cn import sans_path, serif_path

from collector.errors import CollectorError
from collector.reports.printable import visible

_FORMAT_SEGMENTED = 12
_DRAWN_BY_NONE = frozenset("\u200b\u200c\u200d")
"""Break opportunity and joiners: they need no glyph."""


class FontUnreadable(CollectorError):
    """A font of this installation is not the OpenType file that it should be."""


def folder() -> Path:
    """Return the folder that the fonts of the PDF lie in."""
    return sans_path().parent


def drawable(text: str) -> str:
    """Return the text with every character that a font lacks printed by its code.

    Raises FontUnreadable.
    """
    return _lacking().sub(lambda match: visible(match.group()), text)


@cache
def _lacking() -> re.Pattern[str]:
    """Return what fits every character that is not in both fonts."""
    common = sorted(_covered(sans_path()) & _covered(serif_path()) | set(map(ord, _DRAWN_BY_NONE)))
    ranges: list[list[int]] = []
    for code in common:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    allowed = "".join(f"{re.escape(chr(a))}-{re.escape(chr(b))}" for a, b in ranges if a >= 32)
    return re.compile(f"[^{allowed}]")


def _covered(path: Path) -> set[int]:
    data = path.read_bytes()
    try:
        (tables,) = struct.unpack_from(">H", data, 4)
        records = [struct.unpack_from(">4sIII", data, 12 + 16 * place) for place in range(tables)]
        start = next(offset for tag, _, offset, _ in records if tag == b"cmap")
        (subtables,) = struct.unpack_from(">H", data, start + 2)
        for place in range(subtables):
            (offset,) = struct.unpack_from(">I", data, start + 4 + 8 * place + 4)
            if struct.unpack_from(">H", data, start + offset) == (_FORMAT_SEGMENTED,):
                (count,) = struct.unpack_from(">I", data, start + offset + 12)
                groups = struct.iter_unpack(
                    ">III", data[start + offset + 16 : start + offset + 16 + 12 * count]
                )
                return {code for first, last, _ in groups for code in range(first, last + 1)}
    except (struct.error, StopIteration) as error:
        raise FontUnreadable(f"{path.name}: not an OpenType font; reinstall the fonts") from error
    raise FontUnreadable(f"{path.name}: no table of Unicode characters; reinstall the fonts")
