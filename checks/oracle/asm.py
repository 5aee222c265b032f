"""Oracle: disk groups of ASM as the database instance sees them.

A rebalance shows in the ASM instance alone (v$asm_operation is empty elsewhere): left out.

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
    limit,
    not_applicable,
    ok,
)
from checks.databases import Database
from checks.errors import part
from checks.judging import judged, missing
from checks.wording import percent, size

GROUPS = """
SELECT name AS name, state AS state, type AS redundancy, total_mb AS total_mb, free_mb AS free_mb,
       usable_file_mb AS usable_mb, offline_disks AS offline_disks
FROM v$asm_diskgroup_stat
"""
DISKS = """
SELECT g.name AS disk_group, d.name AS name, d.mode_status AS mode_status
FROM v$asm_disk_stat d JOIN v$asm_diskgroup_stat g ON g.group_number = d.group_number
WHERE d.mode_status <> 'ONLINE'
"""
_MIB = 2**20


class GroupRow(Struct, frozen=True):
    """One disk group."""

    name: str
    state: str
    redundancy: str | None
    total_mb: float
    free_mb: float
    usable_mb: float | None = None
    """What files may still take so that a lost failure group can be made up for."""
    offline_disks: int = 0

    @property
    def used_percent(self) -> float:
        """Return the share of the raw room that is taken."""
        return 100 * (1 - self.free_mb / self.total_mb) if self.total_mb > 0 else 100.0


class DiskRow(Struct, frozen=True):
    """A disk that is not online."""

    disk_group: str
    name: str | None
    mode_status: str


class Facts(Struct, frozen=True):
    """ASM as one database sees it."""

    groups: tuple[GroupRow, ...]
    disks: tuple[DiskRow, ...] | Failure = ()


def probe(database: Database) -> Facts:
    """Ask for disk groups without looking for new disks. Raise a ProbeError."""
    groups = database.rows(GROUPS, GroupRow)[:100]
    return Facts(groups, part(lambda: database.rows(DISKS, DiskRow)[:100]) if groups else ())


class GroupThresholds(Thresholds, frozen=True):
    """Of the raw room of a disk group."""

    warning_percent: Annotated[float, limit("%", "catalogue ORA-017")] = 85
    critical_percent: Annotated[float, limit("%", "catalogue ORA-017; COH 98")] = 95


def groups(facts: Facts, thresholds: GroupThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the room and the disks of each group."""
    if not facts.groups:
        yield not_applicable("", Text("未使用 ASM。", "ASM is not used."))
        return
    for group in facts.groups:
        yield _room(group, thresholds)
        current = Text(f"{group.offline_disks} 块离线", f"{group.offline_disks} offline")
        online = Text("全部在线", "all online")
        if group.offline_disks:
            message = Text(
                f"磁盘组 {group.name} 有 {group.offline_disks} 块磁盘离线，冗余已降低；"
                "超过修复时限后会被删除。",
                f"{group.offline_disks} disks of {group.name} are offline: there is less "
                "redundancy, and after the repair time they are dropped.",
            )
            yield critical(f"{group.name}:disks", current, online, message)
        else:
            yield ok(f"{group.name}:disks", current, online)
    if isinstance(facts.disks, Failure):
        yield from missing(facts.disks, "disks")


def _room(group: GroupRow, thresholds: GroupThresholds) -> Verdict:
    mirrored = group.redundancy in ("NORMAL", "HIGH")
    if mirrored and group.usable_mb is not None and group.usable_mb < 0:
        message = Text(
            "磁盘组 {name} 的 USABLE_FILE_MB 为负（{usable}），坏一个故障组后无法恢复冗余。",
            "USABLE_FILE_MB of {name} is negative ({usable}): after the loss of a failure group "
            "its redundancy can't be restored.",
        ).format(name=group.name, usable=size(group.usable_mb * _MIB))
        reference = Text.same("USABLE_FILE_MB ≥ 0")
        return critical(group.name, percent(group.used_percent), reference, message)
    message = Text(
        "磁盘组 {name} 已用 {share}，剩余 {free}。",
        "Disk group {name} uses {share}, {free} is free.",
    ).format(name=group.name, share=percent(group.used_percent), free=size(group.free_mb * _MIB))
    return judged(
        group.name,
        group.used_percent,
        thresholds.warning_percent,
        thresholds.critical_percent,
        show=percent,
        message=message,
    )


CHECK = Check(
    title=Text("Oracle ASM 磁盘组", "Oracle ASM disk groups"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="oracle",
    reads=("v$asm_diskgroup_stat, v$asm_disk_stat",),
    privilege=Text(
        "CREATE SESSION，以及对上述视图（V_$…）的 SELECT",
        "CREATE SESSION, and SELECT on these views (V_$…)",
    ),
    rules=(
        Rule(
            code="ORA-017",
            title=Text("ASM 磁盘组空间与磁盘", "Room and disks of ASM"),
            why=Text(
                "磁盘组写满后数据文件和归档都不能增长；磁盘离线后再坏一块就会丢数据。",
                "A full disk group stops data files and archiving; with a disk offline the next "
                "failure loses data.",
            ),
            remedy=Text(
                "ALTER DISKGROUP 名称 ADD DISK 扩容（会触发重平衡，放在业务低谷）；"
                "离线磁盘排除硬件故障后 ALTER DISKGROUP 名称 ONLINE ALL。",
                "ALTER DISKGROUP name ADD DISK (it rebalances: at a quiet time); once the hardware "
                "is well, ALTER DISKGROUP name ONLINE ALL.",
            ),
            priority=2,
            thresholds=GroupThresholds,
            evaluate=groups,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
