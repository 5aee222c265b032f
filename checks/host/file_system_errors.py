"""File-system errors: what ext4 has recorded in its superblock, over all boots until repaired."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Host,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    grade,
    limit,
    not_applicable,
    not_run,
)
from checks.errors import UnexpectedOutput, part
from checks.host._mount_tables import MOUNTS, entries
from wire.messages import Failure

ERROR_COUNTS = "/sys/fs/ext4/*/errors_count"


class ErrorCount(Struct, frozen=True):
    """The errors of one file system since it was made or last repaired."""

    device: str
    mount_point: str
    """Empty where it is mounted nowhere that the agent can see."""
    errors: int
    last_error_at: datetime | None = None


class Facts(Struct, frozen=True):
    """Every ext4 file system that is mounted."""

    error_counts: tuple[ErrorCount, ...] | Failure


def probe(host: Host) -> Facts:
    """Read ext4's counters; XFS and others keep none, their errors stand in the kernel's log."""
    return Facts(part(lambda: _error_counts(host)))


def _error_counts(host: Host) -> tuple[ErrorCount, ...]:
    paths = host.list(ERROR_COUNTS)
    mounted = list(entries(host.read(MOUNTS))) if paths else []
    # The first mount of a device is its own, the later ones are bound to it.
    places = {entry.device: entry.mount_point for entry in reversed(mounted)}
    return tuple(_error_count(host, path, places) for path in paths)


def _error_count(host: Host, path: str, places: dict[str, str]) -> ErrorCount:
    folder = path.rpartition("/")[0]
    name = folder.rpartition("/")[2]
    mapped = f"/sys/block/{name}/dm/name"
    # Mount tables name a logical volume by its mapping, the kernel by its number.
    device = f"/dev/mapper/{host.read(mapped).strip()}" if host.exists(mapped) else f"/dev/{name}"
    errors = _number(host, path)
    at = _number(host, f"{folder}/last_error_time") if errors else 0
    last = datetime.fromtimestamp(at, UTC) if at else None
    return ErrorCount(device, places.get(device, ""), errors, last)


def _number(host: Host, path: str) -> int:
    text = host.read(path, limit_bytes=100).strip()
    if not text.isdecimal():
        raise UnexpectedOutput(path, text)
    return int(text)


class ErrorThresholds(Thresholds, frozen=True):
    """Errors that ext4 has recorded and nobody has repaired; new ones are always critical."""

    warning_errors: Annotated[int, limit("errors", "OWN: any recorded error")] = 1
    critical_new_errors: Annotated[int, limit("errors", "OBD: any new one")] = 1


def errors(facts: Facts, thresholds: ErrorThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the errors that file systems recorded: old ones, and new ones since the last run."""
    if isinstance(facts.error_counts, Failure):
        yield not_run("", facts.error_counts)
        return
    if not facts.error_counts:
        why = Text(
            "没有 ext4 文件系统；其他文件系统的错误见内核日志检查。",
            "No ext4 file system; errors of others stand in the check of the kernel's log.",
        )
        yield not_applicable("", why)
        return
    before = _counts(past.previous)
    reference = Text("0 个错误", "0 errors")
    for count in facts.error_counts:
        place = count.mount_point or count.device
        # The counter survives restarts; only a repair sets it back.
        new = max(0, count.errors - before[count.device]) if count.device in before else 0
        state = grade(count.errors, thresholds.warning_errors, float("inf"))
        if new >= thresholds.critical_new_errors:
            state = State.CRITICAL
        last = f"{count.last_error_at:%Y-%m-%d %H:%M} UTC" if count.last_error_at else "?"
        message = Text(
            "{place}（{device}）累计记录 {errors} 个文件系统错误，"
            "自上次巡检新增 {new} 个，最近一次在 {last}。",
            "{place} ({device}) has recorded {errors} file-system errors, {new} of them since the "
            "last inspection, the last at {last}.",
        ).format(place=place, device=count.device, errors=count.errors, new=new, last=last)
        current = Text(f"{count.errors} 个错误", f"{count.errors} errors")
        yield Verdict(place, state, current, reference, None if state is State.OK else message)


def _counts(facts: Facts | None) -> dict[str, int]:
    if facts is None or isinstance(facts.error_counts, Failure):
        return {}
    return {count.device: count.errors for count in facts.error_counts}


CHECK = Check(
    title=Text("文件系统错误", "File-system errors"),
    chapter=Chapter.HOST,
    facts=Facts,
    probe=probe,
    reads=(ERROR_COUNTS, "/sys/fs/ext4/*/last_error_time", "/sys/block/*/dm/name", MOUNTS),
    agentless=True,
    rules=(
        Rule(
            code="OS-DSK-005",
            title=Text("文件系统错误", "File-system errors"),
            why=Text(
                "文件系统内部结构已出现错误，继续使用可能悄悄损坏数据，连备份也会带上损坏的内容。",
                "The file system's own structure has errors; going on may corrupt data silently, "
                "and backups will carry the damage.",
            ),
            remedy=Text(
                "先做一次完整备份并验证，再安排停机：卸载后执行 e2fsck -f 设备，"
                "同时用 smartctl -a 检查磁盘；"
                "反复出现错误时更换磁盘。",
                "Make and verify a full backup first, then plan a window: unmount, run e2fsck -f "
                "DEVICE, and check the disk with smartctl -a; replace it if errors come back.",
            ),
            priority=1,
            thresholds=ErrorThresholds,
            evaluate=errors,
        ),
    ),
)
