"""The tables of mounts: /etc/fstab as it should be, /proc/self/mounts as it is."""

import re
from collections.abc import Iterator

from msgspec import Struct

MOUNTS = "/proc/self/mounts"
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2})")
_PASSWORD = re.compile(r"(^|[/#])[^/#@]*:[^/#@]*@")
_TELLING_OPTIONS = re.compile(
    r"ro|rw|noauto|nofail|errors=[a-z-]+|bind|rbind|x-systemd\.automount|emergency_ro|shutdown"
)


class Entry(Struct, frozen=True):
    """One line of either table."""

    device: str
    mount_point: str
    file_system: str
    options: tuple[str, ...]
    """Only those that tell the state: the others may hold passwords (CIFS)."""

    @property
    def read_only(self) -> bool:
        """Return whether the options ask for, or say, read-only; the last of ro and rw counts."""
        said = [option for option in self.options if option in ("ro", "rw")]
        return bool(said) and said[-1] == "ro"


def entries(table: str) -> Iterator[Entry]:
    """Yield the lines of a mount table; comments and lines without a mount point are left out."""
    for line in table.split("\n"):
        fields = re.split(r"[ \t]+", line.strip(" \t\r"))
        if len(fields) < 2 or fields[0].startswith("#"):
            continue
        options = unescaped(fields[3]).split(",") if len(fields) > 3 else []
        yield Entry(
            device=without_password(unescaped(fields[0])),
            mount_point=_normal(unescaped(fields[1])),
            file_system=fields[2] if len(fields) > 2 else "auto",
            options=tuple(option for option in options if _TELLING_OPTIONS.fullmatch(option)),
        )


def unescaped(field: str) -> str:
    r"""Return a field with its octal escapes resolved (`\040` is a space): they are UTF-8 bytes."""
    octets = field.encode("utf-8", "surrogateescape")
    resolved = _ESCAPE.sub(lambda found: bytes([int(found.group(1), 8)]), octets)
    return resolved.decode("utf-8", "replace")


def without_password(device: str) -> str:
    """Return the device without `user:password@`, which FTP and WebDAV mounts carry in it."""
    return _PASSWORD.sub(r"\1***@", device)


def _normal(place: str) -> str:
    return (place.rstrip("/") or "/") if place.startswith("/") else place
