"""What is known of the transaction logs of an instance. Pure."""

from collections.abc import Mapping

from checks.api import Failure, Struct, Text, Verdict, not_applicable
from wire.messages import Count, Label


class LogRow(Struct, frozen=True, kw_only=True):
    """The log of one database: the answer to LOGS."""

    name: Label
    state: Label
    recovery_model: Label | None = None
    reuse_wait: Label | None = None
    """Why the log is not emptied, as of the last try; NOTHING: it is."""
    log_bytes: Count
    data_bytes: Count
    """Both 0 where the login may not see the files."""


class CounterRow(Struct, frozen=True):
    """How full a log is: the answer to USED."""

    name: Label
    used_percent: float


class StatisticsRow(Struct, frozen=True, kw_only=True):
    """Pieces and backups of a log: the answer to STATISTICS."""

    name: Label
    pieces: Count | None = None
    """VLFs; None on a secondary replica."""
    backup_seconds: int | None = None
    """Since the last log backup; None: there was none."""


class Facts(Struct, frozen=True, kw_only=True):
    """The transaction logs of an instance."""

    logs: tuple[LogRow, ...]
    databases_left_out: Count = 0
    used: tuple[CounterRow, ...] | Failure
    statistics: tuple[StatisticsRow, ...] | Failure


def used_of(facts: Facts) -> Mapping[str, float]:
    """Return how full each log is, in per cent; nothing where that was not read."""
    rows = () if isinstance(facts.used, Failure) else facts.used
    return {row.name: row.used_percent for row in rows}


def statistics_of(facts: Facts) -> Mapping[str, StatisticsRow]:
    """Return the statistics of each log; nothing where they were not read."""
    rows = () if isinstance(facts.statistics, Failure) else facts.statistics
    return {row.name: row for row in rows}


_NOT_OPEN = Text("数据库状态为 {state}。", "The database is {state}.")


def not_open(log: LogRow) -> Verdict | None:
    """Return the verdict on a database that is not open; None for all others."""
    if log.state == "ONLINE":
        return None
    return not_applicable(log.name, _NOT_OPEN.format(state=log.state))
