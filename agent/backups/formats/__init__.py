"""Formats of backup files, in the order in which their first bytes are tried."""

from collections.abc import Callable

from agent.backups.formats import (
    anything,
    base_backup,
    encrypted,
    mariabackup,
    mssql,
    mysql,
    oracle,
    pg_archive,
    pg_plain,
    seven_zip,
    sqlite,
    tar,
    xbstream,
)
from agent.backups.formats import zip as zip_format
from agent.backups.formats.format import Format, Structure
from agent.backups.kind import Budget, Source

FORMATS: tuple[Format, ...] = (
    pg_archive.ARCHIVE,
    pg_archive.TAR,
    # Before texts: the first lines of its first member stand at its start, too.
    tar.FORMAT,
    pg_plain.CLUSTER,
    pg_plain.DUMP,
    mysql.DUMP,
    xbstream.FORMAT,
    mssql.FORMAT,
    sqlite.FORMAT,
    zip_format.FORMAT,
    seven_zip.FORMAT,
    encrypted.FORMAT,
    oracle.CLASSIC,
    mysql.BARE,
)
ANYTHING = anything.FORMAT

FolderJudge = Callable[[Source, str, Budget], Structure]

FOLDERS: dict[str, tuple[tuple[str, ...], FolderJudge]] = {
    "pg_dump -Fd": (("pg_dump",), pg_archive.decode),
    "mariabackup": (("mariabackup", "xtrabackup"), mariabackup.judge),
    "base backup": (("basebackup",), base_backup.judge),
    "base backup (tar)": (("basebackup",), base_backup.judge_tar),
}
"""Names of agent.backups.folders, what the set's `format` may be for them, and their judges."""
FOLDER = "folder"
"""The `format` of sets whose restore points are folders of anything."""

DECLARED = frozenset(
    {
        "",
        FOLDER,
        *(name for each in (*FORMATS, ANYTHING, oracle.DATA_PUMP) for name in each.declared),
        *(name for names, _ in FOLDERS.values() for name in names),
    }
)
"""What the set's `format` may be at all."""


def recognised(head: bytes, declared: str) -> Format:
    """Return the format of a file by its first bytes; ANYTHING where they tell none.

    Data Pump has no magic: only a set that declares it has files of it. A set that declares `any`
    wants its files hashed, whatever they are.
    """
    if declared == "any":
        return ANYTHING
    for each in FORMATS:
        if each.recognises(head):
            return each
    if declared in oracle.DATA_PUMP.declared and oracle.DATA_PUMP.recognises(head):
        return oracle.DATA_PUMP
    return ANYTHING


def agrees(found: Format, declared: str) -> bool:
    """Return whether a file is what the set declares."""
    return declared in ("", "any", FOLDER) or declared in found.declared
