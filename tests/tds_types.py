"""The types of TDS 7.4 that rows of SQL Server have: how columns and values are told."""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

COLLATION = bytes([0x09, 0x04, 0xD0, 0x00, 0x34])
_LONGEST = 4000
_SCALE = 6


@dataclass(frozen=True)
class Kind:
    """How a column is described, how a value is written, and what NULL looks like."""

    column: bytes
    write: Callable[[Any], bytes]
    null: bytes = b"\0"


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def _counted(value: bytes) -> bytes:
    return bytes([len(value)]) + value


def _counted_long(value: bytes) -> bytes:
    return struct.pack("<H", len(value)) + value


def _in_parts(value: bytes) -> bytes:
    part = struct.pack("<I", len(value)) + value if value else b""
    return struct.pack("<Q", len(value)) + part + bytes(4)


def _decimal(value: Any) -> bytes:
    number = int(Decimal(value).scaleb(_SCALE))
    return b"\x11" + bytes([number >= 0]) + abs(number).to_bytes(16, "little")


def _datetime(value: datetime) -> bytes:
    since = value - datetime(1900, 1, 1)  # noqa: DTZ001 - the type has no zone
    ticks = round((since.seconds + since.microseconds / 1e6) * 300)
    return b"\x08" + struct.pack("<iI", since.days, ticks)


def _datetime2(value: datetime) -> bytes:
    ticks = ((value.hour * 60 + value.minute) * 60 + value.second) * 10**7 + value.microsecond * 10
    day = value.date().toordinal() - 1
    return b"\x08" + ticks.to_bytes(5, "little") + day.to_bytes(3, "little")


def _variant(value: str) -> bytes:
    text = _wide(value)
    content = b"\xe7\x07" + COLLATION + struct.pack("<H", 8000) + text
    return struct.pack("<I", len(content)) + content


KINDS: Mapping[str, Kind] = {
    "int": Kind(b"\x26\x04", lambda value: _counted(struct.pack("<i", value))),
    "bigint": Kind(b"\x26\x08", lambda value: _counted(struct.pack("<q", value))),
    "bit": Kind(b"\x68\x01", lambda value: _counted(bytes([bool(value)]))),
    "float": Kind(b"\x6d\x08", lambda value: _counted(struct.pack("<d", value))),
    "decimal": Kind(bytes([0x6A, 17, 38, _SCALE]), _decimal),
    "datetime": Kind(b"\x6f\x08", _datetime),
    "datetime2": Kind(b"\x2a\x07", _datetime2),
    "guid": Kind(b"\x24\x10", lambda value: _counted(value.bytes_le)),
    "nvarchar": Kind(
        b"\xe7" + struct.pack("<H", 2 * _LONGEST) + COLLATION,
        lambda value: _counted_long(_wide(str(value))),
        b"\xff\xff",
    ),
    "nvarchar(max)": Kind(
        b"\xe7\xff\xff" + COLLATION, lambda value: _in_parts(_wide(str(value))), b"\xff" * 8
    ),
    "varbinary": Kind(b"\xa5" + struct.pack("<H", 8000), _counted_long, b"\xff\xff"),
    "sql_variant": Kind(b"\x62" + struct.pack("<I", 8009), _variant, bytes(4)),
}
_BY_TYPE: Sequence[tuple[type, str]] = (
    (bool, "bit"),
    (int, "bigint"),
    (float, "float"),
    (Decimal, "decimal"),
    (datetime, "datetime2"),
    (bytes, "varbinary"),
    (UUID, "guid"),
)


def kind_of(values: Sequence[object]) -> str:
    """Return the type of a column by its values: text where one of them is, whatever the others."""
    known = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in known):
        longest = max(len(str(value)) for value in known)
        return "nvarchar" if longest <= _LONGEST else "nvarchar(max)"
    kinds = {next(name for type_, name in _BY_TYPE if isinstance(value, type_)) for value in known}
    if kinds == {"bigint", "float"}:
        return "float"
    assert len(kinds) < 2, f"a column of {kinds}"
    return kinds.pop() if kinds else "bigint"
