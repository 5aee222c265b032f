"""What the volumes of a host say about their room, and how they are asked without hanging."""

import os
import time
from collections.abc import Iterator, Sequence

import psutil
from msgspec import Struct

from checks.api import Host, Text, Verdict, not_applicable, not_run
from checks.errors import NotPermitted, ProbeError, TimedOut, UnexpectedOutput
from checks.host._mount_tables import without_password
from checks.host._mounted_volumes import Kind, Mount
from wire.messages import Failure, Reason

REMOTE_SECONDS = 3.0
"""How long one network mount may take to answer."""
REMOTE_TOTAL_SECONDS = 10.0
"""How long all of them together may take: well below the check's deadline."""


class Usage(Struct, frozen=True):
    """What a file system says about its room."""

    total_bytes: int
    used_bytes: int
    free_bytes: int
    """What an unprivileged user can still write: without the blocks reserved for root."""
    files_total: int | None = None
    """Inodes; None where the file system has no fixed number of them."""
    files_used: int | None = None

    @property
    def used_percent(self) -> float:
        """Return the share in use as `df` shows it: of what unprivileged users can have."""
        reachable = self.used_bytes + self.free_bytes
        return 100 * self.used_bytes / reachable if reachable else 0.0

    @property
    def files_used_percent(self) -> float | None:
        """Return the share of inodes in use."""
        if not self.files_total or self.files_used is None:
            return None
        return 100 * self.files_used / self.files_total


class Volume(Struct, frozen=True, kw_only=True):
    """One mounted volume. Exactly one of usage and failure is there."""

    mount_point: str
    device: str
    file_system: str
    kind: Kind
    read_only: bool
    usage: Usage | None = None
    failure: Failure | None = None


class Facts(Struct, frozen=True):
    """Every volume of the host, by mount point."""

    volumes: tuple[Volume, ...]


def asked(host: Host, mounts: Sequence[Mount]) -> Iterator[Volume]:
    """Yield each mount with its usage or the reason why there is none; skip the empty kinds."""
    ends = time.monotonic() + REMOTE_TOTAL_SECONDS
    silent: set[str] = set()
    for mount in mounts:
        usage, failure = None, None
        try:
            if mount.kind == "remote":
                usage = _ask_remote(host, mount, ends - time.monotonic(), silent)
            else:
                usage = _ask(host, mount.mount_point)
        except ProbeError as error:
            failure = error.failure()
        if usage is not None and usage.total_bytes == 0:
            continue
        yield Volume(
            mount_point=readable(mount.mount_point),
            device=without_password(readable(mount.device)),
            file_system=mount.file_system,
            kind=mount.kind,
            read_only=mount.read_only,
            usage=usage,
            failure=failure,
        )


def unjudged(volume: Volume) -> Verdict:
    """Return the verdict of a volume that could not be read, or that nobody can fill."""
    if volume.usage is not None:
        why = Text(
            "以只读方式挂载，不会再写入数据。", "Mounted read-only: nothing is written to it."
        )
        return not_applicable(volume.mount_point, why)
    failure = volume.failure or Failure(Reason.ERROR, volume.mount_point)
    message = Text(
        "{place}（{device}，{file_system}）未能读取，其他卷不受影响。",
        "{place} ({device}, {file_system}) could not be read; the other volumes were.",
    ).format(place=volume.mount_point, device=volume.device, file_system=volume.file_system)
    return not_run(volume.mount_point, failure, message)


def readable(path: str) -> str:
    """Return a path that can travel: bytes that are no UTF-8 become the replacement character."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _ask(host: Host, mount_point: str) -> Usage:
    try:
        room = psutil.disk_usage(mount_point)
        if host.system != "linux":
            return Usage(room.total, room.used, room.free)
        nodes = os.statvfs(mount_point)
    except PermissionError as error:
        raise NotPermitted(readable(mount_point), str(error)) from error
    except OSError as error:
        raise UnexpectedOutput(readable(mount_point), readable(str(error))) from error
    files_used = nodes.f_files - nodes.f_ffree
    return Usage(room.total, room.used, room.free, nodes.f_files or None, files_used)


def _ask_remote(host: Host, mount: Mount, seconds_left: float, silent: set[str]) -> Usage:
    """Ask in a process that can be left behind: the call itself can hang beyond any signal.

    The server of a mount that does not answer is added to `silent` and not asked again.
    """
    subject, server = readable(mount.mount_point), server_of(mount.device)
    if server in silent:
        raise TimedOut(
            subject, f"{without_password(readable(server))} did not answer for another mount"
        )
    if seconds_left <= 0.1:
        raise TimedOut(subject, "other network mounts used up the time")
    command = ("stat", "-f", "-c", "%S %b %f %a %c %d", "--", mount.mount_point)
    try:
        output = host.run(*command, timeout_seconds=min(REMOTE_SECONDS, seconds_left))
    except TimedOut as error:
        silent.add(server)
        raise TimedOut(subject, f"no answer within {REMOTE_SECONDS:g} s") from error
    except UnexpectedOutput as error:
        raise UnexpectedOutput(subject, error.detail) from error
    return usage_of(output.text, subject)


def server_of(device: str) -> str:
    """Return the server in `server:/export` or `//server/share`; else the device itself."""
    if device.startswith("//"):
        return device[2:].partition("/")[0]
    return device.partition(":/")[0]


def usage_of(text: str, subject: str) -> Usage:
    """Return the usage in `block size, blocks, free, available, inodes, free inodes`."""
    fields = text.split()
    if len(fields) != 6 or not all(field.isdecimal() for field in fields):
        raise UnexpectedOutput(subject, text[:200])
    block, blocks, free, available, files, files_free = map(int, fields)
    if blocks * block >= 2**63 or available > blocks:  # a file system in user space that guesses
        raise UnexpectedOutput(subject, text[:200])
    used = max(0, blocks - free) * block
    return Usage(blocks * block, used, available * block, files or None, max(0, files - files_free))
