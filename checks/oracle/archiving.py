"""Oracle: room in the recovery area, archiving and its destinations, gaps of a standby.

Destinations outside the recovery area are folders of a host: OS-DSK-001 sees to their room.

From the reference (11.2 to 23ai); no Oracle has run these queries for us yet.
"""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    info,
    limit,
    not_applicable,
    ok,
)
from checks.databases import Database
from checks.errors import UnexpectedOutput, part
from checks.judging import judged, missing
from checks.wording import percent, size

MODE = "SELECT log_mode AS log_mode, database_role AS role FROM v$database"
RECOVERY_AREA = """
SELECT name AS name, space_limit AS space_limit, space_used AS space_used,
       space_reclaimable AS space_reclaimable
FROM v$recovery_file_dest
WHERE name IS NOT NULL
"""
DESTINATIONS = """
SELECT dest_name AS name, status AS status, destination AS destination, error AS error
FROM v$archive_dest
WHERE status <> 'INACTIVE'
"""
GAPS = "SELECT thread# AS thread, low_sequence# AS low, high_sequence# AS high FROM v$archive_gap"
_BROKEN = frozenset({"ERROR", "BAD PARAM", "DISABLED", "FULL"})


class ModeRow(Struct, frozen=True):
    """How the database treats its redo."""

    log_mode: str
    role: str


class AreaRow(Struct, frozen=True):
    """The fast recovery area."""

    name: str
    space_limit: float
    space_used: float
    space_reclaimable: float

    @property
    def used_percent(self) -> float:
        """Return the share that can't be freed by the server itself."""
        kept = max(0.0, self.space_used - self.space_reclaimable)
        return 100 * kept / self.space_limit if self.space_limit > 0 else 100.0


class DestinationRow(Struct, frozen=True):
    """Where redo is archived to: a folder or a standby's service."""

    name: str
    status: str
    destination: str | None = None
    error: str | None = None


class GapRow(Struct, frozen=True):
    """Archived logs that a standby misses."""

    thread: int
    low: int
    high: int


class Facts(Struct, frozen=True, kw_only=True):
    """Archiving of one database."""

    mode: ModeRow
    areas: tuple[AreaRow, ...] | Failure
    destinations: tuple[DestinationRow, ...] | Failure
    gaps: tuple[GapRow, ...] | Failure = ()
    """Asked of a physical standby only: elsewhere the view is always empty."""


def probe(database: Database) -> Facts:
    """Ask the control file. Raise a ProbeError."""
    modes = database.rows(MODE, ModeRow)
    if not modes:
        raise UnexpectedOutput("v$database", "no row")
    gaps: tuple[GapRow, ...] | Failure = ()
    if modes[0].role == "PHYSICAL STANDBY":
        gaps = part(lambda: database.rows(GAPS, GapRow)[:50])
    return Facts(
        mode=modes[0],
        areas=part(lambda: database.rows(RECOVERY_AREA, AreaRow)),
        destinations=part(lambda: database.rows(DESTINATIONS, DestinationRow)[:40]),
        gaps=gaps,
    )


class AreaThresholds(Thresholds, frozen=True):
    """Of the recovery area, without what the server may delete by itself."""

    warning_percent: Annotated[float, limit("%", "catalogue ORA-005")] = 80
    critical_percent: Annotated[float, limit("%", "COH 90")] = 90


def area(facts: Facts, thresholds: AreaThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the room in the recovery area."""
    if isinstance(facts.areas, Failure):
        yield from missing(facts.areas)
        return
    if not facts.areas:
        why = Text(
            "未配置快速恢复区，归档目录的空间由主机磁盘检查判定。",
            "There is no recovery area; the host's volumes tell the room of archive folders.",
        )
        yield not_applicable("", why)
    for each in facts.areas:
        message = Text(
            "快速恢复区 {name} 不可回收的空间已占 {share}（上限 {most}），写满后数据库会挂起。",
            "{share} of recovery area {name} ({most}) can't be reclaimed; when it is full, the "
            "database stops.",
        ).format(name=each.name, share=percent(each.used_percent), most=size(each.space_limit))
        yield judged(
            each.name,
            each.used_percent,
            thresholds.warning_percent,
            thresholds.critical_percent,
            show=percent,
            message=message,
        )


class StateThresholds(Thresholds, frozen=True):
    """Nothing to set."""


def archiving(facts: Facts, _thresholds: StateThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the log mode, each destination, and gaps."""
    current, wanted = Text.same(facts.mode.log_mode), Text.same("ARCHIVELOG")
    if facts.mode.log_mode == "NOARCHIVELOG":
        message = Text(
            "数据库处于非归档模式，只能恢复到最近一次冷备份，之后的数据会丢失。",
            "The database runs in NOARCHIVELOG mode: only the last cold backup can be restored.",
        )
        yield critical("log_mode", current, wanted, message)
    else:
        yield ok("log_mode", current, wanted)
    yield from _destinations(facts.destinations)
    yield from _gaps(facts)


def _destinations(found: tuple[DestinationRow, ...] | Failure) -> Iterator[Verdict]:
    if isinstance(found, Failure):
        yield from missing(found, "destinations")
        return
    for each in found:
        current, wanted = Text.same(each.status), Text.same("VALID")
        place = each.destination or each.name
        if each.status in _BROKEN:
            message = Text(
                f"归档目标 {place} 状态为 {each.status}：{each.error or '无错误信息'}。",
                f"Archive destination {place} is {each.status}: {each.error or 'no message'}.",
            )
            yield critical(each.name, current, wanted, message)
        elif each.status == "DEFERRED":
            message = Text(
                f"归档目标 {place} 被人为暂停（DEFER），若是备库，备库已停止接收日志。",
                f"Archive destination {place} is deferred: a standby there receives nothing.",
            )
            yield info(each.name, current, wanted, message)
        else:
            yield ok(each.name, current, wanted)


def _gaps(facts: Facts) -> Iterator[Verdict]:
    if facts.mode.role != "PHYSICAL STANDBY":
        return
    if isinstance(facts.gaps, Failure):
        yield from missing(facts.gaps, "gap")
        return
    wanted = Text("无缺失", "none missing")
    if not facts.gaps:
        yield ok("gap", wanted, wanted)
        return
    shown = "; ".join(f"{gap.thread}: {gap.low}–{gap.high}" for gap in facts.gaps[:5])
    message = Text(
        f"备库缺少归档日志（线程: 序号）{shown}，之后的日志都不能应用。",
        f"The standby misses archived logs (thread: sequences) {shown}: nothing after is applied.",
    )
    yield critical("gap", Text.same(shown), wanted, message)


CHECK = Check(
    title=Text("Oracle 归档与恢复区", "Oracle archiving and recovery area"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="oracle",
    reads=("v$database, v$recovery_file_dest, v$archive_dest, v$archive_gap",),
    privilege=Text(
        "CREATE SESSION，以及对上述视图（V_$…）的 SELECT",
        "CREATE SESSION, and SELECT on these views (V_$…)",
    ),
    rules=(
        Rule(
            code="ORA-005",
            title=Text("快速恢复区使用率", "Use of the recovery area"),
            why=Text(
                "恢复区写满后无法归档，数据库会停止响应（ORA-19809、ORA-00257）。",
                "When the recovery area is full, nothing can be archived and the database stops "
                "(ORA-19809, ORA-00257).",
            ),
            remedy=Text(
                "先用 RMAN 备份归档日志，再执行 DELETE ARCHIVELOG ALL BACKED UP 1 TIMES TO DISK "
                "或加大 DB_RECOVERY_FILE_DEST_SIZE；不要在操作系统中直接删除归档文件。",
                "Back up the archived logs by RMAN, then DELETE ARCHIVELOG ALL BACKED UP 1 TIMES "
                "TO DISK, or raise DB_RECOVERY_FILE_DEST_SIZE; never delete the files by hand.",
            ),
            priority=1,
            thresholds=AreaThresholds,
            evaluate=area,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="ORA-006",
            title=Text("归档模式与归档目标", "Archiving and its destinations"),
            why=Text(
                "没有归档就不能恢复到故障前的时间点；归档目标出错时备库停止同步，恢复链中断。",
                "Without archived logs nothing can be restored up to the accident; a broken "
                "destination stops the standby and breaks the chain.",
            ),
            remedy=Text(
                "开启归档（需重启到 MOUNT：ALTER DATABASE ARCHIVELOG），并安排归档日志备份；"
                "按 v$archive_dest.error 修复目标；缺失的日志从主库传到备库后注册。",
                "Turn archiving on (in MOUNT: ALTER DATABASE ARCHIVELOG) and back archived logs "
                "up; mend destinations by v$archive_dest.error; copy missing logs over and "
                "register them.",
            ),
            priority=1,
            thresholds=StateThresholds,
            evaluate=archiving,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
