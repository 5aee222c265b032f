"""The release of the operating system and its kernel: still supported, and the newest in use?"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from checks import lifecycle
from checks.api import (
    Chapter,
    Check,
    Failure,
    Host,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    info,
    limit,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.errors import ProbeError, UnexpectedOutput
from checks.wording import days
from wire.messages import Reason


class Facts(Struct, frozen=True):
    """What /etc/os-release says, and the kernels that are installed."""

    system_id: str
    version_id: str
    version: str
    name: str
    running_kernel: str
    installed_kernels: tuple[str, ...]
    newest_installed_at: datetime | None = None
    """When the newest kernel of the running kind was installed."""


def probe(host: Host) -> Facts:
    """Read os-release and list the kernels under /boot and /lib/modules."""
    release = read_release(host)
    running = host.read("/proc/sys/kernel/osrelease", limit_bytes=256).strip()
    installed = installed_kernels(host)
    newest = newest_of(running, installed)
    return Facts(
        system_id=release.get("ID", ""),
        version_id=release.get("VERSION_ID", ""),
        version=release.get("VERSION", ""),
        name=release.get("NAME", ""),
        running_kernel=running,
        installed_kernels=installed,
        newest_installed_at=_installed_at(host, newest) if newest else None,
    )


def read_release(host: Host) -> dict[str, str]:
    """Return os-release(5) as a mapping; before it existed, CentOS 6 had a sentence instead."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        if host.exists(path):
            pairs = re.findall(r"^([A-Z_]+)=(.*)$", host.read(path, limit_bytes=65536), re.M)
            return {key: value.strip().strip("\"'")[:200] for key, value in pairs}
    if host.exists("/etc/redhat-release"):
        text = host.read("/etc/redhat-release", limit_bytes=4096)
        found = re.match(r"(?P<name>.*?) release (?P<version>[\d.]+)", text)
        if found:
            identity = "centos" if "centos" in text.lower() else "rhel"
            return {"ID": identity, "VERSION_ID": found["version"], "NAME": found["name"]}
    raise UnexpectedOutput("/etc/os-release", "no such file")


def installed_kernels(host: Host) -> tuple[str, ...]:
    """Return the releases of the kernel images, without rescue and debug ones; () in containers."""
    images = [path.removeprefix("/boot/vmlinuz-") for path in host.list("/boot/vmlinuz-*")]
    images += [path.split("/")[3] for path in host.list("/lib/modules/*/vmlinuz")]
    images += [path.split("/")[3] for path in host.list("/lib/modules/*/modules.dep")]
    real = {name for name in images if re.match(r"\d+\.", name) and "debug" not in name}
    return tuple(sorted((name for name in real if not name.endswith(".old")), key=_order))


def newest_of(running: str, installed: tuple[str, ...]) -> str | None:
    """Return the newest installed kernel of the kind that runs (cloud, uek, rt, generic ...)."""
    alike = [name for name in installed if _kind(name) == _kind(running)]
    return max(alike, key=_order, default=None)


def _order(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", release)[:12])


def _kind(release: str) -> tuple[str, ...]:
    """Return the words of a release that name its kind: `6.1.0-28-cloud-amd64` → cloud, amd."""
    return tuple(
        word for word in re.findall(r"[A-Za-z]+", release) if word not in ("deb", "bpo", "el", "x")
    )


def _installed_at(host: Host, release: str) -> datetime | None:
    # depmod writes modules.dep when the package is installed; the image keeps its build date.
    for path in (f"/lib/modules/{release}/modules.dep", f"/boot/vmlinuz-{release}"):
        try:
            return host.modified_at(path)
        except ProbeError:
            continue
    return None


class LifecycleThresholds(Thresholds, frozen=True):
    """When an approaching end of support counts."""

    warning_days_left: Annotated[float, limit("d", "EOL; OWN 180 d: one budget round")] = 180
    critical_days_left: Annotated[float, limit("d", "EOL: the published last day")] = 0
    count_paid_extension: Annotated[
        bool, limit("yes/no", "OWN: true where the customer has the vendor's paid extension")
    ] = False


SUPPORTED = Text("厂商支持期内", "within the vendor's support")


def support(facts: Facts, thresholds: LifecycleThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the days until the vendor stops fixing this release."""
    entry = lifecycle.find(facts.system_id, facts.version_id, facts.version, facts.name)
    shown = f"{facts.name} {facts.version_id}".strip()
    if entry is None or entry.end_of_support is None:
        yield not_run(
            "",
            Failure(Reason.UNSUPPORTED, shown[:255] or "os-release"),
            Text(
                f"无法判定 {shown} 的支持期限：生命周期数据中没有该版本公开的截止日期。",
                f"Cannot tell whether {shown} is supported: the lifecycle data hold no public end"
                " date for this release.",
            ),
        )
        return
    end = entry.end_of_support
    extended = entry.end_of_extended
    if extended and (entry.extended_free or thresholds.count_paid_extension):
        end = extended
    left = (end - past.observed_at.date()).days
    current = Text(f"{entry.label}，{end} 截止", f"{entry.label}, ends {end}")
    sentences = _sentences(entry, left, past)
    if left < thresholds.critical_days_left:
        make = critical if not entry.unverified else warning
        yield make("", current, SUPPORTED, sentences)
    elif left < thresholds.warning_days_left:
        yield warning("", current, SUPPORTED, sentences)
    elif entry.unverified or entry.end_of_support < past.observed_at.date():
        yield info("", current, SUPPORTED, sentences)
    else:
        yield ok("", current, SUPPORTED)


def _sentences(entry: lifecycle.Entry, left: int, past: Past[Facts]) -> Text:
    if left < 0:
        text = Text(
            f"{entry.label} 的支持已于 {-left} 天前结束，不再有安全补丁。",
            f"The support of {entry.label} ended {-left} days ago: no more security fixes.",
        )
    else:
        text = Text(
            f"{entry.label} 的支持还剩 {left} 天。",
            f"The support of {entry.label} ends in {left} days.",
        )
    assert entry.end_of_support is not None
    if entry.end_of_extended and entry.end_of_support < past.observed_at.date():
        text = Text(
            f"{text.zh}标准支持截止于 {entry.end_of_support}，"
            f"其后仅有 {entry.extended_name}（至 {entry.end_of_extended}）。",
            f"{text.en} Standard support ended on {entry.end_of_support}; since then there is only"
            f" {entry.extended_name} (until {entry.end_of_extended}).",
        )
    if entry.unverified:
        text = Text(
            f"{text.zh}该日期未经厂商公开页面核实（来源：{entry.source}），请向厂商确认。",
            f"{text.en} The date is not confirmed by a page of the vendor (source: {entry.source});"
            " ask the vendor.",
        )
    return text


class KernelThresholds(Thresholds, frozen=True):
    """How long a newer kernel may wait for a restart."""

    critical_waiting_days: Annotated[float, limit("d", "LYN KRNL-5788; OWN 90 d")] = 90


def kernel(facts: Facts, thresholds: KernelThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Compare the running kernel with the newest installed one of its kind."""
    newest = newest_of(facts.running_kernel, facts.installed_kernels)
    if newest is None:
        yield not_applicable(
            "",
            Text(
                "本机没有安装内核映像（容器或由宿主机提供内核）。",
                "No kernel image is installed here (a container, or the kernel is the host's).",
            ),
        )
        return
    current = Text.same(facts.running_kernel)
    reference = Text.same(newest)
    if _order(facts.running_kernel) >= _order(newest):
        yield ok("", current, reference)
        return
    waiting = None
    if facts.newest_installed_at is not None:
        waiting = (past.observed_at - facts.newest_installed_at).total_seconds() / 86400
    since = (
        Text("", "")
        if waiting is None
        else Text("，已等待重启 {days}", ", waiting {days} for a restart").format(
            days=days(waiting)
        )
    )
    message = Text(
        "正在运行 {running}，已安装更新的 {newest}{since}；内核补丁尚未生效。",
        "{running} is running while {newest} is installed{since}; the kernel's fixes are not"
        " active.",
    ).format(running=facts.running_kernel, newest=newest, since=since)
    late = waiting is not None and waiting > thresholds.critical_waiting_days
    yield Verdict("", State.CRITICAL if late else State.WARNING, current, reference, message)


CHECK = Check(
    title=Text("操作系统版本与内核", "Release and kernel"),
    chapter=Chapter.PATCH,
    facts=Facts,
    probe=probe,
    reads=(
        "/etc/os-release",
        "/usr/lib/os-release",
        "/etc/redhat-release",
        "/proc/sys/kernel/osrelease",
        "/boot/vmlinuz-* (names)",
        "/lib/modules/* (names)",
    ),
    agentless=True,
    rules=(
        Rule(
            "OS-EOL-001",
            Text("操作系统支持期限", "Support of the operating system"),
            why=Text(
                "支持期结束后，厂商不再修复安全漏洞，新发现的漏洞将一直可被利用，"
                "合规检查和厂商服务也会受影响。",
                "After the end of support nobody fixes security holes: each new one stays open,"
                " and audits and vendor services suffer.",
            ),
            remedy=Text(
                "制定操作系统升级或迁移计划：确认业务软件支持的目标版本，在测试环境演练，"
                "安排停机窗口并先做好完整备份；短期内无法升级的，购买厂商延长支持"
                "（如 Ubuntu Pro、RHEL ELS）并限制网络访问。",
                "Plan the upgrade or move: agree on a release that the application supports,"
                " rehearse it, back up first; until then buy the vendor's extended support (Ubuntu"
                " Pro, RHEL ELS) and restrict network access.",
            ),
            priority=1,
            thresholds=LifecycleThresholds,
            evaluate=support,
        ),
        Rule(
            "OS-EOL-002",
            Text("运行内核与已装内核", "Running and installed kernel"),
            why=Text(
                "内核更新只有重启后才生效；不重启，已“安装”的安全修复并没有起作用。",
                "A kernel update works only after a restart; until then the fixes are installed but"
                " not active.",
            ),
            remedy=Text(
                "安排维护窗口：确认备份可用，停止业务与数据库，执行 reboot，"
                "重启后用 uname -r 核对版本。",
                "Schedule a restart: check the backup, stop application and database, run reboot,"
                " then compare uname -r.",
            ),
            priority=2,
            thresholds=KernelThresholds,
            evaluate=kernel,
        ),
    ),
)
