"""What may be asked, and what comes back: reading statements alone, rows as plain values."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from checks.errors import UnexpectedOutput, Unsupported

RowType = TypeVar("RowType", bound=Struct)
Row = Mapping[str, object]

_WORDS = re.compile(
    r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|\[[^\]]*\]|--|/\*|#|[A-Za-z_@][\w@#$]*|;", re.ASCII
)
_WRITING = re.compile(
    "ALTER|BACKUP|BEGIN|BULK|CALL|COMMIT|CREATE|DBCC|DECLARE|DELETE|DENY|DROP|EXEC|EXECUTE|FOR|GRANT|"
    "INSERT|INTO|KILL|LOCK|MERGE|OPENROWSET|OPENQUERY|RECONFIGURE|RESTORE|REVOKE|ROLLBACK|SET|"
    r"SHUTDOWN|TRUNCATE|UPDATE|USE|WAITFOR|[SX]P_\w*|;|--|/\*|#"
)
_BEGINNINGS = ("SELECT", "WITH", "SHOW")
_ALLOWED = re.compile(r"EXEC (master\.)?(sys|dbo)?\.sp_readerrorlog \d, [12](, N'[^']{1,60}')?")
"""Reading, though not by SELECT: SQL Server shows its error log by this procedure only. The last
argument has the server send the lines with a word alone, of logs that may be a gigabyte."""


def demand_reading(query: str) -> None:
    """Raise Unsupported unless a query is one statement that reads and changes nothing.

    It sees to our own mistakes: the right not to write is the login's (docs/databases.md).
    """
    if _ALLOWED.fullmatch(query.strip()):
        return
    words = [match.group().upper() for match in _WORDS.finditer(query)]
    if not words or words[0] not in _BEGINNINGS:
        raise Unsupported("query", "only SELECT is asked")
    for word in words:
        if _WRITING.fullmatch(word):
            raise Unsupported("query", f"{word} in a reading query")


def plain(value: object) -> object:
    """Return a driver's value as facts can hold it: see checks.databases.Database.rows."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, str):
        return value.replace("\0", "")
    return value


def typed(rows: Sequence[Row], kind: type[RowType]) -> tuple[RowType, ...]:
    """Return rows as Structs. Raise UnexpectedOutput where a column is missing or of another type.

    Texts that hold numbers are taken for numbers: SHOW STATUS gives nothing else.
    """
    try:
        return tuple(msgspec.convert(row, kind, strict=False) for row in rows)
    except msgspec.ValidationError as error:
        raise UnexpectedOutput("database", f"{kind.__name__}: {error}") from error
