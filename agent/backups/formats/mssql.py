"""Backups of SQL Server (.bak, .trn): the header and the size are all that can be read without it.

Beyond that RESTORE VERIFYONLY WITH CHECKSUM is needed, and so a server: never called proven here.
"""

from agent.backups.formats.format import Format, Structure, beyond_us, failed
from agent.backups.kind import Budget, Source
from agent.backups.streaming import Seen

_PLAIN = b"TAPE"
_COMPRESSED = b"MSSQLBAK"
_MOST_ZEROS = 2**17
"""Twice the largest block of a medium: a set ends with a block that is padded."""
_METHOD = "header, size"


def _recognises(head: bytes) -> bool:
    return head.startswith((_PLAIN, _COMPRESSED))


def _judge(_source: Source, seen: Seen, _budget: Budget) -> Structure:
    kind = "MSSQLBAK (compressed)" if seen.head.startswith(_COMPRESSED) else "TAPE"
    if seen.ends_with_zeros > _MOST_ZEROS:
        return failed(_METHOD, f"its last {seen.ends_with_zeros} bytes are zero: preallocated only")
    return beyond_us(
        _METHOD,
        "RESTORE VERIFYONLY",
        f"header {kind}, {seen.content_bytes} bytes, the end is not zero; its structure can only "
        "be read by SQL Server",
    )


FORMAT = Format(
    name="SQL Server backup",
    declared=("mssql", "bak"),
    recognises=_recognises,
    judge=_judge,
)
