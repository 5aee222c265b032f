"""Dumps by mysqldump and mariadb-dump: whole if they say so at their end, and hold something.

A dump of a database that does not exist has a header and nothing else. Newer ones of MariaDB begin
with a sandbox comment.
"""

import re

from agent.backups.formats.format import Format, Structure, failed, passed
from agent.backups.formats.text import (
    ending,
    first_lines,
    has_statement,
    is_text,
    last_lines,
    overlap,
)
from agent.backups.kind import Budget, Source
from agent.backups.streaming import Content, Seen

_HEADER = re.compile(rb"-- (?:MySQL|MariaDB) dump ")
_BARE = re.compile(rb"/\*!\d{5} SET |/\*!40\d{3} |/\*M!\d+")
_TRAILER = b"-- Dump completed"
_STATEMENT = "statement"


def _recognises(head: bytes) -> bool:
    return any(_HEADER.match(line) for line in first_lines(head, 4))


def _recognises_bare(head: bytes) -> bool:
    """Without comments only its own versioned statements tell it."""
    return is_text(head) and any(_BARE.match(line) for line in first_lines(head, 4))


def statements(content: Content) -> frozenset[str]:
    """Look for something that is made or filled, as the content passes."""
    before = b""
    while chunk := content.chunk():
        if has_statement(before + chunk):
            content.drain()
            return frozenset({_STATEMENT})
        before = overlap(chunk)
    return frozenset()


def _judge(source: Source, seen: Seen, _budget: Budget) -> Structure:
    lines = last_lines(seen.tail)
    zeros = ending(seen.ends_with_zeros)
    complete = any(line.startswith(_TRAILER) for line in lines)
    if source.settings.expect_trailer:
        if not complete:
            return failed(
                "trailer",
                f"its last lines don't say `{_TRAILER.decode()}`: it was cut off, or its dumper "
                f"ended early{zeros}",
            )
    elif zeros or not (complete or _ends_a_statement(lines)):
        return failed("last statement", f"it ends in the middle of a statement{zeros}")
    method = "trailer, statements" if complete else "last statement, statements"
    if _STATEMENT not in seen.found:
        return failed(method, "it has a header, but makes and fills no table")
    return passed(method)


def _ends_a_statement(lines: list[bytes]) -> bool:
    return bool(lines) and (lines[0].endswith((b";", b"*/")) or lines[0].startswith(b"--"))


DUMP = Format(
    name="mysqldump",
    declared=("mysqldump", "mariadb-dump", "sql"),
    recognises=_recognises,
    judge=_judge,
    consumer=statements,
)
BARE = Format(
    name="mysqldump without comments",
    declared=("mysqldump", "mariadb-dump", "sql"),
    recognises=_recognises_bare,
    judge=_judge,
    consumer=statements,
)
