"""Oracle: what is read of tablespaces."""

from checks.api import (
    Failure,
    Struct,
)
from checks.databases import Database
from checks.errors import NotPermitted, Unsupported, part

SPACES = """
SELECT m.tablespace_name AS name, m.used_space * t.block_size AS used_bytes,
       m.tablespace_size * t.block_size AS most_bytes
FROM dba_tablespace_usage_metrics m
JOIN dba_tablespaces t ON t.tablespace_name = m.tablespace_name
WHERE t.contents = 'PERMANENT'
"""
CONTAINER_SPACES = """
SELECT c.name AS container, m.tablespace_name AS name, m.used_space * t.block_size AS used_bytes,
       m.tablespace_size * t.block_size AS most_bytes
FROM cdb_tablespace_usage_metrics m
JOIN cdb_tablespaces t ON t.tablespace_name = m.tablespace_name AND t.con_id = m.con_id
LEFT JOIN v$containers c ON c.con_id = m.con_id AND m.con_id <> 0
WHERE t.contents = 'PERMANENT'
"""
TEMPORARY = """
SELECT f.tablespace_name AS name, NVL(u.used_blocks, 0) * t.block_size AS used_bytes,
       f.most_bytes AS most_bytes
FROM (SELECT tablespace_name, SUM(GREATEST(bytes, NVL(maxbytes, 0))) AS most_bytes
      FROM dba_temp_files GROUP BY tablespace_name) f
JOIN dba_tablespaces t ON t.tablespace_name = f.tablespace_name
LEFT JOIN (SELECT tablespace_name, SUM(used_blocks) AS used_blocks
           FROM gv$sort_segment GROUP BY tablespace_name) u
       ON u.tablespace_name = f.tablespace_name
"""
UNDO = """
SELECT p.value AS name, NVL(u.active_blocks, 0) * t.block_size AS used_bytes,
       f.most_bytes AS most_bytes, NVL(u.too_old, 0) AS too_old, NVL(u.no_space, 0) AS no_space
FROM v$parameter p
JOIN dba_tablespaces t ON t.tablespace_name = UPPER(p.value)
JOIN (SELECT tablespace_name, SUM(GREATEST(bytes, NVL(maxbytes, 0))) AS most_bytes
      FROM dba_data_files GROUP BY tablespace_name) f ON f.tablespace_name = UPPER(p.value)
CROSS JOIN (SELECT MAX(CASE WHEN end_time > SYSDATE - 1 / 24 THEN activeblks END)
                       AS active_blocks,
                   SUM(ssolderrcnt) AS too_old, SUM(nospaceerrcnt) AS no_space
            FROM v$undostat WHERE end_time > SYSDATE - 1) u
WHERE p.name = 'undo_tablespace'
"""
_CONTAINERS_FROM = (12, 1)
_MOST = 200


class SpaceRow(Struct, frozen=True):
    """One tablespace."""

    name: str
    used_bytes: float
    most_bytes: float
    """What it may grow to."""
    container: str | None = None

    @property
    def object(self) -> str:
        """Return its name, after its container where there are containers."""
        return f"{self.container}/{self.name}" if self.container else self.name

    @property
    def used_percent(self) -> float:
        """Return how much of what it may grow to is used; one that holds nothing is full."""
        return 100 * self.used_bytes / self.most_bytes if self.most_bytes > 0 else 100.0


class UndoRow(SpaceRow, frozen=True, kw_only=True):
    """The undo tablespace, and what failed for want of undo within a day."""

    too_old: int
    """ORA-01555."""
    no_space: int
    """ORA-30036."""


class Facts(Struct, frozen=True, kw_only=True):
    """Tablespaces, the fullest first."""

    spaces: tuple[SpaceRow, ...]
    left_out: int = 0
    temporary: tuple[SpaceRow, ...] | Failure = ()
    undo: tuple[UndoRow, ...] | Failure = ()


def probe(database: Database) -> Facts:
    """Ask the data dictionary. Raise a ProbeError."""
    spaces = [row for row in _spaces(database) if not database.excluded(row.object)]
    spaces.sort(key=lambda row: -row.used_percent)
    return Facts(
        spaces=tuple(spaces[:_MOST]),
        left_out=max(0, len(spaces) - _MOST),
        temporary=part(lambda: database.rows(TEMPORARY, SpaceRow)[:_MOST]),
        undo=part(lambda: database.rows(UNDO, UndoRow)[:20]),
    )


def _spaces(database: Database) -> tuple[SpaceRow, ...]:
    if database.version >= _CONTAINERS_FROM:
        try:
            return database.rows(CONTAINER_SPACES, SpaceRow)
        except (NotPermitted, Unsupported):
            pass  # The account may see its own container only.
    return database.rows(SPACES, SpaceRow)
