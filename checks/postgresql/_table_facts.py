"""How tables are kept in order: what the settings say, and what the statistics say of each."""

from checks.api import Struct
from checks.databases import Database
from checks.postgresql._each_database import Parts, each

SETTINGS = """
SELECT current_setting('autovacuum') AS autovacuum,
       current_setting('track_counts') AS track_counts,
       pg_is_in_recovery() AS standby,
       extract(epoch FROM now() - pg_postmaster_start_time())::bigint AS started_seconds
"""

# The size is what the last VACUUM or ANALYZE saw: asking for the real one waits for locks.
TABLES = """
SELECT s.schemaname AS schema,
       s.relname AS name,
       c.relpages::bigint * current_setting('block_size')::bigint AS size_bytes,
       s.n_live_tup AS live_rows,
       s.n_dead_tup AS dead_rows,
       s.n_mod_since_analyze AS changed_rows,
       extract(epoch FROM now() - greatest(s.last_vacuum, s.last_autovacuum))::bigint
           AS vacuum_seconds,
       extract(epoch FROM now() - greatest(s.last_analyze, s.last_autoanalyze))::bigint
           AS analyze_seconds,
       o.off AS autovacuum_off,
       count(*) OVER () AS matching,
       extract(epoch FROM now() - d.stats_reset)::bigint AS counted_seconds
FROM pg_stat_user_tables s
JOIN pg_class c ON c.oid = s.relid
JOIN pg_stat_database d ON d.datname = current_database()
CROSS JOIN LATERAL (
    SELECT coalesce(bool_or(NOT option_value::boolean), false) AS off
    FROM pg_options_to_table(c.reloptions) WHERE option_name = 'autovacuum_enabled') o
WHERE c.relpersistence <> 't' AND (o.off OR s.n_dead_tup >= 1000 OR s.n_mod_since_analyze >= 1000)
ORDER BY o.off DESC, greatest(s.n_dead_tup, s.n_mod_since_analyze) DESC
LIMIT 100
"""


class Settings(Struct, frozen=True):
    """The instance: a row of SETTINGS."""

    autovacuum: str
    track_counts: str
    standby: bool
    started_seconds: int


class Table(Struct, frozen=True):
    """One table that changed, or that autovacuum is kept from: a row of TABLES."""

    schema: str
    name: str
    size_bytes: int
    live_rows: int
    dead_rows: int
    changed_rows: int
    """Since the last ANALYZE."""
    vacuum_seconds: int | None
    """Since the last VACUUM by hand or by itself; None: none is known."""
    analyze_seconds: int | None
    autovacuum_off: bool
    matching: int
    """So many tables of the database are like this; the worst 100 are here."""
    counted_seconds: int | None = None
    """Since the statistics of the database were reset; None: never."""


class Facts(Struct, frozen=True):
    """The settings, and the tables of every database."""

    settings: Settings
    tables: Parts[Table] | None
    """None on a standby: vacuuming is done on the primary, and counted there."""


def facts_of(database: Database) -> Facts:
    """Ask the instance and each of its databases. Raise a ProbeError."""
    settings = database.rows(SETTINGS, Settings)[0]
    return Facts(settings, None if settings.standby else each(database, _tables))


def _tables(database: Database, name: str) -> tuple[Table, ...]:
    return tuple(
        row
        for row in database.rows(TABLES, Table)
        if not database.excluded(f"{name}.{row.schema}.{row.name}")
    )
