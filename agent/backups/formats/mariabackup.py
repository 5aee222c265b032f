"""Folders of mariabackup and xtrabackup: what they say of themselves, and their table spaces.

The checkpoints are written last, so a folder without them is what a failed run has left. A table
space that is shorter than its first page says was cut off. What is inside of the pages is proven by
a `--prepare` on a copy: that is a test restore, not done here.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from agent.backups.folders import CHECKPOINTS, INFO, fields, files_in, first_of
from agent.backups.formats.format import Structure, failed, passed
from agent.backups.kind import Budget, Source
from agent.backups.naming import shown
from agent.backups.refusals import refusals
from agent.backups.streaming import BUDGET
from checks.errors import TimedOut

_KINDS = ("full-backuped", "incremental", "log-applied", "full-prepared")
_UNPREPARED = ("full-backuped", "incremental")
_LOGS = ("ib_logfile0", "xtrabackup_logfile")
_METHOD = "checkpoints, table spaces"
_PAGE_BYTES = 16384
_TRANSFORMED = (".delta", ".meta", ".qp", ".zst", ".lz4", ".xbcrypt")
_SIZE_AT = 46
"""Pages of a table space, in its first page: FIL header 38 bytes, FSP_SIZE at 8 (InnoDB)."""


def judge(_source: Source, path: str, budget: Budget) -> Structure:
    """Judge a folder. Raise a ProbeError for what keeps us from looking."""
    with refusals(shown(path)):
        checkpoints = first_of(path, CHECKPOINTS)
        if checkpoints is None:
            return failed(_METHOD, f"there is no {CHECKPOINTS[0]}: the backup failed or was ended")
        said = fields(checkpoints)
        if said.get("backup_type") not in _KINDS:
            return failed(_METHOD, f"backup_type is `{said.get('backup_type', '')[:100]}`")
        if not all(said.get(name, "").isdecimal() for name in ("from_lsn", "to_lsn")):
            return failed(_METHOD, "from_lsn and to_lsn are no numbers")
        if int(said["from_lsn"]) > int(said["to_lsn"]):
            return failed(_METHOD, "from_lsn is behind to_lsn")
        info = first_of(path, INFO)
        if info is None or not fields(info).get("end_time"):
            return failed(_METHOD, f"there is no {INFO[0]} with an end_time")
        short = _short_log(path, said)
        if short:
            return failed(_METHOD, short)
        page_bytes = _page_bytes(path)
        for file in _table_spaces(path):
            if budget.left_seconds() <= 0:
                raise TimedOut(BUDGET, "the time of this run ended")
            fault = _fault(file, page_bytes)
            if fault:
                return failed(_METHOD, f"{shown(os.path.relpath(file, path))}: {fault}")
    return passed(_METHOD)


def _short_log(path: str, said: dict[str, str]) -> str:
    """Return how the redo log is too short for what it has to bridge; a prepared one is empty."""
    if said["backup_type"] not in _UNPREPARED or not said.get("last_lsn", "").isdecimal():
        return ""
    log = first_of(path, _LOGS)
    needed = int(said["last_lsn"]) - int(said["to_lsn"])
    if log is None or log.stat().st_size >= needed:
        return ""
    return f"{log.name} has {log.stat().st_size} bytes, to last_lsn it needs {needed}"


def _page_bytes(path: str) -> int:
    own = Path(path, "backup-my.cnf")
    said = fields(own).get("innodb_page_size", "") if own.is_file() else ""
    return int(said) if said.isdecimal() and int(said) >= 4096 else _PAGE_BYTES


def _table_spaces(path: str) -> Iterator[str]:
    for file in files_in(path):
        name = Path(file).name
        if name.endswith(_TRANSFORMED):
            continue
        if name.endswith(".ibd") or name.startswith(("ibdata", "undo")):
            yield file


def _fault(file: str, page_bytes: int) -> str:
    """Return what is wrong with the length of a table space."""
    with Path(file).open("rb") as opened:
        head = opened.read(_SIZE_AT + 4)
        size = os.fstat(opened.fileno()).st_size
    if size == 0:
        return "it is empty"
    if len(head) < _SIZE_AT + 4:
        return f"it ends after {size} bytes"
    pages = int.from_bytes(head[_SIZE_AT:], "big")
    # Compressed row formats have pages of other sizes: their smallest one is 1 KiB.
    if size % 1024:
        return f"{size} bytes are no whole pages"
    smallest = page_bytes if size % page_bytes == 0 else 1024
    # The first page of a system table space counts the pages of all its files.
    of_several = Path(file).name.startswith("ibdata") and Path(f"{file[:-1]}2").exists()
    if not of_several and size < pages * smallest:
        return f"it has {size} bytes, its first page says {pages} pages"
    return ""
