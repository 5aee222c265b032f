"""Indexes that can't be used, that nobody uses, that another one covers, and that are missing."""

from checks.api import Struct
from checks.databases import Database
from checks.postgresql._each_database import Parts, each

# One that is being built or rebuilt right now is not valid yet: from 12 on the server tells.
INVALID = """
SELECT n.nspname AS schema, t.relname AS table, c.relname AS name,
       c.relkind = 'I' AS partitioned, i.indisunique AS is_unique,
       EXISTS (SELECT 1 FROM pg_stat_progress_create_index p
               WHERE p.index_relid = i.indexrelid AND p.datname = current_database()) AS building
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT (i.indisvalid AND i.indisready)
ORDER BY 1, 3
LIMIT 100
"""

# Before 12 a build shows only by the lock that it has on its table, as a vacuum does.
INVALID_10 = """
SELECT n.nspname AS schema, t.relname AS table, c.relname AS name,
       c.relkind = 'I' AS partitioned, i.indisunique AS is_unique,
       EXISTS (SELECT 1 FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
               WHERE l.relation = i.indrelid AND l.mode = 'ShareUpdateExclusiveLock'
                 AND a.datname = current_database()) AS building
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT (i.indisvalid AND i.indisready)
ORDER BY 1, 3
LIMIT 100
"""

UNUSED = """
SELECT 'unused' AS kind, s.schemaname AS schema, s.relname AS table, s.indexrelname AS name,
       '' AS other, c.relpages::bigint * current_setting('block_size')::bigint AS size_bytes
FROM pg_stat_user_indexes s
JOIN pg_class c ON c.oid = s.indexrelid
JOIN pg_index i ON i.indexrelid = s.indexrelid
WHERE s.idx_scan = 0 AND i.indisvalid AND NOT i.indisunique AND NOT i.indisexclusion
  AND NOT i.indisreplident AND c.relpages >= 1280
  AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = s.indexrelid)
ORDER BY 6 DESC
LIMIT 100
"""

# Covered: another index of the table begins with the same columns in the same order.
REDUNDANT = """
SELECT 'redundant' AS kind, n.nspname AS schema, t.relname AS table, c.relname AS name,
       d.relname AS other, c.relpages::bigint * current_setting('block_size')::bigint AS size_bytes
FROM pg_index a
JOIN pg_index b ON b.indrelid = a.indrelid AND b.indexrelid <> a.indexrelid
JOIN pg_class c ON c.oid = a.indexrelid
JOIN pg_class d ON d.oid = b.indexrelid AND d.relam = c.relam
JOIN pg_class t ON t.oid = a.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_am m ON m.oid = c.relam AND m.amname = 'btree'
WHERE a.indisvalid AND b.indisvalid AND c.relpages >= 128
  AND a.indpred IS NULL AND b.indpred IS NULL AND a.indexprs IS NULL AND b.indexprs IS NULL
  AND NOT a.indisunique AND NOT a.indisexclusion AND NOT a.indisreplident
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND (b.indkey::text || ' ') LIKE (a.indkey::text || ' %')
  AND (b.indclass::text || ' ') LIKE (a.indclass::text || ' %')
  AND (b.indcollation::text || ' ') LIKE (a.indcollation::text || ' %')
  AND (b.indoption::text || ' ') LIKE (a.indoption::text || ' %')
  AND (b.indkey::text <> a.indkey::text OR b.indisunique OR a.indexrelid > b.indexrelid)
ORDER BY 6 DESC
LIMIT 100
"""

# Of tables that are worth it: with fewer rows a scan costs nothing.
UNINDEXED = """
SELECT 'foreign_key' AS kind, n.nspname AS schema, t.relname AS table, k.conname AS name,
       f.relname AS other, t.relpages::bigint * current_setting('block_size')::bigint AS size_bytes
FROM pg_constraint k
JOIN pg_class t ON t.oid = k.conrelid
JOIN pg_class f ON f.oid = k.confrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE k.contype = 'f' AND t.reltuples >= 10000
  AND NOT EXISTS (
    SELECT 1 FROM pg_index i
    WHERE i.indrelid = k.conrelid AND i.indisvalid AND i.indpred IS NULL
      AND (string_to_array(i.indkey::text, ' ')::int2[])[1:array_length(k.conkey, 1)] @> k.conkey)
ORDER BY 6 DESC
LIMIT 100
"""

# A standby counts only what is asked of itself: nothing follows from that.
COUNTED = """
SELECT CASE WHEN NOT pg_is_in_recovery()
            THEN extract(epoch FROM now() - coalesce(d.stats_reset, b.stats_reset))::bigint
       END AS seconds
FROM pg_stat_database d CROSS JOIN pg_stat_bgwriter b
WHERE d.datname = current_database()
"""


class Invalid(Struct, frozen=True):
    """An index that the planner can't use: a row of INVALID."""

    schema: str
    table: str
    name: str
    partitioned: bool
    is_unique: bool
    building: bool


class Doubtful(Struct, frozen=True):
    """An index that may be let go, or one that is missing for a foreign key."""

    kind: str
    """unused, redundant or foreign_key."""
    schema: str
    table: str
    name: str
    other: str
    """Of a redundant index the one that covers it; of a foreign key the table it points to."""
    size_bytes: int


class Counted(Struct, frozen=True):
    """A row of COUNTED."""

    seconds: int | None
    """For so long the uses of indexes were counted; None: a standby, or the server doesn't tell."""


class Indexes(Struct, frozen=True):
    """What one database has; always one of it."""

    invalid: tuple[Invalid, ...]
    doubtful: tuple[Doubtful, ...]
    counted_seconds: int | None


class Facts(Struct, frozen=True):
    """The indexes of every database that somebody should look at."""

    indexes: Parts[Indexes]


def facts_of(database: Database) -> Facts:
    """Ask each database. Raise a ProbeError."""
    return Facts(each(database, _indexes))


def _indexes(database: Database, name: str) -> tuple[Indexes, ...]:
    def wanted(schema: str, table: str) -> bool:
        return not database.excluded(f"{name}.{schema}.{table}")

    query = INVALID if database.version >= (12,) else INVALID_10
    invalid = database.rows(query, Invalid)
    doubtful = (
        row for query in (UNUSED, REDUNDANT, UNINDEXED) for row in database.rows(query, Doubtful)
    )
    counted = database.rows(COUNTED, Counted)
    return (
        Indexes(
            tuple(row for row in invalid if wanted(row.schema, row.table)),
            tuple(row for row in doubtful if wanted(row.schema, row.table)),
            counted[0].seconds if counted else None,
        ),
    )
