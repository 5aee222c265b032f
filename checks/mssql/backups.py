"""SQL Server: the backups of every database of the instance, by its own history."""

from checks.api import Chapter, Check, Failure, Text
from checks.backup_sets import BackupSet
from checks.databases import Database
from checks.errors import ProbeError, part
from checks.msdb import RECENT, SERVER, backup_sets, server_of
from checks.mssql import _ages, _chain, _quality
from checks.mssql._gates import SQL_2014
from checks.mssql._history import (
    CERTIFICATES,
    DATA_FILES,
    DATABASES,
    MOST_DATABASES,
    Facts,
    certificates,
    data_drives,
    databases,
)

SINCE = {"RECENT": SQL_2014}
"""Where msdb tells whether a backup is encrypted: on 2012 the whole reading is not run."""


def probe(backup_set: BackupSet | Database) -> Facts:
    """Ask msdb and the catalogue of the instance. Raise a ProbeError."""
    server = server_of(backup_set.rows(SERVER))
    sets = backup_sets(backup_set.rows(RECENT), server)
    refused = None
    places: dict[str, tuple[str, ...]] = {}
    try:
        places = data_drives(backup_set.rows(DATA_FILES))
    except ProbeError as error:
        refused = error.failure()
    found = databases(backup_set.rows(DATABASES), sets, places, server)
    keys = part(lambda: certificates(backup_set.rows(CERTIFICATES), server.offset))
    return Facts(
        server=server.names[0] if server.names else "",
        version=server.version,
        history_from=server.history_from,
        databases=found[:MOST_DATABASES],
        databases_left_out=max(0, len(found) - MOST_DATABASES),
        certificates=keys if isinstance(keys, Failure) else keys[:100],
        data_files=refused,
    )


CHECK = Check(
    title=Text("SQL Server 备份", "SQL Server backups"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="backup",
    target_kinds=("mssql",),
    other_targets=("mssql",),
    deadline_seconds=600,
    reads=(
        "msdb.dbo.backupset, msdb.dbo.backupmediafamily",
        "sys.databases, sys.database_recovery_status, sys.master_files",
        "sys.certificates, sys.dm_database_encryption_keys",
    ),
    privilege=Text(
        "CONNECT SQL、VIEW ANY DEFINITION、VIEW SERVER STATE，"
        "以及 msdb 中 backupset 和 backupmediafamily 的 SELECT",
        "CONNECT SQL, VIEW ANY DEFINITION, VIEW SERVER STATE, and SELECT on backupset and "
        "backupmediafamily in msdb",
    ),
    rules=(
        _ages.FULL,
        _ages.LOG,
        _ages.DIFFERENTIAL,
        _quality.DRIVES,
        _quality.QUALITY,
        _chain.CHAIN,
        _quality.CERTIFICATES,
    ),
)
