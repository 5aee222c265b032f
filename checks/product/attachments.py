"""APP-014: the store of files and attachments: its size, and the room that is left for it."""

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
    Struct,
    Text,
    Thresholds,
    Verdict,
    limit,
    not_run,
)
from checks.errors import part
from checks.judging import judged
from checks.product_packs import Part
from checks.products import FolderSeen, Product, require
from checks.wording import percent, size
from wire.messages import Label


class StoreThresholds(Thresholds, frozen=True):
    """Use of the volume that the store is on."""

    warning_used_percent: Annotated[float, limit("%", "catalogue APP-014")] = 80
    critical_used_percent: Annotated[float, limit("%", "catalogue APP-014")] = 90


class Looked(Struct, frozen=True, omit_defaults=True):
    """One folder of the store."""

    folder: Label
    seen: FolderSeen | None = None
    refused: Failure | None = None


class Facts(Struct, frozen=True):
    """The folders of the pack; what is in the files is not read, nor are their names kept."""

    folders: tuple[Looked, ...]


def probe(product: Product) -> Facts:
    """Look through each folder."""
    folders = product.declaration.attachments
    require(product, Part.ATTACHMENTS, folders)
    return Facts(tuple(_looked(product, folder) for folder in folders))


def _looked(product: Product, folder: str) -> Looked:
    seen = part(lambda: _seen(product, folder))
    if isinstance(seen, Failure):
        return Looked(folder[:255], refused=seen)
    return Looked(folder[:255], seen)


def _seen(product: Product, folder: str) -> FolderSeen:
    seen = product.look(folder, "**/*")
    # Names of attachments are the customer's business.
    return FolderSeen(
        seen.folder,
        seen.files,
        seen.size_bytes,
        (),
        seen.whole,
        seen.volume_bytes,
        seen.volume_free_bytes,
    )


def evaluate(facts: Facts, thresholds: StoreThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge how full the volume of each folder is."""
    for looked in facts.folders:
        seen = looked.seen
        if looked.refused is not None:
            yield not_run(looked.folder, looked.refused)
        elif seen is not None and seen.volume_bytes and seen.volume_free_bytes is not None:
            yield _volume(
                looked.folder, seen, seen.volume_bytes, seen.volume_free_bytes, thresholds
            )


def _volume(
    folder: str, seen: FolderSeen, total: int, free: int, thresholds: StoreThresholds
) -> Verdict:
    used = 100 * (1 - free / total)
    taken, left = size(seen.size_bytes), size(free)
    found = judged(
        folder,
        used,
        thresholds.warning_used_percent,
        thresholds.critical_used_percent,
        show=percent,
        message=Text(
            f"附件库 {folder} 所在磁盘已用 {percent(used).zh}，剩余 {left.zh}；附件占 {taken.zh}。",
            f"The volume of {folder} is {percent(used).en} full, {left.en} are left; the store "
            f"takes {taken.en}.",
        ),
    )
    least = "" if seen.whole else "≥"
    current = Text(
        f"附件 {least}{taken.zh}，磁盘已用 {percent(used).zh}",
        f"store {least}{taken.en}, volume {percent(used).en} full",
    )
    return Verdict(found.object, found.state, current, found.reference, found.message)


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield the size of each folder that was seen whole."""
    for looked in facts.folders:
        if looked.seen is not None and looked.seen.whole:
            yield Measure("size_bytes", looked.folder, looked.seen.size_bytes)


CHECK = Check(
    title=Text("附件库", "Store of attachments"),
    chapter=Chapter.PRODUCT,
    facts=Facts,
    probe=probe,
    measures=measures,
    systems=("linux", "windows"),
    target="product",
    deadline_seconds=120,
    heavy=True,
    reads=("names and sizes of files in the attachment folders of the pack",),
    privilege=Text("对附件文件夹有列出权限", "to list the attachment folders"),
    rules=(
        Rule(
            code="APP-014",
            title=Text("附件库空间", "Room for attachments"),
            why=Text(
                "磁盘写满后附件上传失败，单据也可能无法保存。",
                "On a full disk attachments are refused, and documents may not be saved.",
            ),
            remedy=Text(
                "扩容磁盘或将旧附件归档到其他存储；同时确认附件文件夹已纳入备份，"
                "只备份数据库会丢失附件。",
                "Enlarge the disk or move old attachments elsewhere; make sure that the folder is "
                "backed up, a backup of the database alone loses them.",
            ),
            priority=2,
            thresholds=StoreThresholds,
            evaluate=evaluate,
            owner=Owner.SYSTEM_ADMINISTRATOR,
        ),
    ),
)
