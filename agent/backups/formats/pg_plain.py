"""Dumps of PostgreSQL in SQL, by pg_dump and pg_dumpall: whole if they say so at their end.

The comment that says so may be followed by `\\unrestrict TOKEN`.
"""

from agent.backups.formats.format import Format, Structure, failed, passed
from agent.backups.formats.text import ending, first_lines, last_lines
from agent.backups.kind import Budget, Source
from agent.backups.streaming import Seen

_DUMP = b"-- PostgreSQL database dump"
_CLUSTER = b"-- PostgreSQL database cluster dump"
_FIRST_LINES = 8


def _is_dump(head: bytes) -> bool:
    return _DUMP in first_lines(head, _FIRST_LINES)


def _is_cluster(head: bytes) -> bool:
    return _CLUSTER in first_lines(head, _FIRST_LINES)


def _judge(header: bytes, seen: Seen) -> Structure:
    trailer = header + b" complete"
    if trailer in last_lines(seen.tail):
        return passed("trailer")
    return failed(
        "trailer",
        f"its last lines don't say `{trailer.decode()}`: it was cut off, or its dumper "
        f"ended early{ending(seen.ends_with_zeros)}",
    )


def _judge_dump(_source: Source, seen: Seen, _budget: Budget) -> Structure:
    return _judge(_DUMP, seen)


def _judge_cluster(_source: Source, seen: Seen, _budget: Budget) -> Structure:
    return _judge(_CLUSTER, seen)


DUMP = Format(
    name="pg_dump -Fp",
    declared=("pg_dump", "sql"),
    recognises=_is_dump,
    judge=_judge_dump,
)
CLUSTER = Format(
    name="pg_dumpall",
    declared=("pg_dumpall", "pg_dump", "sql"),
    recognises=_is_cluster,
    judge=_judge_cluster,
)
