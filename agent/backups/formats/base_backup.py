"""Base backups of PostgreSQL: every file against the manifest, by the host's own pg_verifybackup.

Without the manifest nothing says which files belong to it, and it is written last.
"""

import signal
import sys
from pathlib import Path

from agent.backups.formats.format import Structure, failed, passed, unproven
from agent.backups.formats.postgresql_tools import newest_tool
from agent.backups.formats.tar import walk_members
from agent.backups.kind import Budget, Source
from agent.backups.naming import shown
from agent.backups.refusals import refusals
from agent.backups.streaming import pass_over
from checks.api import Output
from checks.errors import NotPermitted, ToolMissing, Unsupported
from wire.messages import Failure, Reason

_METHOD = "pg_verifybackup"
_TAR_METHOD = "tar, read to its end"
_LONGEST_WORDS = 1500
_TOO_NEW = ("unexpected manifest version", "unrecognized manifest version", "unexpected version")
_SEGMENT_CHARACTERS = 24
_SEGMENT_SIZE_AT = 32
_NO_WAL = ("--no-parse-wal",)


def judge(source: Source, path: str, budget: Budget) -> Structure:
    """Judge a folder with the files themselves. Raise a ProbeError for what keeps us from it."""
    with refusals(shown(path)):
        version = _first_line(str(Path(path, "PG_VERSION")))
        if not version:
            return failed(_METHOD, "there is no PG_VERSION in it")
        if not Path(path, "backup_manifest").is_file():
            return unproven(
                _METHOD,
                Unsupported("backup_manifest", "there is none: nothing tells its files").failure(),
            )
        segments = _segments(path)
        for segment in segments:
            if segment.stat().st_size != _segment_bytes(segment):
                return failed(_METHOD, f"{segment.name} is no whole segment of WAL")
    options: tuple[str, ...] = ()
    try:
        tool = newest_tool(source, "pg_verifybackup", version)
    except ToolMissing:
        tool, options = newest_tool(source, "pg_verifybackup"), _NO_WAL
    if not segments:
        options = _NO_WAL
    output = source.run(tool, *options, path, timeout_seconds=max(1.0, budget.left_seconds()))
    return _verdict(output, options)


def judge_tar(source: Source, path: str, budget: Budget) -> Structure:
    """Judge a folder with base.tar and its like: each is read to its end."""
    with refusals(shown(path)):
        names = sorted([each.name for each in Path(path).iterdir()])
    if "backup_manifest" not in names and source.settings.expect_trailer:
        return failed(_TAR_METHOD, "there is no backup_manifest: it was not finished")
    for name in names:
        if ".tar" not in name:
            continue
        file = str(Path(path, name))
        seen = pass_over(file, shown(name), _Free(budget), lambda _head: walk_members)
        if seen is None:
            return unproven(
                _TAR_METHOD,
                Failure(Reason.ERROR, shown(name), "it changed while it was read"),
            )
        if seen.hindrance is not None:
            return unproven(_TAR_METHOD, seen.hindrance)
        if seen.fault:
            return failed(_TAR_METHOD, f"{shown(name)}: {seen.fault}")
    return passed(_TAR_METHOD)


class _Free:
    """A budget whose bytes were counted already: they come from memory now."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def left_bytes(self) -> int:
        return self._budget.left_bytes()

    def left_seconds(self) -> float:
        return self._budget.left_seconds()

    def spend(self, count: int) -> None:
        """Count nothing."""


def _verdict(output: Output, options: tuple[str, ...]) -> Structure:
    words = " ".join(output.error_text.split())[:_LONGEST_WORDS]
    if output.exit_code == 0:
        remark = "without its WAL" if options else ""
        return passed(" ".join((_METHOD, *options)), remark)
    if output.exit_code == -signal.SIGKILL:
        return unproven(_METHOD, Failure(Reason.INTERRUPTED, _METHOD, "it was killed"))
    if "Permission denied" in words:
        return unproven(_METHOD, NotPermitted(_METHOD, words).failure())
    if any(sign in words for sign in _TOO_NEW):
        return unproven(_METHOD, Unsupported(_METHOD, words).failure())
    if "pg_waldump" in words and "needed by" in words:
        return unproven(_METHOD, ToolMissing("pg_waldump", words).failure())
    return failed(_METHOD, words or f"exit code {output.exit_code}")


def _first_line(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            line = file.read(64).split(b"\n")[0].decode("ascii", "replace").strip()
    except FileNotFoundError:
        return ""
    return line if line.replace(".", "", 1).isdecimal() else ""


def _segments(path: str) -> list[Path]:
    """Return the WAL segments, which the manifest does not name."""
    try:
        files = list(Path(path, "pg_wal").iterdir())
    except FileNotFoundError:
        return []
    return [each for each in files if len(each.name) == _SEGMENT_CHARACTERS]


def _segment_bytes(segment: Path) -> int:
    """Return what a segment says of its size, in its first page (xlog_internal.h); 0: nothing."""
    with segment.open("rb") as file:
        header = file.read(_SEGMENT_SIZE_AT + 4)
    return int.from_bytes(header[_SEGMENT_SIZE_AT:], sys.byteorder)
