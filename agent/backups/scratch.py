"""The scratch place of a test restore: empty, bounded, and gone afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.backups.settings import BackupSettings, size_bytes
from checks.backup_sets import RestorePoint
from checks.errors import NotPermitted, UnexpectedOutput

_PREFIX = "xunjian-restore-"


@contextmanager
def scratch(settings: BackupSettings, point: RestorePoint, factor: float) -> Iterator[Path]:
    """Give an empty folder for a test restore that needs `factor` times the restore point's size;
    it is removed whatever happens.

    What earlier ones left (a power cut) is removed first. Raise NotPermitted if there can be none,
    UnexpectedOutput where the restore point would not fit into `scratch_size` or the free space.
    """
    assert settings.scratch is not None
    place = Path(settings.scratch)
    needed = int((point.bytes or 0) * factor)
    allowed = size_bytes(settings.scratch_size)
    if needed > allowed:
        raise UnexpectedOutput(
            "scratch_size", f"about {needed} bytes are needed, {allowed} are allowed"
        )
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in place.glob(f"{_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        free = shutil.disk_usage(place).free
        # One that samples takes what it may: the whole of it must be there to be taken.
        wanted = needed if factor else min(allowed, point.bytes or allowed)
        if free < wanted:
            raise UnexpectedOutput(str(place), f"{free} bytes free, about {wanted} are needed")
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    except OSError as error:
        raise NotPermitted(str(place), error.strerror or str(error)) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
