"""APP-007: what the product's own scheduled backup (自动备份计划) leaves behind."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    grade,
    limit,
    not_run,
    ok,
    warning,
)
from checks.errors import part
from checks.product_packs import Part
from checks.products import FolderSeen, Product, require
from checks.wording import duration, size
from wire.messages import Label

FUTURE_SECONDS = 900


class BackupThresholds(Thresholds, frozen=True):
    """For a daily plan."""

    warning_hours: Annotated[float, limit("h", "catalogue APP-007")] = 26
    critical_hours: Annotated[float, limit("h", "catalogue APP-007")] = 50


class Looked(Struct, frozen=True, omit_defaults=True):
    """One folder that the product writes backups to."""

    folder: Label
    seen: FolderSeen | None = None
    refused: Failure | None = None


class Facts(Struct, frozen=True):
    """The folders of the pack."""

    pattern: Label
    folders: tuple[Looked, ...]


def probe(product: Product) -> Facts:
    """Look through each folder; names, sizes and dates only."""
    declared = product.declaration.automatic_backups
    require(product, Part.AUTOMATIC_BACKUPS, declared)
    assert declared is not None
    return Facts(
        declared.pattern,
        tuple(_looked(product, folder, declared.pattern) for folder in declared.folders),
    )


def _looked(product: Product, folder: str, pattern: str) -> Looked:
    seen = part(lambda: product.look(folder, pattern))
    if isinstance(seen, Failure):
        return Looked(folder[:255], refused=seen)
    return Looked(folder[:255], seen)


def evaluate(facts: Facts, thresholds: BackupThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the newest file of each folder."""
    for looked in facts.folders:
        if looked.refused is not None:
            yield not_run(looked.folder, looked.refused)
        if looked.seen is not None:
            yield _newest(looked.folder, facts.pattern, looked.seen, thresholds)


def _newest(folder: str, pattern: str, seen: FolderSeen, thresholds: BackupThresholds) -> Verdict:
    reference = Text(
        f"≤{thresholds.warning_hours:g} 小时", f"within {thresholds.warning_hours:g} h"
    )
    if not seen.newest:
        message = Text(
            f"文件夹 {folder} 中没有自动备份文件（{pattern}）。",
            f"{folder} has no file of a scheduled backup ({pattern}).",
        )
        return critical(folder, Text("没有文件", "no file"), reference, message)
    newest = seen.newest[0]
    ago, length = duration(newest.age_seconds), size(newest.size_bytes)
    current = Text(f"{ago.zh}前，{length.zh}", f"{ago.en} ago, {length.en}")
    if newest.size_bytes == 0:
        message = Text(
            f"最新的自动备份文件 {newest.path} 是空的。",
            f"The newest backup, {newest.path}, is empty.",
        )
        return critical(folder, current, reference, message)
    if newest.age_seconds < -FUTURE_SECONDS:
        message = Text(
            f"最新的自动备份文件 {newest.path} 的时间在将来：时钟有误。",
            f"The newest backup, {newest.path}, is dated in the future: a clock is wrong.",
        )
        return warning(folder, Text("时间在将来", "in the future"), reference, message)
    state = grade(newest.age_seconds / 3600, thresholds.warning_hours, thresholds.critical_hours)
    if state is State.OK:
        return ok(folder, current, reference)
    message = Text(
        f"{folder} 中最新的自动备份在 {ago.zh}前（{newest.path}）。",
        f"The newest scheduled backup in {folder} was made {ago.en} ago ({newest.path}).",
    )
    return Verdict(folder, state, current, reference, message)


CHECK = Check(
    title=Text("产品自动备份", "The product's own backups"),
    chapter=Chapter.PRODUCT,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="product",
    deadline_seconds=60,
    reads=("names, sizes and dates of files in the backup folders of the pack",),
    privilege=Text("对备份文件夹有读取权限", "to list the backup folders"),
    rules=(
        Rule(
            code="APP-007",
            title=Text("产品自动备份计划", "Scheduled backup of the product"),
            why=Text(
                "自动备份计划是数据库备份之外的第二道保障，停了通常没有任何提示。",
                "The product's own backup is a second line beside the database's; it stops without "
                "a word.",
            ),
            remedy=Text(
                "在产品的系统管理中查看自动备份计划的设置和执行日志，检查目标磁盘空间，补做一次备份。",
                "Look at the plan and its log in the product's administration and at the room on "
                "its disk; make a backup now.",
            ),
            priority=2,
            thresholds=BackupThresholds,
            evaluate=evaluate,
            owner=Owner.APPLICATION_CONSULTANT,
        ),
    ),
)
