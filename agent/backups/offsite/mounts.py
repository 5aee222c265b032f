"""Which volume a folder lies on, by the kernel's table of mounts. Pure but for reading it."""

import os
import re
from pathlib import Path

from msgspec import Struct

from agent.backups.offsite.same_host import ThisHost

MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = re.compile(
    r"nfs4?|cifs|smb3?|smbfs|ceph|afs|9p|glusterfs|lustre|davfs"
    r"|fuse\.(?:sshfs|rclone|s3fs|glusterfs|davfs2?|goofys|juicefs|ceph.*)"
)
_SERVER = re.compile(r"(?://|\\\\)?(?:[^@/]*@)?(?P<host>\[[0-9a-fA-F:]+\]|[^:/\\]+)[:/\\].*")
_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mount(Struct, frozen=True):
    """A line of the table."""

    point: str
    kind: str
    source: str

    @property
    def server(self) -> str | None:
        """Return the host that a network file system is from; None for a local one."""
        if not _NETWORK.fullmatch(self.kind):
            return None
        match = _SERVER.fullmatch(self.source)
        return match["host"].strip("[]") if match else ""


def mount_of(path: str, table: str) -> Mount | None:
    """Return the mount that a path without links lies on; the later of two on one point."""
    best: Mount | None = None
    for line in table.splitlines():
        mount = _mount(line)
        if mount is None or not _is_below(path, mount.point):
            continue
        if best is None or len(mount.point) >= len(best.point):
            best = mount
    return best


def is_same_host(here: str, there: str, this: ThisHost, mounts: Path = MOUNTS) -> bool | None:
    """Return whether a folder is of this very host.

    True on the volume of the backups themselves, and on a share of this host; False on another
    host's share; None on another local volume: it may be a disk in this case, or one of a SAN.
    """
    try:
        if Path(here).stat().st_dev == Path(there).stat().st_dev:
            return True
        table = mounts.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    own = mount_of(os.path.realpath(here), table)
    other = mount_of(os.path.realpath(there), table)
    if own is None or other is None:
        return None
    # Subvolumes of one file system have device numbers of their own.
    if own.source == other.source and own.source.startswith("/"):
        return True
    server = other.server
    if server is None:
        return None
    return server == "localhost" or this.has_address(server)


def _mount(line: str) -> Mount | None:
    words = line.split(" ")
    try:
        end = words.index("-")
        return Mount(_plain(words[4]), words[end + 1], _plain(words[end + 2]))
    except (ValueError, IndexError):
        return None


def _plain(word: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), word)


def _is_below(path: str, point: str) -> bool:
    return point == "/" or path == point or path.startswith(f"{point}/")
