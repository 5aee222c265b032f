"""MSSQL-020: logs in too many pieces (VLFs)."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    limit,
    not_applicable,
    not_run,
)
from checks.judging import judged, missing
from checks.mssql._log import Facts, not_open, statistics_of
from checks.wording import count
from wire.messages import Reason


class PieceThresholds(Thresholds, frozen=True):
    """How many virtual log files a log may have."""

    warning_pieces: Annotated[int, limit("VLFs", "DCK 512")] = 512
    critical_pieces: Annotated[int, limit("VLFs", "FRK#69: more than 999")] = 1000


_MANY = Text(
    "数据库 {name} 的日志有 {pieces} 个 VLF，启动恢复、还原和日志读取都会变慢。",
    "The log of {name} has {pieces} VLFs: recovery, restores and log readers are slow.",
)
_SECONDARY = Text(
    "可用性组的辅助副本不提供 VLF 数，请在主副本上查看。",
    "A secondary replica does not tell: see the primary.",
)


def pieces(facts: Facts, thresholds: PieceThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the number of VLFs of each log."""
    if isinstance(facts.statistics, Failure):
        yield from missing(facts.statistics)
        return
    known = statistics_of(facts)
    for log in facts.logs:
        row = known.get(log.name)
        aside = not_open(log)
        if aside is not None:
            yield aside
        elif row is None:
            yield not_run(log.name, Failure(Reason.PERMISSION, "sys.dm_db_log_stats"))
        elif row.pieces is None:
            yield not_applicable(log.name, _SECONDARY)
        else:
            yield judged(
                log.name,
                row.pieces,
                thresholds.warning_pieces,
                thresholds.critical_pieces,
                show=lambda value: count(int(value), "个", "VLFs"),
                message=_MANY.format(name=log.name, pieces=row.pieces),
            )


PIECES = Rule(
    code="MSSQL-020",
    title=Text("VLF 数量", "Number of VLFs"),
    why=Text(
        "日志以很小的增量反复增长会产生大量虚拟日志文件，数据库重启后要很久才能恢复可用。",
        "A log that grew in crumbs has thousands of virtual files, and after a restart the "
        "database "
        "takes long to come back.",
    ),
    remedy=Text(
        "在低峰先备份日志，用 DBCC SHRINKFILE 收缩日志文件，再以 1 至 8 GB 的步长扩回目标大小，"
        "并把增量改为固定值（如 512MB）。",
        "At a quiet hour back up the log, shrink it by DBCC SHRINKFILE and grow it back in steps "
        "of 1 "
        "to 8 GB; set its growth to a fixed amount (512MB).",
    ),
    priority=2,
    thresholds=PieceThresholds,
    evaluate=pieces,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
