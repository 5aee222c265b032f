"""Archives of pg_dump (-Fc, -Fd, -Ft): decoded to their end by the host's own pg_restore.

Its `--list` reads the table of contents only and takes a truncated archive for good; writing all
of it as SQL to nowhere decodes every block.
"""

import signal

from agent.backups.formats.format import Format, Structure, failed, passed, unproven
from agent.backups.formats.postgresql_tools import newest_tool
from agent.backups.formats.tar import walk_members
from agent.backups.kind import Budget, Source
from agent.backups.streaming import Seen
from checks.api import Output
from checks.errors import NotPermitted, Unsupported
from wire.messages import Failure, Reason

MAGIC = b"PGDMP"
_TAR_HEADER_BYTES = 512
_LAST_MEMBER = "restore.sql"
_METHOD = "pg_restore -f /dev/null"
_TOO_NEW = ("unsupported version", "unrecognized", "not supported by this")
_NO_ROOM = ("No space left", "out of memory")
_LONGEST_WORDS = 1500


def is_archive(head: bytes) -> bool:
    """Return whether a file is an archive of its own: -Fc."""
    return head.startswith(MAGIC)


def is_tar(head: bytes) -> bool:
    """Return whether a file is an archive in a tar: -Ft, whose first member is toc.dat."""
    return head.startswith(b"toc.dat\0") and head[_TAR_HEADER_BYTES:].startswith(MAGIC)


def decode(source: Source, path: str, budget: Budget) -> Structure:
    """Let pg_restore decode a file or a folder."""
    tool = newest_tool(source, "pg_restore")
    output = source.run(
        tool, "--file=/dev/null", path, timeout_seconds=max(1.0, budget.left_seconds())
    )
    return verdict(output)


def verdict(output: Output) -> Structure:
    """Return what pg_restore said; its exit code alone says too little."""
    words = " ".join(output.error_text.split())[:_LONGEST_WORDS]
    if output.exit_code == 0 and "error:" not in words:
        return passed(_METHOD, words and f"pg_restore warns: {words}")
    if any(sign in words for sign in _TOO_NEW):
        return unproven(_METHOD, Unsupported("pg_restore", words).failure())
    if "Permission denied" in words:
        return unproven(_METHOD, NotPermitted("pg_restore", words).failure())
    if output.exit_code == -signal.SIGKILL:
        return unproven(_METHOD, Failure(Reason.INTERRUPTED, "pg_restore", "it was killed"))
    if any(sign in words for sign in _NO_ROOM) and "/dev/null" in words:
        return unproven(_METHOD, Failure(Reason.ERROR, "pg_restore", words))
    return failed(_METHOD, words or f"pg_restore ended with exit code {output.exit_code}")


def _judge(source: Source, seen: Seen, budget: Budget) -> Structure:
    if seen.coding:
        return unproven(
            f"{seen.coding}, {_METHOD}",
            Unsupported("pg_restore", f"it reads no archive inside of {seen.coding}").failure(),
        )
    return decode(source, seen.path, budget)


def _judge_tar(source: Source, seen: Seen, budget: Budget) -> Structure:
    if _LAST_MEMBER not in seen.found:
        return failed("tar", f"its last member is not {_LAST_MEMBER}: it was cut off")
    return _judge(source, seen, budget)


ARCHIVE = Format(name="pg_dump -Fc", declared=("pg_dump",), recognises=is_archive, judge=_judge)
TAR = Format(
    name="pg_dump -Ft",
    declared=("pg_dump",),
    recognises=is_tar,
    judge=_judge_tar,
    consumer=walk_members,
)
