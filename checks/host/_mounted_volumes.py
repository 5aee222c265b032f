"""Which mounted file systems are volumes of the host, and how each may be asked for its space."""

from collections.abc import Iterable
from typing import Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

Kind = Literal["local", "memory", "remote"]

# Unformatted, because one word a line would fill two screens.
# fmt: off
# Asked in the probe itself: the kernel answers from memory. Every file system that is neither
# here nor below may wait for a server or a user-space process, so it is asked under a deadline.
_LOCAL = frozenset({
    "bcachefs", "btrfs", "csvfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fat", "fat32",
    "hfsplus", "jfs", "msdos", "nilfs2", "ntfs", "ntfs3", "overlay", "refs", "reiserfs", "ufs",
    "vfat", "xfs", "zfs",
})
# Without a size of their own.
_PSEUDO = frozenset({
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "cpuset", "debugfs",
    "devfs", "devpts", "devtmpfs", "efivarfs", "fuse.gvfsd-fuse", "fuse.lxcfs", "fuse.portal",
    "fusectl", "hugetlbfs", "mqueue", "none", "nsfs", "proc", "pstore", "ramfs", "rootfs",
    "rpc_pipefs", "securityfs", "selinuxfs", "sysfs", "tracefs",
})
# Always full.
_IMAGES = frozenset({
    "cdfs", "cramfs", "erofs", "fuse.snapfuse", "fuse.squashfuse", "iso9660", "romfs",
    "squashfs", "udf",
})
# fmt: on
# Memory file systems that no person fills: the kernel's, and one for each session or container.
_SYSTEM_MEMORY = ("/dev/", "/proc/", "/sys/", "/run/user/", "/run/credentials/")
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a mount point to look at, no temporary file
_CONTAINERS = (
    "/run/containerd/",
    "/run/docker/",
    "/var/lib/containerd/",
    "/var/lib/containers/",
    "/var/lib/docker/",
    "/var/lib/kubelet/",
)
# A container's runtime binds these files from the disk below.
_BOUND_FILES = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")


class Partition(Protocol):
    """A row of psutil.disk_partitions()."""

    device: str
    mountpoint: str
    fstype: str
    opts: str


class Mount(Struct, frozen=True):
    """A volume to ask: where it is mounted, what it is, how it may be asked."""

    mount_point: str
    device: str
    file_system: str
    kind: Kind
    read_only: bool


def volumes(partitions: Iterable[Partition]) -> tuple[Mount, ...]:
    """Return the volumes among the mounts, each device once at its shortest mount point.

    Left out: file systems without a size, images, what containers mount for themselves, and
    mounts that a later mount at the same place hides.
    """
    visible = {row.mountpoint: row for row in partitions if row.mountpoint not in _BOUND_FILES}
    mounts = [
        _mount(row)
        for row in visible.values()
        if row.fstype and row.fstype.lower() not in _PSEUDO | _IMAGES and not _internal(row)
    ]
    # Reaching a mount point below a remote mount means asking that one first.
    remote = [mount.mount_point.rstrip("/") + "/" for mount in mounts if mount.kind == "remote"]
    mounts = [
        replace(mount, kind="remote") if mount.mount_point.startswith(tuple(remote)) else mount
        for mount in mounts
    ]
    once: dict[str, Mount] = {}
    for mount in sorted(mounts, key=_preference):
        # `tmpfs`, `sshfs`, `s3fs` name no device: each mount is a volume of its own.
        named = "/" in mount.device or ":" in mount.device
        once.setdefault(mount.device if named else mount.mount_point, mount)
    return tuple(sorted(once.values(), key=lambda mount: mount.mount_point))


def _preference(mount: Mount) -> tuple[bool, int, str]:
    return mount.read_only, len(mount.mount_point), mount.mount_point


def _mount(row: Partition) -> Mount:
    file_system = row.fstype.lower()
    kind: Kind = "local" if file_system in _LOCAL else "remote"
    if file_system == "tmpfs":
        kind = "memory"
    read_only = "ro" in row.opts.split(",")
    return Mount(row.mountpoint, row.device, row.fstype, kind, read_only)


def _internal(row: Partition) -> bool:
    place = row.mountpoint
    if row.fstype == "overlay":
        # Of the overlays only the root of a container that the agent itself runs in counts.
        return place != "/"
    if row.fstype == "tmpfs" and place != _SHARED_MEMORY and place.startswith(_SYSTEM_MEMORY):
        return True
    return place.startswith(_CONTAINERS)
