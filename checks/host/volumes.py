"""Volumes: space and inodes of every mounted file system, and when it will be full."""

from collections.abc import Iterator
from typing import Annotated

import psutil

from checks.api import (
    Chapter,
    Check,
    Host,
    Measure,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Trend,
    Verdict,
    grade,
    limit,
    not_applicable,
)
from checks.host._mount_tables import MOUNTS, Entry, entries
from checks.host._mounted_volumes import volumes
from checks.host._volume_growth import ForecastThresholds, forecast
from checks.host._volume_usage import Facts, Usage, asked, unjudged
from checks.wording import percent, size

GIB = 2**30


def probe(host: Host) -> Facts:
    """Ask every volume for its room; a network mount that does not answer costs seconds only."""
    if host.system == "linux":
        # Asked of the host and not of psutil: a service in a sandbox has mounts of its own, all of
        # them read-only, and the host knows where to read the real ones.
        rows = tuple(_row(entry) for entry in entries(host.read(MOUNTS)))
    else:
        rows = tuple(psutil.disk_partitions(all=False))
    return Facts(tuple(asked(host, volumes(rows))))


class _Row(Struct):
    device: str
    mountpoint: str
    fstype: str
    opts: str


def _row(entry: Entry) -> _Row:
    options = "ro" if entry.read_only else "rw"
    return _Row(entry.device, entry.mount_point, entry.file_system, options)


class SpaceThresholds(Thresholds, frozen=True):
    """Share in use *and* room left; and two shares that count whatever room is left.

    The catalogue's 80/90 % come with 20/5 GB of free room: a share alone cries wolf on large
    volumes (10 TB at 85 % has 1.5 TB left), room alone on small ones (a 2 GB /boot never has 20).
    So both must be reached. Room alone must not acquit a volume either: what grows with its size
    (databases, backups) fills the last tenth just as fast, therefore 90 % is always worth a
    warning and 98 % always critical. For shares only, set the two byte limits to 2**63 - 1.
    """

    warning_used_percent: Annotated[float, limit("%", "OBD, DBC 80; GSC 70; ND, CPG 90")] = 80
    critical_used_percent: Annotated[float, limit("%", "OBD, DBC, GSC 90; CPG 95; ND 98")] = 90
    warning_free_bytes: Annotated[int, limit("bytes", "OWN 20 GB, with the share")] = 20 * GIB
    critical_free_bytes: Annotated[int, limit("bytes", "ND 5 GB, with the share")] = 5 * GIB
    warning_used_percent_any_size: Annotated[float, limit("%", "ND 90; DBC 90")] = 90
    critical_used_percent_any_size: Annotated[float, limit("%", "ND 98; MIX free 3 %")] = 98


class InodeThresholds(Thresholds, frozen=True):
    """Share of inodes in use."""

    warning_used_percent: Annotated[float, limit("%", "DBC 80; GSC 60")] = 80
    critical_used_percent: Annotated[float, limit("%", "OWN 90; GSC 80; ND 98")] = 90


def space(facts: Facts, thresholds: SpaceThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the room of every volume."""
    reference = Text(
        "使用率 <{percent:g}%，或剩余 ≥{free}（且使用率 <{any:g}%）",
        "used <{percent:g}%, or {free} or more free (and used <{any:g}%)",
    ).format(
        percent=thresholds.warning_used_percent,
        free=size(thresholds.warning_free_bytes),
        any=thresholds.warning_used_percent_any_size,
    )
    message = Text(
        "{place}（{device}，{file_system}）共 {total}，已用 {used}（{percent}），剩余 {free}。",
        "{place} ({device}, {file_system}): {used} of {total} used ({percent}), {free} free.",
    )
    for volume in facts.volumes:
        usage = volume.usage
        if usage is None or volume.read_only:
            yield unjudged(volume)
            continue
        state = space_state(usage, thresholds)
        evidence = message.format(
            place=volume.mount_point,
            device=volume.device,
            file_system=volume.file_system,
            total=size(usage.total_bytes),
            used=size(usage.used_bytes),
            percent=percent(usage.used_percent),
            free=size(usage.free_bytes),
        )
        current = Text("{percent}，剩余 {free}", "{percent}, {free} free").format(
            percent=percent(usage.used_percent), free=size(usage.free_bytes)
        )
        yield Verdict(
            volume.mount_point, state, current, reference, None if state is State.OK else evidence
        )


def space_state(usage: Usage, thresholds: SpaceThresholds) -> State:
    """Return the state of a volume's room: share and room left together, or the share alone."""
    used, free = usage.used_percent, usage.free_bytes
    if used >= thresholds.critical_used_percent_any_size or (
        used >= thresholds.critical_used_percent and free < thresholds.critical_free_bytes
    ):
        return State.CRITICAL
    if used >= thresholds.warning_used_percent_any_size or (
        used >= thresholds.warning_used_percent and free < thresholds.warning_free_bytes
    ):
        return State.WARNING
    return State.OK


def inodes(facts: Facts, thresholds: InodeThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the inodes of every volume that has a fixed number of them."""
    message = Text(
        "{place} 的 inode 共 {total} 个，已用 {used} 个（{percent}）。",
        "{place}: {used} of {total} inodes used ({percent}).",
    )
    for volume in facts.volumes:
        if volume.usage is None or volume.read_only:
            yield unjudged(volume)
            continue
        value = volume.usage.files_used_percent
        if value is None:
            why = Text("该文件系统没有固定的 inode 数量。", "This file system has no fixed inodes.")
            yield not_applicable(volume.mount_point, why)
            continue
        state = grade(value, thresholds.warning_used_percent, thresholds.critical_used_percent)
        evidence = message.format(
            place=volume.mount_point,
            total=volume.usage.files_total or 0,
            used=volume.usage.files_used or 0,
            percent=percent(value),
        )
        reference = Text.same(f"<{thresholds.warning_used_percent:g}%")
        yield Verdict(
            volume.mount_point,
            state,
            percent(value),
            reference,
            None if state is State.OK else evidence,
        )


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield the curves of the year for every volume."""
    for volume in facts.volumes:
        if volume.usage is None:
            continue
        place = volume.mount_point
        yield Measure("used_percent", place, volume.usage.used_percent)
        yield Measure("used_bytes", place, volume.usage.used_bytes)
        yield Measure("free_bytes", place, volume.usage.free_bytes)
        if volume.usage.files_used_percent is not None:
            yield Measure("files_used_percent", place, volume.usage.files_used_percent)


CHECK = Check(
    title=Text("磁盘空间", "Volumes"),
    chapter=Chapter.HOST,
    facts=Facts,
    probe=probe,
    measures=measures,
    trends=(
        Trend(
            "used_percent",
            Text("磁盘空间使用率", "Disk space used"),
            "%",
            "OS-DSK-001",
            "warning_used_percent",
            "critical_used_percent",
            fills_up=True,
        ),
        Trend("files_used_percent", Text("inode 使用率", "Inodes used"), "%", fills_up=True),
    ),
    systems=("linux", "windows"),
    reads=(
        "/proc/self/mounts",
        "statvfs",
        "stat -f (network mounts)",
        "GetDiskFreeSpaceEx (Windows)",
    ),
    rules=(
        Rule(
            code="OS-DSK-001",
            title=Text("磁盘空间使用率", "Disk space used"),
            why=Text(
                "磁盘写满后数据库停止写入、备份失败、服务无法记录日志，业务随即中断，且可能损坏数据文件。",
                "On a full disk databases stop writing, backups fail and services can't log; "
                "business stops, and data files may be damaged.",
            ),
            remedy=Text(
                "执行 du -xh --max-depth=2 挂载点 | sort -h | tail 找出大目录；"
                "清理过期日志、旧备份和临时文件（journalctl --vacuum-size=1G）；"
                "确属业务增长时扩容该卷。",
                "Find large folders with du -xh --max-depth=2 MOUNT | sort -h | tail; remove old "
                "logs, backups and temporary files (journalctl --vacuum-size=1G); extend the "
                "volume where the growth is real.",
            ),
            priority=1,
            thresholds=SpaceThresholds,
            evaluate=space,
        ),
        Rule(
            code="OS-DSK-002",
            title=Text("inode 使用率", "Inodes used"),
            why=Text(
                "inode 用尽后，即使还有空间也无法新建文件，系统同样报“磁盘已满”。",
                "Without free inodes no file can be made although there is room: the system says "
                "“no space left”.",
            ),
            remedy=Text(
                "执行 du --inodes -x --max-depth=3 挂载点 | sort -n | tail 找出小文件最多的目录，"
                "清理会话、缓存、邮件队列等小文件；必要时以更多 inode 重建文件系统。",
                "Find the folders with the most files with du --inodes -x --max-depth=3 MOUNT | "
                "sort -n | tail; remove sessions, caches and mail queues; if need be make the file "
                "system anew with more inodes.",
            ),
            priority=1,
            thresholds=InodeThresholds,
            evaluate=inodes,
        ),
        Rule(
            code="OS-DSK-003",
            title=Text("磁盘写满预测", "Days until full"),
            why=Text(
                "按当前增长速度推算写满日期，可以提前安排采购和扩容，避免在业务高峰时被动停机。",
                "Knowing the date leaves time to buy and extend, instead of an outage at the worst "
                "moment.",
            ),
            remedy=Text(
                "核对增长来源（业务数据、日志或备份），制定清理或归档策略；在预计日期前至少一个月完成扩容。",
                "Find out what grows (data, logs or backups), set rules for cleaning or archiving, "
                "and extend the volume a month before the date at the latest.",
            ),
            priority=1,
            thresholds=ForecastThresholds,
            evaluate=forecast,
        ),
    ),
)
