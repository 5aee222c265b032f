"""Break files of a copied repository, the same way in every run."""

import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

SEED = 20261122


def flip(path: Path, offset: int) -> None:
    """Change one byte of a file, and leave its dates as they were."""
    with path.open("r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)
        stream.seek(offset)
        stream.write(bytes([byte[0] ^ 0x55]))


def places(files: Sequence[Path], count: int, seed: int = SEED) -> list[tuple[int, int]]:
    """Return places to be flipped: number of the file and offset, any byte as likely as another."""
    sizes = [path.stat().st_size for path in files]
    generator = random.Random(seed)
    found = []
    for _ in range(count):
        position = generator.randrange(sum(sizes))
        for number, size in enumerate(sizes):
            if position < size:
                found.append((number, position))
                break
            position -= size
    return found


def cuts(size: int) -> tuple[int, ...]:
    """Return five lengths to truncate a file to."""
    return (0, 1, size // 2, size - 32, size - 1)


def truncate(path: Path, length: int) -> None:
    """Cut a file off."""
    with path.open("r+b") as stream:
        stream.truncate(max(0, length))


def clone(folder: Path, place: Path) -> Path:
    """Copy a folder with dates and owners; what is read-only in it can be changed in the copy."""
    shutil.copytree(folder, place, symlinks=True)
    for path in [folder, *folder.rglob("*")]:
        status = path.lstat()
        copied = place / path.relative_to(folder)
        os.chown(copied, status.st_uid, status.st_gid, follow_symlinks=False)
        if not path.is_symlink():
            copied.chmod(status.st_mode | 0o600)
    return place
