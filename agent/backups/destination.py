"""Where local copies lie: room, volumes shared with what they protect, and who else may write."""

import grp
import os
import pwd
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

from agent.backups.naming import shown
from checks.backup_sets import Destination

_ACL = "system.posix_acl_access"
_ACL_VERSION = 2
_ACL_USER, _ACL_GROUP, _ACL_MASK = 0x02, 0x08, 0x10
_WRITE = 2


def destination(
    place: str, protects: tuple[str, ...], samples: tuple[str, ...] = ()
) -> tuple[Destination, tuple[str, ...]]:
    """Return what is known of a place, and what could not be looked at, a sentence each.

    `samples`: restore points whose own rights are looked at, too. Raise OSError if the place
    itself can't be looked at.
    """
    real = os.path.realpath(place)
    room = os.statvfs(real)
    odd: list[str] = []
    compared: list[str] = []
    shared: list[str] = []
    for path in protects:
        try:
            same = _same_volume(real, path)
        except OSError as error:
            odd.append(f"protects {shown(path)}: {error.strerror or error}")
            continue
        compared.append(path[:255])
        if same:
            shared.append(path[:255])
    return (
        Destination(
            total_bytes=room.f_blocks * room.f_frsize,
            free_bytes=room.f_bavail * room.f_frsize,
            with_data=tuple(shared),
            protects=tuple(compared),
            writable_by_others=tuple(dict.fromkeys(_writers(real, samples))),
        ),
        tuple(odd),
    )


def _same_volume(place: str, path: str) -> bool:
    protected = os.path.realpath(path, strict=True)
    inside = os.path.commonpath([place, protected]) in (place, protected)
    nested = inside and os.path.commonpath([place, protected]) != "/"
    return nested or Path(place).stat().st_dev == Path(protected).stat().st_dev


def _writers(place: str, samples: tuple[str, ...]) -> Iterator[str]:
    for path in (place, *samples):
        name = "" if path == place else f" of {shown(os.path.relpath(path, place))}"
        try:
            status = Path(path).stat()
        except OSError:
            continue
        mode = stat.S_IMODE(status.st_mode)
        if mode & stat.S_IWOTH:
            yield f"mode {mode:04o}{name}"
        elif mode & stat.S_IWGRP:
            others = _members(status.st_gid, status.st_uid)
            if others:
                yield f"mode {mode:04o}{name}, group {_group(status.st_gid)}: {', '.join(others)}"
        yield from _listed(path, name, status.st_uid)


def _members(group: int, owner: int) -> list[str]:
    """Return who is in a group besides the owner of a file."""
    try:
        members = set(grp.getgrgid(group).gr_mem)
    except KeyError:
        return [f"gid {group}"]
    return sorted(members - {_user(owner), "root"})[:20]


def _listed(path: str, name: str, owner: int) -> Iterator[str]:
    """Yield who may write by an access control list."""
    try:
        content = os.getxattr(path, _ACL)
    except (OSError, AttributeError):
        return
    if len(content) < 4 or struct.unpack_from("<I", content)[0] != _ACL_VERSION:
        return
    entries = [
        struct.unpack_from("<HHI", content, place) for place in range(4, len(content) - 7, 8)
    ]
    mask = next((right for tag, right, _ in entries if tag == _ACL_MASK), 7)
    for tag, right, number in entries:
        if not right & mask & _WRITE:
            continue
        if tag == _ACL_USER and number not in (0, owner):
            yield f"ACL{name} user {_user(number)}"
        elif tag == _ACL_GROUP:
            yield f"ACL{name} group {_group(number)}"


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
