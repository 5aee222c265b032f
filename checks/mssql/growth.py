"""SQL Server: by how much the files grow when they are full."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    Scope,
    Struct,
    Text,
    Thresholds,
    Verdict,
    limit,
    ok,
    warning,
)
from checks.databases import Database
from checks.mssql import _files
from checks.mssql._files import MOST_FILES, PAGE_BYTES, File, unseen
from checks.wording import size
from wire.messages import Count, Label


class Facts(Struct, frozen=True, kw_only=True):
    """The files that grow, of databases that people work in."""

    files: tuple[File, ...]
    files_left_out: Count = 0
    hidden: tuple[Label, ...] = ()
    """Databases whose files the login may not see."""


def probe(database: Database) -> Facts:
    """Ask for the files. Raise a ProbeError."""
    seen = _files.read(database)
    rows = [file for file in seen.files if not file.is_system or file.name == "tempdb"]
    return Facts(
        files=tuple(rows[:MOST_FILES]),
        files_left_out=max(0, len(rows) - MOST_FILES),
        hidden=seen.hidden,
    )


class GrowthThresholds(Thresholds, frozen=True):
    """What makes a growth too large or too small."""

    percent_from_bytes: Annotated[float, limit("bytes", "FRK#82: by per cent above 1 GB")] = 2**30
    tiny_bytes: Annotated[float, limit("bytes", "FRK#158: 1 MB, the old default")] = 2**20


_WANTED = Text("固定增量（≥ 64 MiB）", "a fixed amount (64 MiB or more)")
_PERCENT = Text(
    "数据库 {name} 的文件 {file}（{bytes}）按 {growth}% 增长，每次约 {step}：增长时写入会停顿，"
    "且越来越大。",
    "The file {file} of {name} ({bytes}) grows by {growth} %, about {step} at a time: writers wait "
    "for it, ever longer.",
)
_TINY = Text(
    "数据库 {name} 的文件 {file} 每次只增长 {step}：频繁增长造成停顿和大量碎片（日志则是大量 "
    "VLF）。",
    "The file {file} of {name} grows by {step} at a time: it grows all day, in crumbs (a log: in "
    "thousands of VLFs).",
)
_ALL_WELL = Text("{count} 个文件的增长设置正常", "{count} files grow as they should")


def growth(facts: Facts, thresholds: GrowthThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the growth of every file; one verdict for all that are well."""
    yield from unseen(facts.hidden)
    well = 0
    for file in facts.files:
        verdict = _judged(file, thresholds) if file.grows else None
        if verdict is None:
            well += 1
        else:
            yield verdict
    if well:
        yield ok("", _ALL_WELL.format(count=well), _WANTED)


def _judged(file: File, thresholds: GrowthThresholds) -> Verdict | None:
    name = f"{file.name} / {file.file_name}"[:255]
    if file.is_percent_growth:
        if file.size_bytes < thresholds.percent_from_bytes:
            return None
        message = _PERCENT.format(
            name=file.name,
            file=file.file_name,
            bytes=size(file.size_bytes),
            growth=file.growth,
            step=size(file.size_bytes * file.growth / 100),
        )
        return warning(name, Text.same(f"{file.growth}%"), _WANTED, message)
    step = file.growth * PAGE_BYTES
    if step > thresholds.tiny_bytes:
        return None
    message = _TINY.format(name=file.name, file=file.file_name, step=size(step))
    return warning(name, size(step), _WANTED, message)


CHECK = Check(
    title=Text("SQL Server 文件增长设置", "SQL Server growth settings"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    reads=("sys.master_files, sys.databases",),
    privilege=Text("VIEW ANY DEFINITION", "VIEW ANY DEFINITION"),
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(
        Rule(
            code="MSSQL-021",
            title=Text("文件增长设置", "Growth of the files"),
            why=Text(
                "百分比增长的大文件一次要增长几十 GB，期间写入等待；1 MB "
                "的增量则让文件整天都在增长。",
                "A large file that grows by per cent takes tens of GB at once while writers wait; "
                "by 1 "
                "MB it grows all day.",
            ),
            remedy=Text(
                "执行 ALTER DATABASE [库名] MODIFY FILE (NAME = 逻辑名, FILEGROWTH = 256MB)，"
                "并预先分配足够的空间；为服务账户开启即时文件初始化（日志文件不适用）。",
                "Run ALTER DATABASE [name] MODIFY FILE (NAME = …, FILEGROWTH = 256MB), give the "
                "files "
                "room ahead, and grant instant file initialization (logs do without).",
            ),
            priority=2,
            thresholds=GrowthThresholds,
            evaluate=growth,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
