"""The .tar.gz: gzip, because it is unpacked on old hosts; the same bytes for the same content."""

import gzip
import tarfile
from pathlib import Path

_MOMENT = 315_532_800
"""1980-01-01: the earliest that no unpacking tool calls implausible."""


def pack(folder: Path, target: Path) -> int:
    """Write the content of a folder, and return the number of files."""
    paths = sorted(path for path in folder.rglob("*"))
    with (
        target.open("wb") as file,
        gzip.GzipFile("", "wb", 9, file, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for path in paths:
            entry = archive.gettarinfo(path, str(path.relative_to(folder)))
            entry.mtime = _MOMENT
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            entry.mode = 0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644
            if path.is_dir():
                archive.addfile(entry)
                continue
            with path.open("rb") as content:
                archive.addfile(entry, content)
    return sum(path.is_file() for path in paths)
