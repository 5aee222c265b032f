"""The room on the disk of the state folder: what is left alone, and the ballast."""

import os
from pathlib import Path

BALLAST = "ballast"
BALLAST_BYTES = 2**20
"""Given up when the disk is full, so that just then the finding that says so can be written."""
FLOOR_SHARE = 0.05
FLOOR_BYTES = 256 * 2**20
"""The spool never grows into the last 5 % or 256 MiB of its file system, whichever is less
(security-reliability §1a)."""

_LEAST_ROOM_BYTES = 2**16


def missing_bytes(folder: Path) -> int:
    """Return how many bytes the file system has less than it should have left; 0 if it has them."""
    room = os.statvfs(folder)
    floor = min(int(room.f_blocks * room.f_frsize * FLOOR_SHARE), FLOOR_BYTES)
    return max(0, floor - room.f_bavail * room.f_frsize)


def is_full(folder: Path) -> bool:
    """Return whether next to nothing can be written."""
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize < _LEAST_ROOM_BYTES


def load_ballast(folder: Path) -> None:
    """Lay the ballast by, unless it lies there or the disk has little room for it."""
    path = folder / BALLAST
    room = os.statvfs(folder)
    if path.exists() or room.f_bavail * room.f_frsize < 2 * BALLAST_BYTES:
        return
    try:
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
    except OSError:
        path.unlink(missing_ok=True)


def give_up_ballast(folder: Path) -> bool:
    """Remove the ballast; return whether there was one."""
    try:
        (folder / BALLAST).unlink()
    except OSError:
        return False
    return True
