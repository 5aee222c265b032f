"""What the server counts for each database, and what of it belongs to one stretch of time."""

from collections.abc import Iterator

from checks.api import Past, Struct, Text
from checks.databases import Database
from checks.wording import duration

# Where the time of the last reset is unknown, the counters are as old as those of the server.
STATISTICS = """
SELECT coalesce(d.datname, '') AS name,
       EXISTS (SELECT 1 FROM pg_database t WHERE t.oid = d.datid AND t.datistemplate) AS template,
       d.xact_commit AS commits, d.xact_rollback AS rollbacks,
       d.blks_read AS blocks_read, d.blks_hit AS blocks_hit,
       d.temp_files, d.temp_bytes, d.deadlocks,
       d.checksum_failures,
       extract(epoch FROM now() - d.checksum_last_failure)::bigint AS failure_seconds,
       extract(epoch FROM now() - coalesce(d.stats_reset, o.stats_reset))::bigint AS counted_seconds
FROM pg_stat_database d
CROSS JOIN (SELECT least(b.stats_reset, a.stats_reset) AS stats_reset
            FROM pg_stat_bgwriter b CROSS JOIN pg_stat_archiver a) o
ORDER BY d.datname NULLS FIRST
"""

STATISTICS_10 = """
SELECT d.datname AS name,
       EXISTS (SELECT 1 FROM pg_database t WHERE t.oid = d.datid AND t.datistemplate) AS template,
       d.xact_commit AS commits, d.xact_rollback AS rollbacks,
       d.blks_read AS blocks_read, d.blks_hit AS blocks_hit,
       d.temp_files, d.temp_bytes, d.deadlocks,
       NULL::bigint AS checksum_failures,
       NULL::bigint AS failure_seconds,
       extract(epoch FROM now() - coalesce(d.stats_reset, o.stats_reset))::bigint AS counted_seconds
FROM pg_stat_database d
CROSS JOIN (SELECT least(b.stats_reset, a.stats_reset) AS stats_reset
            FROM pg_stat_bgwriter b CROSS JOIN pg_stat_archiver a) o
ORDER BY d.datname
"""

CHECKSUMS = """
SELECT current_setting('data_checksums') AS data_checksums
"""

_DAY = 86400.0


class Counters(Struct, frozen=True):
    """Of one database, since its statistics were reset; name '': what all databases share."""

    name: str
    commits: int
    rollbacks: int
    blocks_read: int
    blocks_hit: int
    temp_files: int
    temp_bytes: int
    deadlocks: int
    checksum_failures: int | None = None
    """None: no checksums, or a version before 12."""
    failure_seconds: int | None = None
    """Since the last of them was seen."""
    counted_seconds: int | None = None
    template: bool = False


class Switch(Struct, frozen=True):
    """A row of CHECKSUMS."""

    data_checksums: str


class Facts(Struct, frozen=True):
    """The counters of every database, and whether checksums are counted at all."""

    databases: tuple[Counters, ...]
    data_checksums: bool
    counts_checksums: bool
    """From version 12 on."""


class Span(Struct, frozen=True):
    """What was counted, and in how long."""

    counters: Counters
    seconds: float

    @property
    def days(self) -> float:
        """Return the time in days, at least one: a storm of an hour is not multiplied by 24."""
        return max(1.0, self.seconds / _DAY)

    @property
    def told(self) -> Text:
        """Return the time in words."""
        return duration(self.seconds)


def facts_of(database: Database) -> Facts:
    """Ask for the counters. Raise a ProbeError."""
    later = database.version >= (12,)
    rows = database.rows(STATISTICS if later else STATISTICS_10, Counters)
    checksums = database.rows(CHECKSUMS, Switch)[0].data_checksums == "on"
    return Facts(
        tuple(row for row in rows if not (row.name and database.excluded(row.name))),
        checksums,
        later,
    )


def span_of(database: Counters, past: Past[Facts]) -> Span:
    """Return what a database counted since the previous inspection.

    Where there was none, or the counters fell since (a reset, a crash), all that is counted.
    """
    earlier = next(
        (each for each in past.previous.databases if each.name == database.name)
        if past.previous is not None
        else iter(()),
        None,
    )
    if earlier is None or past.elapsed_seconds is None:
        return Span(database, float(database.counted_seconds or 0))
    names = ("commits", "rollbacks", "blocks_read", "blocks_hit", "temp_files", "temp_bytes")
    fields = (*names, "deadlocks")
    changes = {name: getattr(database, name) - getattr(earlier, name) for name in fields}
    if min(changes.values()) < 0:
        return Span(database, float(database.counted_seconds or 0))
    return Span(Counters(database.name, **changes), past.elapsed_seconds)


def named(facts: Facts) -> Iterator[Counters]:
    """Yield the databases that people use: no templates, not what all of them share."""
    return (database for database in facts.databases if database.name and not database.template)
