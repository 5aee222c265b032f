"""Backup sets of a year that had everything: outages, excuses, damage, silence, a second set."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from checks.api import Text
from checks.backup_sets import (
    BackupFacts,
    Declaration,
    Evidence,
    Kind,
    Level,
    OffsiteBy,
    OffsiteLeg,
    Proof,
    RestorePoint,
    Result,
    Schedule,
)
from collector.backups.days import BAD, Day, LegState, LegVerdict
from collector.backups.material import (
    MonthCount,
    OpenInterval,
    Recovery,
    SetMaterial,
    Share,
)
from wire.messages import Failure, Reason

LAST = date(2026, 12, 27)
OFFSITE_DECLARED = Declaration(
    name="u8-finance",
    title="U8 财务账套",
    kind=Kind.FILES,
    place="/backup/pg",
    format="pg_dump",
    pattern="ufdata_*.dump",
    objects=("UFDATA_001_2026", "UFDATA_002_2026"),
    offsite=OffsiteLeg(by=OffsiteBy.SFTP, place="sftp://backup@offsite.example/u8", hours=24),
    rpo_hours=26,
    retention_days=90,
    verify_every_days=30,
    restore_every_days=90,
    key_escrow="客户财务部保险柜，2026-01-05",
)
LOCAL_DECLARED = Declaration(
    name="shares",
    title="部门共享文件夹",
    kind=Kind.RESTIC,
    place="/srv/restic/shares",
    schedule=Schedule(
        window_start="20:00",
        deadline="06:00",
        weekdays=(0, 1, 2, 3, 4),
        time_zone="America/New_York",
    ),
    rpo_hours=26,
    retention_points=60,
    valid_from=date(2026, 3, 2),
)
FINE = LegVerdict(LegState.OK, Text("按时完成，已校验", "in time, proven"))
NOT_DUE = LegVerdict(LegState.NOT_DUE, Text("当日无要求", "nothing is due"))


def _stretch(start: tuple[int, int], count: int) -> list[date]:
    first = date(2026, *start)
    return [first + timedelta(days=day) for day in range(count)]


def _is(leg: str, state: LegState, zh: str, en: str, note: str = "") -> Mapping[str, object]:
    return {leg: LegVerdict(state, Text(zh, en)), "note": note}


_SILENT = Text("Agent 自 3 月 9 日起没有上报", "the agent has not reported since 9 March")
_EVENTS: dict[date, Mapping[str, object]] = {
    **dict.fromkeys(
        _stretch((2, 16), 7),
        {
            leg: LegVerdict(LegState.EXCUSED, Text("春节停机", "holiday, machines off"))
            for leg in ("local", "offsite", "verified")
        }
        | {"note": "春节停机，服务器关闭；王经理，2026-02-10"},
    ),
    **dict.fromkeys(
        _stretch((3, 9), 4),
        dict.fromkeys(("local", "offsite", "verified"), LegVerdict(LegState.UNKNOWN, _SILENT)),
    ),
    date(2026, 3, 13): _is(
        "local", LegState.OK, "按时完成", "in time", "2026-03-14 恢复上报后补记，原为未知"
    ),
    date(2026, 4, 2): _is("local", LegState.LATE, "晚到 2.1 小时", "2.1 h late"),
    date(2026, 4, 3): _is("local", LegState.LATE, "晚到 0.7 小时", "0.7 h late"),
    **dict.fromkeys(
        _stretch((5, 21), 2),
        _is(
            "verified", LegState.FAILED,
            "ufdata_001 在 71% 处解压失败：unexpected end of file",
            "ufdata_001 can't be read beyond 71%: unexpected end of file",
        ),
    ),
    date(2026, 7, 4): _is(
        "offsite", LegState.MISMATCH, "异地副本 SHA-256 不一致", "the offsite SHA-256 differs"
    ),
    **dict.fromkeys(
        _stretch((8, 1), 3),
        _is(
            "verified", LegState.UNVERIFIED,
            "30 天内未完成校验，仅抽样 12%", "not proven in 30 days, a sample of 12% only",
        ),
    ),
    **dict.fromkeys(
        _stretch((10, 3), 3),
        _is("local", LegState.MISSING, "备份盘写满，未生成文件", "the disk was full: no file"),
    ),
    **dict.fromkeys(
        _stretch((12, 26), 2),
        _is("offsite", LegState.PENDING, "异地时限未到", "the copy has time left"),
    ),
}  # fmt: skip


def _day(on: date, schedule: Schedule, zone: str, **changes: object) -> Day:
    hour, minute = map(int, schedule.deadline.split(":"))
    due = datetime.combine(on + timedelta(days=1), time(hour, minute), ZoneInfo(zone))
    day = Day(
        day=on,
        local=FINE,
        offsite=FINE,
        verified=FINE,
        restored=NOT_DUE,
        points=(f"ufdata_{on:%Y%m%d}.dump",),
        due_at=due.astimezone(UTC) + timedelta(minutes=schedule.grace_minutes),
        frozen=True,
    )
    return replace(day, **changes)  # type: ignore[arg-type] # the fields of the class


def months(days: tuple[Day, ...]) -> tuple[MonthCount, ...]:
    """Count the days by month."""
    found: dict[tuple[int, int], Counter[LegState]] = {}
    for day in days:
        found.setdefault((day.day.year, day.day.month), Counter())[day.worst] += 1
    return tuple(
        MonthCount(
            year=year,
            month=month,
            due=sum(counts.values()) - counts[LegState.NOT_DUE],
            ok=counts[LegState.OK],
            late=counts[LegState.LATE],
            bad=sum(counts[state] for state in BAD),
            unverified=counts[LegState.UNVERIFIED],
            unknown=counts[LegState.UNKNOWN],
            excused=counts[LegState.EXCUSED],
            pending=counts[LegState.PENDING],
        )
        for (year, month), counts in found.items()
    )


def _at(month: int, day: int, hour: int = 19, minute: int = 4) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def _dump(on: str, name: str, gigabytes: float) -> RestorePoint:
    return RestorePoint(
        id=f"ufdata_{name}_{on}.dump",
        object=f"UFDATA_{name}_2026",
        started_at=_at(12, int(on[-2:])),
        bytes=int(gigabytes * 2**30),
        content="sha256:9f3c",
    )


def offsite_set(start: date = date(2026, 1, 1)) -> SetMaterial:
    """Return a set with every leg, and something of everything in its year."""
    dates = [start + timedelta(days=day) for day in range((LAST - start).days + 1)]
    schedule, zone = OFFSITE_DECLARED.schedule, "Asia/Shanghai"
    days = tuple(_day(on, schedule, zone, **_EVENTS.get(on, {})) for on in dates)
    newest = (_dump("20261227", "001", 41.2), _dump("20261227", "002", 7.9))
    drill = Proof(
        point="ufdata_001_20260914.dump",
        level=Level.RESTORED,
        result=Result.PASSED,
        at=_at(9, 15, 3, 20),
        method="pg_restore 15, pg_amcheck, dropped afterwards",
        bytes_read=39 * 2**30,
        seconds=2280,
        evidence=(
            Evidence("GL_accvouch rows", "1284417", "1284417"),
            Evidence("tables", "612", "612"),
        ),
    )
    failed = replace_proof(
        drill,
        point="ufdata_001_20260609.dump",
        result=Result.FAILED,
        at=_at(6, 10, 3, 20),
        seconds=640.0,
        evidence=(Evidence("tables", "612", "588"),),
        person="李工",
    )
    proven = newest[0].id
    return SetMaterial(
        customer="customer",
        site="总部机房",
        host_id="host-2",
        host="erp-db-01",
        name=OFFSITE_DECLARED.name,
        declaration=OFFSITE_DECLARED,
        zone=zone,
        since=start,
        days=days,
        months=months(days),
        recovery=Recovery(
            promised_hours=26,
            longest=OpenInterval(_at(2, 15), _at(2, 23)),
            gaps=(
                OpenInterval(_at(2, 15), _at(2, 23)),
                OpenInterval(_at(10, 2), _at(10, 6)),
                OpenInterval(_at(5, 20), _at(5, 23)),
            ),
            restore_seconds=2410,
            restore_scaled_from_bytes=39 * 2**30,
            restore_measured_at=drill.at,
        ),
        newest=newest,
        points=178,
        oldest_at=_at(9, 29),
        proofs=(
            (
                Level.STRUCTURE,
                Proof(
                    point=proven, level=Level.STRUCTURE, result=Result.PASSED,
                    at=_at(12, 27, 22), method="pg_restore -f /dev/null, trailer",
                ),
            ),
            (
                Level.HASHED,
                Proof(
                    point=proven, level=Level.HASHED, result=Result.PASSED,
                    at=_at(12, 27, 22), method="sha256 in the same pass", digest="9f3c" * 16,
                ),
            ),
            (
                Level.OFFSITE,
                Proof(
                    point="ufdata_001_20261225.dump", level=Level.OFFSITE, result=Result.PASSED,
                    at=_at(12, 26, 22), method="openssl dgst -sha256 over ssh",
                ),
            ),
            (Level.RESTORED, drill),
        ),
        drills=(drill, failed),
        share=Share(_at(12, 27, 22), int(4.1 * 2**40), int(3.6 * 2**40)),
        looked_at=_at(12, 27, 22, 40),
        last_facts=BackupFacts(
            declaration=OFFSITE_DECLARED, points=(), tool="pg_restore 15.20", encrypted=False
        ),
    )  # fmt: skip


def replace_proof(proof: Proof, **changes: object) -> Proof:
    """Return the proof with other fields."""
    fields = {name: getattr(proof, name) for name in proof.__struct_fields__}
    return Proof(**{**fields, **changes})  # type: ignore[arg-type] # the fields of the struct


def local_set() -> SetMaterial:
    """Return a set with a local leg only, from March on, on working days; its newest are missing.

    Its zone changes its clocks twice in the year.
    """
    zone, schedule, start = "America/New_York", LOCAL_DECLARED.schedule, date(2026, 3, 2)
    days = []
    for on in (start + timedelta(days=day) for day in range((LAST - start).days + 1)):
        unproven = LegVerdict(
            LegState.UNVERIFIED, Text("仓库被锁定，校验未能进行", "the repository was locked")
        )
        changes: dict[str, object] = {"offsite": NOT_DUE, "points": (f"{on:%m%d}a1f0",)}
        if on.weekday() > 4:
            changes |= {"local": NOT_DUE, "verified": NOT_DUE, "points": ()}
        elif on >= date(2026, 12, 24):
            why = Text(
                "截止 06:00 与宽限 60 分钟均已过，仓库中没有当日快照",
                "06:00 and 60 minutes of grace are over: no snapshot of that day",
            )
            changes |= {"local": LegVerdict(LegState.MISSING, why), "verified": NOT_DUE}
        elif date(2026, 11, 3) <= on <= date(2026, 11, 9):
            changes["verified"] = unproven
        days.append(_day(on, schedule, zone, **changes))
    newest = RestorePoint(id="7c1e90ab", started_at=_at(12, 24, 1), bytes=310 * 2**30)
    return SetMaterial(
        customer="customer",
        site="总部机房",
        host_id="host-4",
        host="file-01",
        name=LOCAL_DECLARED.name,
        declaration=LOCAL_DECLARED,
        zone=zone,
        since=start,
        days=tuple(days),
        months=months(tuple(days)),
        recovery=Recovery(
            promised_hours=26,
            longest=OpenInterval(_at(12, 24, 1), _at(12, 28, 4), is_open=True),
            gaps=(OpenInterval(_at(12, 24, 1), _at(12, 28, 4), is_open=True),),
            restore_seconds=None,
            restore_scaled_from_bytes=None,
            restore_measured_at=None,
        ),
        newest=(newest,),
        points=60,
        oldest_at=_at(9, 30),
        proofs=(
            (
                Level.STRUCTURE,
                Proof(
                    point="", level=Level.STRUCTURE, result=Result.SAMPLED, at=_at(12, 20, 23),
                    method="restic check --read-data-subset=3/30", coverage=0.1234,
                ),
            ),
            (
                Level.HASHED,
                Proof(
                    point="", level=Level.HASHED, result=Result.UNPROVEN, at=_at(12, 27, 23),
                    method="restic check",
                    failure=Failure(Reason.ERROR, "repository is locked by backup@file-01"),
                ),
            ),
        ),
        drills=(),
        share=Share(_at(12, 27, 23), 1240 * 2**30, 153 * 2**30),
        looked_at=_at(12, 27, 23, 10),
    )  # fmt: skip


def unseen_set() -> SetMaterial:
    """Return a set that was declared and never could be looked at."""
    shown = local_set()
    return replace(
        shown,
        host="web-01",
        name="site",
        declaration=Declaration(name="site", kind=Kind.BORG, place="/srv/borg"),
        days=(),
        months=(),
        recovery=replace(shown.recovery, longest=None, gaps=()),
        newest=(),
        points=0,
        oldest_at=None,
        proofs=(),
        share=None,
        looked_at=None,
        not_looked="tool not installed: borg",
    )


def sets() -> tuple[SetMaterial, ...]:
    """Return the sets of the sample customer."""
    return (offsite_set(), local_set())
