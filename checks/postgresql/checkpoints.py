"""PostgreSQL: checkpoints that come because the WAL is full, not because it is time."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    limit,
    not_applicable,
    ok,
    warning,
)
from checks.databases import Database
from checks.wording import duration, percent

CHECKPOINTS = """
SELECT c.checkpoints_timed AS timed,
       c.checkpoints_req AS requested,
       extract(epoch FROM now() - c.stats_reset)::bigint AS counted_seconds,
       current_setting('max_wal_size') AS max_wal_size,
       current_setting('checkpoint_timeout') AS checkpoint_timeout,
       pg_is_in_recovery() AS standby
FROM pg_stat_bgwriter c
"""

CHECKPOINTS_17 = """
SELECT c.num_timed AS timed,
       c.num_requested AS requested,
       extract(epoch FROM now() - c.stats_reset)::bigint AS counted_seconds,
       current_setting('max_wal_size') AS max_wal_size,
       current_setting('checkpoint_timeout') AS checkpoint_timeout,
       pg_is_in_recovery() AS standby
FROM pg_stat_checkpointer c
"""


class Facts(Struct, frozen=True):
    """A row of CHECKPOINTS: both counted since the statistics were reset."""

    timed: int
    requested: int
    counted_seconds: int | None
    max_wal_size: str
    checkpoint_timeout: str
    standby: bool


def probe(database: Database) -> Facts:
    """Ask for the counters of checkpoints. Raise a ProbeError."""
    later = database.version >= (17,)
    return database.rows(CHECKPOINTS_17 if later else CHECKPOINTS, Facts)[0]


class RequestThresholds(Thresholds, frozen=True):
    """Requested checkpoints beside timed ones."""

    warning_percent_of_timed: Annotated[float, limit("%", "DBC 0.5 of timed")] = 50
    least_requested: Annotated[int, limit("count", "OWN: backups and DROP DATABASE ask, too")] = 10


_STANDBY = Text(
    "本实例是备库，检查点由主库决定。", "This is a standby: the primary makes the checkpoints."
)
_CURRENT = Text("请求 {requested} 次，定时 {timed} 次", "{requested} requested, {timed} timed")
_LIMIT = Text("请求 < 定时的 {limit}", "requested < {limit} of timed")
_OFTEN = Text(
    "{span}内有 {requested} 次检查点是被请求的，定时的只有 {timed} 次：WAL 在 checkpoint_timeout"
    "（{timeout}）之前就写满了 max_wal_size（{size}）。",
    "Within {span} {requested} checkpoints were requested and {timed} came in time: the WAL "
    "reaches max_wal_size ({size}) before checkpoint_timeout ({timeout}).",
)
_BEGINNING = Text("统计周期", "what is counted")


def requested(facts: Facts, thresholds: RequestThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the checkpoints since the previous inspection, or all that are counted."""
    if facts.standby:
        yield not_applicable("", _STANDBY)
        return
    asked, timed, seconds = facts.requested, facts.timed, float(facts.counted_seconds or 0)
    earlier = past.previous
    if earlier is not None and past.elapsed_seconds is not None:
        changes = asked - earlier.requested, timed - earlier.timed
        if min(changes) >= 0:
            (asked, timed), seconds = changes, past.elapsed_seconds
    current = _CURRENT.format(requested=asked, timed=timed)
    reference = _LIMIT.format(limit=percent(thresholds.warning_percent_of_timed))
    few = asked < thresholds.least_requested
    if few or 100 * asked < thresholds.warning_percent_of_timed * timed:
        yield ok("", current, reference)
        return
    message = _OFTEN.format(
        span=duration(seconds) if seconds else _BEGINNING,
        requested=asked,
        timed=timed,
        timeout=facts.checkpoint_timeout,
        size=facts.max_wal_size,
    )
    yield warning("", current, reference, message)


CHECK = Check(
    title=Text("PostgreSQL 检查点", "PostgreSQL checkpoints"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="postgresql",
    reads=("pg_stat_bgwriter", "pg_stat_checkpointer (17+)", "pg_settings"),
    privilege=Text("角色 pg_monitor", "role pg_monitor"),
    rules=(
        Rule(
            code="PG-027",
            title=Text("请求触发的检查点", "Requested checkpoints"),
            why=Text(
                "检查点来得太密，每次之后的首次改动都要写整页，WAL 和磁盘写入成倍增加，"
                "出现周期性卡顿。",
                "When checkpoints come too often, every first change after one writes a whole "
                "page: "
                "much more WAL, more writes, and stalls that come and go.",
            ),
            remedy=Text(
                "调大 max_wal_size（例如现值的 2 至 4 倍，先确认 WAL 所在磁盘放得下），"
                "checkpoint_completion_target 保持 0.9，执行 SELECT pg_reload_conf() 生效；"
                "代价是崩溃后的恢复时间变长。",
                "Raise max_wal_size (to 2 or 4 times of what it is, if the disk of the WAL has the "
                "room), leave checkpoint_completion_target at 0.9, SELECT pg_reload_conf(); after "
                "a crash the recovery takes longer.",
            ),
            priority=2,
            thresholds=RequestThresholds,
            evaluate=requested,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
