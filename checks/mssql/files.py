"""SQL Server: where the files lie, and how much room they have left."""

from collections.abc import Sequence

from checks.api import Chapter, Check, Failure, Text
from checks.databases import Database
from checks.errors import part
from checks.mssql import _files, _places, _room
from checks.mssql._files import MOST_FILES
from checks.mssql._room import Facts, Space, Volume, groups, is_tight

VOLUMES = """
SELECT LEFT(v.volume_mount_point, 255) AS mount_point,
       MIN(LEFT(f.physical_name, 255)) AS example_file,
       v.total_bytes AS total_bytes,
       MIN(v.available_bytes) AS free_bytes
FROM sys.master_files AS f
CROSS APPLY sys.dm_os_volume_stats(f.database_id, f.file_id) AS v
GROUP BY LEFT(v.volume_mount_point, 255), v.total_bytes
"""
"""On Linux a volume has no name: there it is told by its size, and named by one of its files."""
SPACE = """
SELECT f.file_id AS file_id,
       CAST(FILEPROPERTY(f.name, 'SpaceUsed') AS bigint) * 8192 AS used_bytes
FROM sys.database_files AS f
WHERE f.type IN (0, 1)
"""
MOST_INSIDE = 50
"""Databases that are asked from inside: those alone whose files are near a limit."""


def probe(database: Database) -> Facts:
    """Ask for files and volumes, and tight databases for the room inside. Raise a ProbeError."""
    seen = _files.read(database)
    rows = seen.files
    tight = dict.fromkeys(
        group[0].name for group in groups(rows) if is_tight(group) and group[0].state == "ONLINE"
    )
    spaces = {name: _inside(database, name) for name in list(tight)[:MOST_INSIDE]}
    return Facts(
        files=rows[:MOST_FILES],
        hidden=seen.hidden,
        files_left_out=max(0, len(rows) - MOST_FILES),
        spaces=spaces,
        volumes=part(lambda: database.rows(VOLUMES, Volume)[:500]),
    )


def _inside(database: Database, name: str) -> tuple[Space, ...] | Failure:
    """Return how full each file of a database is inside."""

    def read() -> Sequence[Space]:
        return database.within(name).rows(SPACE, Space)

    found = part(read)
    return found if isinstance(found, Failure) else tuple(found)[:MOST_FILES]


CHECK = Check(
    title=Text("SQL Server 文件与空间", "SQL Server files and space"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    reads=(
        "sys.master_files, sys.databases",
        "sys.dm_os_volume_stats",
        "sys.database_files, FILEPROPERTY (SpaceUsed) in databases whose files are near a limit",
    ),
    privilege=Text(
        "VIEW ANY DEFINITION、VIEW SERVER STATE（2022 起为 VIEW SERVER PERFORMANCE STATE）；"
        "文件接近上限的数据库还需 CONNECT（或 CONNECT ANY DATABASE，2014 起）",
        "VIEW ANY DEFINITION, VIEW SERVER STATE (from 2022: VIEW SERVER PERFORMANCE STATE); "
        "CONNECT "
        "to databases whose files are near a limit (from 2014: CONNECT ANY DATABASE)",
    ),
    rules=(_room.VOLUMES, _room.LIMITS, _places.PLACES),
)
