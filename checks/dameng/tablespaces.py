"""达梦 DM8: how full tablespaces are, counted against what their files may grow to.

Sizes of V$DATAFILE are pages; MAX_SIZE is MiB, and 67108863 means no limit.

From documentation and public scripts (views of DM8); no DM8 has run these queries for us yet.
"""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Measure,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Trend,
    Verdict,
    critical,
    limit,
    ok,
)
from checks.databases import Database
from checks.judging import judged
from checks.wording import percent, size

FILES = """
SELECT t.NAME AS "space", t.STATUS$ AS "status", f.PATH AS "path",
       f.TOTAL_SIZE * f.PAGE AS "total_bytes", f.FREE_SIZE * f.PAGE AS "free_bytes",
       f.AUTO_EXTEND AS "auto_extend", f.MAX_SIZE AS "max_mebibytes"
FROM V$DATAFILE f JOIN V$TABLESPACE t ON t.ID = f.GROUP_ID
"""
_MIB = 2**20
_UNLIMITED = 67_108_863
_ONLINE = 0
_STATES = {1: "OFFLINE", 2: "RES_OFFLINE", 3: "CORRUPT"}
_MOST = 200


class FileRow(Struct, frozen=True):
    """One data file and its tablespace."""

    space: str
    status: int
    path: str
    total_bytes: float
    free_bytes: float
    auto_extend: int
    max_mebibytes: float | None = None

    @property
    def most_bytes(self) -> float:
        """Return what it may grow to."""
        if not self.auto_extend:
            return self.total_bytes
        most = self.max_mebibytes
        return max(self.total_bytes, (most if most and most > 0 else _UNLIMITED) * _MIB)


class Space(Struct, frozen=True):
    """One tablespace."""

    name: str
    status: int
    files: int
    used_bytes: float
    most_bytes: float

    @property
    def used_percent(self) -> float:
        """Return how much of what it may grow to is used."""
        return 100 * self.used_bytes / self.most_bytes if self.most_bytes > 0 else 100.0


class Facts(Struct, frozen=True):
    """Tablespaces, the fullest first."""

    spaces: tuple[Space, ...]


def probe(database: Database) -> Facts:
    """Ask for data files. Raise a ProbeError."""
    files: dict[str, list[FileRow]] = {}
    for row in database.rows(FILES, FileRow):
        if not database.excluded(row.space):
            files.setdefault(row.space, []).append(row)
    spaces = [
        Space(
            name,
            max(row.status for row in rows),
            len(rows),
            sum(row.total_bytes - row.free_bytes for row in rows),
            sum(row.most_bytes for row in rows),
        )
        for name, rows in files.items()
    ]
    return Facts(tuple(sorted(spaces, key=lambda space: -space.used_percent)[:_MOST]))


class SpaceThresholds(Thresholds, frozen=True):
    """Of what a tablespace may grow to."""

    warning_percent: Annotated[float, limit("%", "DBC 85")] = 85
    critical_percent: Annotated[float, limit("%", "DBC 95")] = 95


def used(facts: Facts, thresholds: SpaceThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge each tablespace: online, and with room."""
    for space in facts.spaces:
        if space.status != _ONLINE:
            shown = _STATES.get(space.status, str(space.status))
            message = Text(
                f"表空间 {space.name} 的状态是 {shown}，其中的表不能访问。",
                f"Tablespace {space.name} is {shown}: its tables can't be used.",
            )
            yield critical(space.name, Text.same(shown), Text.same("ONLINE"), message)
            continue
        message = Text(
            "表空间 {name} 已用 {used}，{files} 个文件合计上限 {most}（{share}）。",
            "Tablespace {name} uses {used} of the {most} that its {files} files may grow to "
            "({share}).",
        ).format(
            name=space.name,
            used=size(space.used_bytes),
            files=space.files,
            most=size(space.most_bytes),
            share=percent(space.used_percent),
        )
        yield judged(
            space.name,
            space.used_percent,
            thresholds.warning_percent,
            thresholds.critical_percent,
            show=percent,
            message=message,
        )
    if not facts.spaces:
        none = Text("没有需要检查的表空间", "no tablespace to look at")
        yield ok("", none, none)


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield used bytes and share of each tablespace."""
    for space in facts.spaces:
        yield Measure("used_bytes", space.name, space.used_bytes)
        yield Measure("used_percent", space.name, space.used_percent)


CHECK = Check(
    title=Text("达梦表空间", "DM8 tablespaces"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    measures=measures,
    trends=(
        Trend(
            "used_percent",
            Text("达梦表空间使用率", "Use of DM8 tablespaces"),
            "%",
            rule="DM-005",
            warning="warning_percent",
            critical="critical_percent",
            fills_up=True,
        ),
    ),
    systems=("linux", "windows"),
    target="dameng",
    reads=("V$DATAFILE, V$TABLESPACE",),
    privilege=Text("角色 VTI（V$ 视图）", "the role VTI (V$ views)"),
    rules=(
        Rule(
            code="DM-005",
            title=Text("达梦表空间使用率", "Use of tablespaces"),
            why=Text(
                "表空间达到上限后写入失败，业务随即中断。",
                "Once a tablespace can't grow any more, writes fail and work stops.",
            ),
            remedy=Text(
                "ALTER TABLESPACE \"名称\" ADD DATAFILE '路径' SIZE 1024 AUTOEXTEND ON NEXT 512；"
                "先确认磁盘空间，OFFLINE 或 CORRUPT 的表空间先查日志再恢复。",
                "ALTER TABLESPACE \"name\" ADD DATAFILE 'path' SIZE 1024 AUTOEXTEND ON NEXT 512 "
                "after a look at the disk; read the log before mending an OFFLINE or CORRUPT one.",
            ),
            priority=1,
            thresholds=SpaceThresholds,
            evaluate=used,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
