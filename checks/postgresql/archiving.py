"""Archiving of WAL: can be restored to a point in time, is it archived, does the folder fill up?"""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Measure,
    Owner,
    Past,
    Rule,
    State,
    Text,
    Thresholds,
    Verdict,
    critical,
    grade,
    info,
    limit,
    not_applicable,
    not_run,
    ok,
)
from checks.judging import judged, missing
from checks.postgresql._archiving_facts import Archiver, Facts, probe
from checks.wording import count, duration, size


class ArchivedThresholds(Thresholds, frozen=True):
    """Segments of WAL that wait for being archived."""

    warning_files: Annotated[int, limit("files", "CPG archive_ready 10")] = 10
    critical_files: Annotated[int, limit("files", "CPG archive_ready 15")] = 15


class ModeThresholds(Thresholds, frozen=True):
    """What the customer may lose."""

    recovery_point_hours: Annotated[
        float, limit("h", "catalogue PG-006: below 24 h archiving is a must")
    ] = 24


class RoomThresholds(Thresholds, frozen=True):
    """Size of the WAL folder, in what the settings let it have."""

    warning_times: Annotated[float, limit("× max_wal_size", "catalogue PG-007, PGA")] = 2
    critical_times: Annotated[float, limit("× max_wal_size", "catalogue PG-007, PGA")] = 4


_OFF = Text("归档未开启（见 PG-006）。", "Nothing is archived here (see PG-006).")
_ON_PRIMARY = Text(
    "备库不归档（archive_mode = {mode}），请在主库上检查。",
    "A standby archives nothing (archive_mode = {mode}): inspect the primary.",
)
_WAITING = Text("待归档 {ready}", "{ready} waiting")
_UNIT = ("个", "files")
_FAILING = Text(
    "归档正在失败：最近一次失败在 {failed}前（{wal}），{success}，累计失败 {times} 次。"
    "WAL 会一直堆积。",
    "Archiving fails: last {failed} ago ({wal}), {times} times in all; {success}. WAL piles up.",
)
_LAST = Text("最近一次成功在 {ago}前", "it last succeeded {ago} ago")
_NEVER = Text("从未成功", "it never succeeded")
_QUEUE = Text(
    "有 {ready} 个 WAL 文件等待归档{oldest}：归档太慢或已停止。",
    "{ready} files of WAL wait for being archived{oldest}: it is too slow or stands still.",
)
_OLDEST = Text("（最早的已等 {ago}）", ", the first for {ago}")
_RECOVERED = Text(
    "上次巡检以来归档失败 {times} 次，目前已恢复。",
    "Archiving failed {times} times since the inspection before; it works again.",
)
_WANTED = Text(
    "archive_mode = on，wal_level = replica 以上",
    "archive_mode = on, wal_level = replica or higher",
)
_NO_ARCHIVE = Text(
    "{cause}：只能恢复到最近一次备份的时刻，之后的数据全部丢失。",
    "{cause}: only the last backup can be restored; what came after it is lost.",
)
_CAUSES = {
    "wal_level": Text("wal_level = {level}，无法归档", "With wal_level = {level} none is possible"),
    "off": Text("归档未开启（archive_mode = off）", "Archiving is off (archive_mode = off)"),
    "empty": Text("archive_mode 已开启但 archive_command 为空", "archive_command is empty"),
    "discards": Text(
        "archive_command 只返回成功、不保存文件，WAL 实际被丢弃",
        "archive_command only says yes and keeps nothing: the WAL is thrown away",
    ),
}
_RECEIVED = Text("由 pg_receivewal 等流式接收", "received by pg_receivewal or the like")
_LARGE = Text(
    "WAL 目录 {bytes}，是允许大小 {allowed}（max_wal_size 与 wal_keep 之和）的 {times} 倍。",
    "The WAL folder holds {bytes}, {times} times the {allowed} that max_wal_size and wal_keep let "
    "it have.",
)


def archived(facts: Facts, thresholds: ArchivedThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether archiving keeps up."""
    if facts.mode == "off":
        yield not_applicable("", _OFF)
        return
    if facts.standby and facts.mode != "always":
        yield not_applicable("", _ON_PRIMARY.format(mode=facts.mode))
        return
    if isinstance(facts.archiver, Failure):
        yield from missing(facts.archiver)
        return
    for archiver in facts.archiver:
        yield _archived(facts, archiver, thresholds, past)


def _archived(
    facts: Facts, archiver: Archiver, thresholds: ArchivedThresholds, past: Past[Facts]
) -> Verdict:
    reference = _WAITING.format(ready=f"< {thresholds.warning_files}")
    failing = archiver.failed_seconds is not None and (
        archiver.archived_seconds is None or archiver.failed_seconds < archiver.archived_seconds
    )
    if failing and archiver.failed_seconds is not None:
        success: Text = _NEVER
        if archiver.archived_seconds is not None:
            success = _LAST.format(ago=duration(archiver.archived_seconds))
        message = _FAILING.format(
            failed=duration(archiver.failed_seconds),
            wal=archiver.last_failed_wal or "-",
            success=success,
            times=archiver.failed_count,
        )
        return critical("", Text("失败", "failing"), reference, message)
    if isinstance(facts.waiting_files, Failure):
        return not_run("", facts.waiting_files)
    ready = facts.waiting_files
    current = _WAITING.format(ready=count(ready, *_UNIT))
    state = grade(ready, thresholds.warning_files, thresholds.critical_files)
    if state is not State.OK:
        oldest: Text | str = ""
        if facts.waiting_seconds is not None:
            oldest = _OLDEST.format(ago=duration(facts.waiting_seconds))
        return Verdict("", state, current, reference, _QUEUE.format(ready=ready, oldest=oldest))
    fresh = _failed_since(archiver, past)
    if fresh:
        return info("", current, reference, _RECOVERED.format(times=fresh))
    return ok("", current, reference)


def _failed_since(archiver: Archiver, past: Past[Facts]) -> int:
    """Return the failures since the look before; 0 where there was none to compare with."""
    if past.previous is None or isinstance(past.previous.archiver, Failure):
        return 0
    before = sum(each.failed_count for each in past.previous.archiver)
    # A counter that fell was reset: all of it is new.
    return archiver.failed_count - (before if archiver.failed_count >= before else 0)


def recoverable(facts: Facts, thresholds: ModeThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether the settings allow a restore to a point in time."""
    if facts.standby:
        yield not_applicable("", _ON_PRIMARY.format(mode=facts.mode))
        return
    cause = _cause(facts)
    current = Text.same(f"archive_mode = {facts.mode}, wal_level = {facts.wal_level}")
    if cause is None:
        yield ok("", current, _WANTED)
    elif facts.wal_level != "minimal" and isinstance(facts.receivers, Failure):
        yield not_run("", facts.receivers)
    elif facts.wal_level != "minimal" and facts.receivers:
        yield ok("", _RECEIVED, _WANTED)
    else:
        must = thresholds.recovery_point_hours < 24
        state = State.CRITICAL if must else State.WARNING
        message = _NO_ARCHIVE.format(cause=cause.format(level=facts.wal_level))
        yield Verdict("", state, current, _WANTED, message)


def _cause(facts: Facts) -> Text | None:
    if facts.wal_level == "minimal":
        return _CAUSES["wal_level"]
    return _CAUSES["off"] if facts.mode == "off" else _CAUSES.get(facts.command)


def room(facts: Facts, thresholds: RoomThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the size of the WAL folder by what the settings let it have."""
    if isinstance(facts.wal_bytes, Failure):
        yield from missing(facts.wal_bytes)
        return
    if isinstance(facts.allowed_bytes, Failure):
        yield from missing(facts.allowed_bytes)
        return
    allowed, held = facts.allowed_bytes, facts.wal_bytes
    message = _LARGE.format(
        bytes=size(held), allowed=size(allowed), times=f"{held / max(1, allowed):.1f}"
    )
    warn, worst = thresholds.warning_times * allowed, thresholds.critical_times * allowed
    yield judged("", held, warn, worst, show=size, message=message)


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield the size of the WAL folder."""
    if not isinstance(facts.wal_bytes, Failure):
        yield Measure("wal_bytes", "", facts.wal_bytes)


CHECK = Check(
    title=Text("PostgreSQL 归档与 WAL", "PostgreSQL archiving and WAL"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    measures=measures,
    reads=(
        "pg_stat_archiver",
        "pg_ls_archive_statusdir()",
        "pg_ls_waldir()",
        "pg_stat_replication",
        "pg_settings",
    ),
    privilege=Text(
        "pg_monitor；12 之前查看待归档文件还需要 pg_ls_dir 的 EXECUTE 权限",
        "pg_monitor; before 12 also EXECUTE on pg_ls_dir, for the files that wait",
    ),
    systems=("linux", "windows"),
    target="postgresql",
    rules=(
        Rule(
            code="PG-005",
            title=Text("WAL 归档状态", "WAL is archived"),
            why=Text(
                "归档失败时无法恢复到故障前的时间点；未归档的 WAL 又不能删除，"
                "最终写满磁盘导致数据库停止。",
                "Where archiving fails nothing can be restored up to the accident, and WAL that is "
                "not archived is kept until the disk is full and the server stops.",
            ),
            remedy=Text(
                "查看服务器日志中 archive command failed 的原因（目标目录空间、权限、网络），"
                "以数据库系统用户手工执行 archive_command 验证；修复后会自动补传。"
                "不要手工删除 pg_wal 中的文件。",
                "The server's log tells why (archive command failed): room, rights, network. Try "
                "archive_command by hand as the server's user; once it works, what waits follows "
                "by itself. Never delete files in pg_wal by hand.",
            ),
            priority=1,
            thresholds=ArchivedThresholds,
            evaluate=archived,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="PG-006",
            title=Text("按时间点恢复能力", "Restore to a point in time"),
            why=Text(
                "不归档 WAL，误删数据或磁盘损坏后只能回到上一次备份，一天的业务数据可能全部丢失。",
                "Without archived WAL a deleted table or a broken disk takes you back to the last "
                "backup: a day's work may be gone.",
            ),
            remedy=Text(
                "设置 wal_level = replica、archive_mode = on（都需重启），"
                "archive_command 用 pgBackRest、barman 或 WAL-G，归档放到其他主机；"
                "随后做一次全量备份并演练恢复。确认业务可接受丢失一天数据时，可登记豁免。",
                "Set wal_level = replica and archive_mode = on (both need a restart), let "
                "pgBackRest, barman or WAL-G archive to another host, make a full backup and try a "
                "restore. Where a day may be lost, record that as a waiver.",
            ),
            priority=1,
            thresholds=ModeThresholds,
            evaluate=recoverable,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="PG-007",
            title=Text("WAL 目录大小", "Size of the WAL folder"),
            why=Text(
                "WAL 远超设定大小，说明归档停滞、复制槽滞留或检查点跟不上；"
                "磁盘写满后数据库会停止。",
                "Far more WAL than the settings ask for means that archiving, a replication slot "
                "or checkpoints hold it; when the disk is full the server stops.",
            ),
            remedy=Text(
                "依次检查归档是否失败（PG-005）、复制槽是否滞留（PG-009）、检查点是否过慢；"
                "处理原因后执行 CHECKPOINT 会自动清理。"
                "不要手工删除 pg_wal 中的文件，否则数据库可能无法启动。",
                "See whether archiving fails (PG-005), a slot holds WAL (PG-009) or checkpoints "
                "are late; then a CHECKPOINT removes it. Never delete files in pg_wal by hand: the "
                "server would not start again.",
            ),
            priority=2,
            thresholds=RoomThresholds,
            evaluate=room,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
