"""Put the receipt of a bundle where the engineer takes it along: durable, whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from checks.api import Text
from collector.errors import ReceiptNotWritten

_NOT_WRITTEN = Text(
    "数据已导入，但回执 {file} 未能写出（{detail}）：请用 --receipts 指定可写的文件夹，再导入一次"
    "（重复导入无妨）。",
    "The batches are imported, but the receipt {file} could not be written ({detail}): name a "
    "folder with --receipts and import once more (that does no harm).",
)


def place_of(bundle: Path, folder: Path | None) -> Path:
    """Return where the receipt of a bundle goes: beside it, or into the folder."""
    return (folder or bundle.parent) / f"{bundle.name}.receipt"


def write(place: Path, content: bytes) -> None:
    """Write a receipt in place of an older one. Raise ReceiptNotWritten."""
    beside = place.with_name(f".{place.name}.new")
    try:
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(place)
        except OSError:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise
        _settle(place.parent)
    except OSError as error:
        detail = error.strerror or str(error)
        raise ReceiptNotWritten(_NOT_WRITTEN.format(file=str(place), detail=detail)) from error


def _settle(folder: Path) -> None:
    if os.name != "posix":
        return  # Windows has no way to, and needs none
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
