"""Whether installed updates wait for a restart of the host.

On Debian and Ubuntu a flag file says so, but only where a package is installed that writes it; on
RHEL and its relatives needs-restarting is asked, on SLES zypper. Those two start a whole package
manager, so this reading stands among the heavy ones.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Host,
    Measure,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    limit,
    ok,
)
from checks.errors import ToolMissing, UnexpectedOutput, Unsupported
from checks.patch._waiting import wanted_since
from checks.wording import days, listing

FLAG = "/var/run/reboot-required"
# What writes the flag: Ubuntu's and Debian's notifier, or the hook of unattended-upgrades.
FLAG_WRITERS = (
    "/usr/share/update-notifier/notify-reboot-required",
    "/etc/kernel/postinst.d/unattended-upgrades",
)
ZYPPER_REBOOT = 102
FRESH_WHILE = (
    FLAG,
    "/var/lib/dpkg/status",
    "/var/lib/rpm/Packages",
    "/var/lib/rpm/rpmdb.sqlite",
    "/usr/lib/sysimage/rpm/Packages.db",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
)


class Facts(Struct, frozen=True):
    """Is a restart asked for, by whom, since when."""

    required: bool
    packages: tuple[str, ...] = ()
    """What asks for it, where that is told."""
    since: datetime | None = None
    """When it was first asked for; None where only the fact is known."""


def probe(host: Host) -> Facts:
    """Look for the flag, or ask the tool of the distribution.

    Raise ToolMissing where nothing here would say so: then the absence of a flag means nothing.
    """
    if host.exists(FLAG):
        return Facts(True, _flagged(host), host.modified_at(FLAG))
    if host.exists("/var/lib/dpkg/status"):
        if any(host.exists(path) for path in FLAG_WRITERS):
            return Facts(False)
        raise ToolMissing("update-notifier-common", "nothing here tells of a needed restart")
    if host.exists("/usr/bin/needs-restarting"):
        answer = host.run("needs-restarting", "-r", timeout_seconds=60, exit_codes=(0, 1))
        return parse_needs_restarting(answer.text, answer.exit_code)
    if host.exists("/usr/bin/zypper"):
        command = ("zypper", "--non-interactive", "needs-rebooting")
        answer = host.run(*command, timeout_seconds=60, exit_codes=(0, ZYPPER_REBOOT))
        return Facts(answer.exit_code == ZYPPER_REBOOT)
    if host.exists("/usr/bin/dnf") or host.exists("/usr/bin/yum"):
        raise ToolMissing("needs-restarting", "it comes with dnf-utils or yum-utils")
    raise Unsupported("reboot-required", "this host uses neither dpkg, dnf, yum nor zypper")


def _flagged(host: Host) -> tuple[str, ...]:
    path = f"{FLAG}.pkgs"
    if not host.exists(path):
        return ()
    names = {line.strip()[:200] for line in host.read(path, limit_bytes=65536).splitlines()}
    return tuple(sorted(names - {""}))[:50]


def parse_needs_restarting(text: str, exit_code: int) -> Facts:
    """Read `needs-restarting -r`: exit code 1 and the packages behind `*`, or `name -> version`.

    Exit code 1 also stands for errors: without its sentence it is no answer.
    """
    if exit_code == 0:
        return Facts(False)
    if "eboot is required" not in text:
        raise UnexpectedOutput("needs-restarting", text.strip()[:200])
    names = set()
    for line in text.splitlines():
        if line.lstrip().startswith("* ") or " -> " in line:
            names.add(line.strip(" *").split(" -> ")[0].strip()[:200])
    return Facts(True, tuple(sorted(names - {""}))[:50])


def measures(facts: Facts) -> Iterator[Measure]:
    """Keep whether a restart was asked for: so it is known since when."""
    yield Measure("reboot_required", "", float(facts.required))


class RebootThresholds(Thresholds, frozen=True):
    """How long a restart may wait."""

    critical_waiting_days: Annotated[float, limit("d", "catalogue PAT-LNX-004; LYN KRNL-5830")] = 30


def reboot(facts: Facts, thresholds: RebootThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether, and since when, a restart is needed."""
    reference = Text("无需重启", "no restart needed")
    if not facts.required:
        yield ok("", reference, reference)
        return
    since = facts.since or wanted_since(past)
    waiting = (past.observed_at - since).total_seconds() / 86400 if since else 0.0
    late = waiting > thresholds.critical_waiting_days
    current = Text("需要重启", "restart needed")
    what = listing(list(facts.packages))
    message = Text(
        "已安装的更新需要重启才能生效{what}{since}。",
        "Installed updates need a restart to take effect{what}{since}.",
    ).format(
        what=Text(f"（{what}）", f" ({what})") if what else Text("", ""),
        since=Text("，已等待 {days}", ", waiting for {days}").format(days=days(waiting))
        if waiting >= 1
        else Text("", ""),
    )
    yield Verdict("", State.CRITICAL if late else State.WARNING, current, reference, message)


CHECK = Check(
    title=Text("待重启", "Restart needed"),
    chapter=Chapter.PATCH,
    facts=Facts,
    probe=probe,
    measures=measures,
    reads=(
        FLAG,
        f"{FLAG}.pkgs",
        *FLAG_WRITERS,
        "needs-restarting -r",
        "zypper --non-interactive needs-rebooting",
        *(f"{path} (date)" for path in FRESH_WHILE),
    ),
    heavy=True,
    fresh_while=FRESH_WHILE,
    deadline_seconds=90,
    agentless=True,
    rules=(
        Rule(
            "PAT-LNX-004",
            Text("更新后待重启", "Restart after updates"),
            why=Text(
                "内核、glibc 等更新在重启前不生效，漏洞仍然存在；"
                "长期不重启还会让下一次停机更难预料。",
                "Updates of the kernel or glibc take effect only after a restart: until then the"
                " holes stay open, and the next outage becomes harder to foresee.",
            ),
            remedy=Text(
                "安排维护窗口：确认备份可用，按顺序停止业务和数据库，执行 reboot，"
                "重启后检查服务（systemctl --failed）和业务功能。",
                "Schedule a restart: check the backup, stop application and database in order, run"
                " reboot, then check the services (systemctl --failed) and the application.",
            ),
            priority=2,
            thresholds=RebootThresholds,
            evaluate=reboot,
        ),
    ),
)
