"""Estimates of the room that tables and indexes hold without need, by the planner's statistics.

Nothing is scanned: rows × mean width, as ANALYZE saw them, against the pages that are there. What
is in TOAST, and indexes on expressions, are not estimated. A column without statistics counts
with the length of its type where that is fixed.
"""

from checks.api import Struct
from checks.databases import Database
from checks.postgresql._each_database import Parts, each

# 24 bytes of header and a pointer of 4 for each row, 24 of header for each page.
TABLE_BLOAT = """
SELECT 'table' AS kind, t.schema, t.name, t.size_bytes,
       CASE WHEN t.known = t.columns THEN
           ceil(t.rows * (4 + 24 + 8 * ceil(t.width / 8))
                / ((t.page - 24) * t.fill / 100)) * t.page
       END::bigint AS needed_bytes,
       t.permitted
FROM (
    SELECT n.nspname AS schema, c.relname AS name, c.reltuples AS rows, b.page,
           c.relpages::bigint * b.page AS size_bytes,
           coalesce((SELECT option_value::float FROM pg_options_to_table(c.reloptions)
                     WHERE option_name = 'fillfactor'), 100) AS fill,
           has_table_privilege(c.oid, 'SELECT') AS permitted,
           w.known, w.columns, w.width
    FROM (
        SELECT * FROM pg_class
        WHERE relkind IN ('r', 'm') AND relpages >= 1280 AND reltuples >= 0
          AND relnamespace NOT IN (SELECT oid FROM pg_namespace
                                   WHERE nspname IN ('pg_catalog', 'information_schema'))
        ORDER BY relpages DESC LIMIT 200) c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN (SELECT current_setting('block_size')::float AS page) b
    CROSS JOIN LATERAL (
        SELECT count(a.attname) AS columns,
               count(*) FILTER (WHERE s.attname IS NOT NULL OR a.attlen > 0) AS known,
               coalesce(sum(coalesce((1 - s.null_frac) * s.avg_width, a.attlen)), 0) AS width
        FROM pg_attribute a
        LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname
                            AND s.attname = a.attname AND NOT s.inherited
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) w) t
"""

# 8 bytes of header and a pointer of 4 for each entry, 40 of header and special room for each page.
INDEX_BLOAT = """
SELECT 'index' AS kind, t.schema, t.name, t.size_bytes,
       CASE WHEN t.known = t.columns THEN
           (1 + ceil(t.rows * (4 + 8 + 8 * ceil(t.width / 8))
                     / ((t.page - 40) * t.fill / 100))) * t.page
       END::bigint AS needed_bytes,
       t.permitted
FROM (
    SELECT n.nspname AS schema, c.relname AS name, c.reltuples AS rows, b.page,
           c.relpages::bigint * b.page AS size_bytes,
           coalesce((SELECT option_value::float FROM pg_options_to_table(c.reloptions)
                     WHERE option_name = 'fillfactor'), 90) AS fill,
           has_table_privilege(i.indrelid, 'SELECT') AS permitted,
           w.known, w.columns, w.width
    FROM (
        SELECT k.*, m.amname FROM pg_class k JOIN pg_am m ON m.oid = k.relam
        WHERE k.relkind = 'i' AND m.amname = 'btree' AND k.relpages >= 1280 AND k.reltuples >= 0
          AND k.relnamespace NOT IN (SELECT oid FROM pg_namespace
                                     WHERE nspname IN ('pg_catalog', 'pg_toast'))
        ORDER BY k.relpages DESC LIMIT 200) c
    JOIN pg_index i ON i.indexrelid = c.oid AND i.indexprs IS NULL AND i.indisvalid
    JOIN pg_class o ON o.oid = i.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN (SELECT current_setting('block_size')::float AS page) b
    CROSS JOIN LATERAL (
        SELECT count(a.attname) AS columns,
               count(*) FILTER (WHERE s.attname IS NOT NULL OR a.attlen > 0) AS known,
               coalesce(sum(coalesce((1 - s.null_frac) * s.avg_width, a.attlen)), 0) AS width
        FROM pg_attribute a
        LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = o.relname
                            AND s.attname = a.attname AND NOT s.inherited
        WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)) w) t
"""


class Estimate(Struct, frozen=True):
    """One large table or index."""

    kind: str
    """table or index."""
    schema: str
    name: str
    size_bytes: int
    permitted: bool
    """The account may SELECT, without which the server hides the statistics."""
    needed_bytes: int | None = None
    """None where statistics of a column of no fixed length can't be seen or were never made."""

    @property
    def wasted_bytes(self) -> int:
        """Return what the estimate calls empty."""
        return max(0, self.size_bytes - (self.needed_bytes or 0))

    @property
    def wasted_percent(self) -> float:
        """Return the share of the size that the estimate calls empty."""
        return 100 * self.wasted_bytes / max(1, self.size_bytes)


class Facts(Struct, frozen=True):
    """The 200 largest tables and indexes above 10 MiB of every database."""

    estimates: Parts[Estimate]


def facts_of(database: Database) -> Facts:
    """Ask each database for its large tables and indexes. Raise a ProbeError."""
    return Facts(each(database, _estimates))


def _estimates(database: Database, name: str) -> tuple[Estimate, ...]:
    found = (*database.rows(TABLE_BLOAT, Estimate), *database.rows(INDEX_BLOAT, Estimate))
    return tuple(row for row in found if not database.excluded(f"{name}.{row.schema}.{row.name}"))
