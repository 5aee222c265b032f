"""Mounts: is everything mounted that /etc/fstab promises, and writable?"""

from collections.abc import Iterable, Iterator

from checks.api import (
    Chapter,
    Check,
    Host,
    Past,
    Rule,
    Scope,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.errors import part
from checks.host._mount_tables import MOUNTS, Entry, entries
from wire.messages import Failure

FSTAB = "/etc/fstab"
SWAPS = "/proc/swaps"
_ALWAYS_READ_ONLY = frozenset({"cramfs", "erofs", "iso9660", "squashfs", "udf"})
_BROKEN_OPTIONS = ("emergency_ro", "shutdown")
"""What ext4 (Linux 6.15 and newer) says of a file system that it stopped writing to after an
error; the option `rw` stays there."""
_ON_DEMAND_OPTIONS = ("noauto", "x-systemd.automount")


class Facts(Struct, frozen=True):
    """The mounts wanted, the mounts there are, the swaps in use."""

    wanted: tuple[Entry, ...] | Failure
    """/etc/fstab; empty where there is none."""
    mounted: tuple[Entry, ...]
    """The root, the mounts at places that fstab names, and every other device once."""
    active_swaps: int | Failure


def probe(host: Host) -> Facts:
    """Read the tables of the mounts wanted, of those there are, and of the swaps."""
    wanted = part(lambda: tuple(entries(host.read(FSTAB))) if host.exists(FSTAB) else ())
    places = set() if isinstance(wanted, Failure) else {entry.mount_point for entry in wanted}
    mounted = tuple(_relevant(entries(host.read(MOUNTS)), places | {"/"}))
    # The first line of the table of swaps is its heading.
    swaps = part(lambda: max(0, len(host.read(SWAPS).splitlines()) - 1))
    return Facts(wanted, mounted, swaps)


def _relevant(mounted: Iterable[Entry], places: set[str]) -> Iterator[Entry]:
    """Yield the mounts at the named places, the last where several hide one another, and the
    first mount of every other device: containers bind one device a hundred times.
    """
    rows = list(mounted)
    yield from {row.mount_point: row for row in rows if row.mount_point in places}.values()
    shown = {row.device for row in rows if row.mount_point in places}
    for row in rows:
        if row.device.startswith("/dev/") and row.device not in shown:
            shown.add(row.device)
            yield row


class StateThresholds(Thresholds, frozen=True):
    """Nothing to set: a mount is as fstab says, or it is not."""


def writable(facts: Facts, _thresholds: StateThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether every mount that fstab wants writable is writable."""
    reference = Text("可写（rw）", "writable (rw)")
    if isinstance(facts.wanted, Failure):
        yield not_run("", facts.wanted)
        return
    wanted = {entry.mount_point: entry for entry in facts.wanted}
    judged = 0
    for mount in facts.mounted:
        broken = [option for option in mount.options if option in _BROKEN_OPTIONS]
        entry = wanted.get(mount.mount_point)
        expected = entry is not None and not _always_read_only(entry, mount)
        if not broken and (entry is None or not expected or entry.read_only):
            continue
        judged += 1
        if not broken and not mount.read_only:
            yield ok(mount.mount_point, Text("可写", "writable"), reference)
            continue
        cause = (
            Text(f"内核标记 {broken[0]}", f"the kernel says {broken[0]}")
            if broken
            else _cause(mount)
        )
        yield critical(
            mount.mount_point,
            Text("只读", "read-only"),
            reference,
            Text(
                "{place}（{device}，{file_system}）当前不可写，{cause}。",
                "{place} ({device}, {file_system}) can't be written to: {cause}.",
            ).format(
                place=mount.mount_point,
                device=mount.device,
                file_system=mount.file_system,
                cause=cause,
            ),
        )
    if not judged:
        why = Text(
            "/etc/fstab 中没有要求可写且已挂载的文件系统。",
            "/etc/fstab names no mounted file system that should be writable.",
        )
        yield not_applicable("", why)


def _always_read_only(entry: Entry, mount: Entry) -> bool:
    kinds = {*entry.file_system.split(","), mount.file_system}
    return bool(kinds & _ALWAYS_READ_ONLY)


def _cause(mount: Entry) -> Text:
    if "errors=remount-ro" in mount.options:
        return Text(
            "而 /etc/fstab 要求可写；挂载选项含 errors=remount-ro，"
            "通常是内核遇到文件系统错误后转为只读",
            "/etc/fstab wants rw; with errors=remount-ro the kernel usually did this on an error",
        )
    return Text("而 /etc/fstab 要求可写", "/etc/fstab wants rw")


def present(facts: Facts, _thresholds: StateThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether everything is mounted that fstab wants mounted at the start."""
    if isinstance(facts.wanted, Failure):
        yield not_run("", facts.wanted)
        return
    if not facts.wanted:
        why = Text("/etc/fstab 中没有条目。", "/etc/fstab has no entries.")
        yield not_applicable("", why)
        return
    mounted = {mount.mount_point for mount in facts.mounted}
    swaps = [entry for entry in facts.wanted if entry.file_system == "swap"]
    reference = Text("已挂载", "mounted")
    for entry in {entry.mount_point: entry for entry in facts.wanted}.values():
        if entry in swaps or not entry.mount_point.startswith("/"):
            continue
        if entry.mount_point in mounted:
            yield ok(entry.mount_point, reference, reference)
        elif any(option in entry.options for option in _ON_DEMAND_OPTIONS):
            why = Text("按需挂载（noauto 或自动挂载）。", "Mounted on demand (noauto, automount).")
            yield not_applicable(entry.mount_point, why)
        else:
            yield _absent(entry, reference)
    if any("noauto" not in entry.options for entry in swaps):
        yield _swap(facts.active_swaps)


def _absent(entry: Entry, reference: Text) -> Verdict:
    message = Text(
        "/etc/fstab 中的 {place}（{device}，{file_system}）未挂载，"
        "写入该目录的数据会落到上级文件系统。",
        "{place} ({device}, {file_system}) of /etc/fstab is not mounted; what is written there "
        "goes to the file system above it.",
    ).format(place=entry.mount_point, device=entry.device, file_system=entry.file_system)
    current = Text("未挂载", "not mounted")
    # `nofail` says that the host may start without it, not that it may stay away.
    state = warning if "nofail" in entry.options else critical
    return state(entry.mount_point, current, reference, message)


def _swap(active: int | Failure) -> Verdict:
    if isinstance(active, Failure):
        return not_run("swap", active)
    if active:
        return ok("swap", Text(f"已启用 {active} 个", f"{active} in use"), Text("已启用", "in use"))
    message = Text(
        "/etc/fstab 配置了交换空间，但当前没有启用任何交换空间。",
        "/etc/fstab names swap, but no swap is in use.",
    )
    return warning("swap", Text("未启用", "none in use"), Text("已启用", "in use"), message)


CHECK = Check(
    title=Text("文件系统挂载", "Mounts"),
    chapter=Chapter.HOST,
    facts=Facts,
    probe=probe,
    reads=(FSTAB, MOUNTS, SWAPS),
    scopes=(Scope.METADATA, Scope.CONFIG),
    agentless=True,
    rules=(
        Rule(
            code="OS-DSK-004",
            title=Text("文件系统可写状态", "File systems writable"),
            why=Text(
                "内核遇到磁盘或文件系统错误时会把文件系统转为只读以保护数据，此后数据库和备份都无法写入。",
                "On a disk or file-system error the kernel makes a file system read-only to save "
                "the data; from then on neither databases nor backups can write.",
            ),
            remedy=Text(
                "先备份可读数据，再执行 dmesg -T | grep -iE 'remount|I/O error|EXT4-fs|XFS' "
                "查明原因，检查磁盘健康；卸载后 fsck（或 xfs_repair）修复，"
                "确认无误再执行 mount -o remount,rw 挂载点。",
                "Save what can be read, find the cause with dmesg -T | grep -iE 'remount|I/O "
                "error|EXT4-fs|XFS', check the disk; unmount and repair with fsck or xfs_repair, "
                "and only then mount -o remount,rw MOUNT.",
            ),
            priority=1,
            thresholds=StateThresholds,
            evaluate=writable,
        ),
        Rule(
            code="OS-DSK-010",
            title=Text("fstab 条目挂载状态", "Mounts of fstab present"),
            why=Text(
                "应挂载的磁盘或网络共享没有挂载时，备份和数据会写到系统盘，既写满系统盘，也不在预期的位置。",
                "Where a disk or share is missing, backups and data go to the system disk: they "
                "fill it, and they are not where everybody thinks.",
            ),
            remedy=Text(
                "执行 findmnt --verify 和 mount -a 查看报错；检查存储、网络共享是否可达；"
                "恢复挂载前先移走误写入挂载目录的文件；不再需要的条目从 /etc/fstab 删除。",
                "See the errors with findmnt --verify and mount -a; check that storage and shares "
                "can be reached; move away files written into the bare folder before mounting; "
                "remove entries that are no longer needed from /etc/fstab.",
            ),
            priority=2,
            thresholds=StateThresholds,
            evaluate=present,
        ),
    ),
)
