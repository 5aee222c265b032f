"""Pending updates on Debian and Ubuntu, from the package lists that are already here.

Nothing is downloaded. Lists that are old or absent say nothing about missing fixes: the verdict is
then *cannot tell*, never *all patched*. apt gives the lists the date of the archive, not of their
download, so their age is how far behind the archive this host's knowledge is.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Host,
    Measure,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Trend,
    Verdict,
    info,
    limit,
    not_run,
    ok,
)
from checks.errors import NotApplicable, ProbeError, UnexpectedOutput
from checks.wording import days, listing
from wire.messages import Reason

LISTS = "/var/lib/apt/lists"
DPKG_STATUS = "/var/lib/dpkg/status"
FRESH_WHILE = (DPKG_STATUS, LISTS, "/var/run/reboot-required")
MOST_UPDATES = 500


class Update(Struct, frozen=True):
    """One package that a dist-upgrade would install."""

    package: str
    installed: str
    """Empty for a package that an update newly needs."""
    candidate: str
    archives: tuple[str, ...]
    """Where it comes from: `Debian-Security:12/stable-security`."""
    security: bool


class Facts(Struct, frozen=True):
    """What apt would do, and how old its knowledge is."""

    updates: tuple[Update, ...]
    lists_updated_at: datetime | None
    """Date of the newest package list; None where there are no lists."""
    security_lists_updated_at: datetime | None
    """The same, of the security archives alone."""


def probe(host: Host) -> Facts:
    """Simulate a dist-upgrade with the cached lists. Raise Unsupported where dpkg is not used."""
    if not host.exists(DPKG_STATUS):
        raise NotApplicable("apt", "this host does not use dpkg")
    answer = host.run(
        "apt-get", "-s", "-o", "Debug::NoLocking=true", "dist-upgrade", timeout_seconds=60
    )
    paths = [*host.list(f"{LISTS}/*InRelease"), *host.list(f"{LISTS}/*_Release")]
    return Facts(
        parse_simulation(answer.text)[:MOST_UPDATES],
        _newest(host, paths),
        _newest(host, [path for path in paths if "security" in path]),
    )


def _newest(host: Host, paths: list[str]) -> datetime | None:
    found = []
    for path in paths:
        try:
            found.append(host.modified_at(path))
        except ProbeError:
            continue  # apt replaced the list in this moment; the others are as good.
    return max(found, default=None)


_INST = re.compile(
    r"Inst (?P<package>\S+) (?:\[(?P<installed>[^\]]*)\] )?\((?P<candidate>\S+) (?P<rest>[^)]*)\)"
)


def parse_simulation(text: str) -> tuple[Update, ...]:
    """Read the `Inst` lines of `apt-get -s`; raise UnexpectedOutput where one can't be read."""
    updates = []
    for line in text.splitlines():
        if not line.startswith("Inst "):
            continue
        found = _INST.match(line)
        if not found:
            raise UnexpectedOutput("apt-get", line[:200])
        # `Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64]`
        origins = found["rest"].rpartition(" [")[0] or found["rest"]
        archives = tuple(part.strip()[:100] for part in origins.split(",") if part.strip())
        updates.append(
            Update(
                found["package"][:255],
                (found["installed"] or "")[:100],
                found["candidate"][:100],
                archives[:8],
                any(_is_security(archive) for archive in archives),
            )
        )
    # Security first, so that a cut list keeps them.
    return tuple(sorted(updates, key=lambda one: (not one.security, one.package)))


def _is_security(archive: str) -> bool:
    """Tell by label or suite: Debian-Security:12/stable-security, Ubuntu:22.04/jammy-security."""
    return archive.startswith("Debian-Security:") or archive.endswith("-security")


def measures(facts: Facts) -> Iterator[Measure]:
    """Keep both numbers, and a point for each package that waits: so its age is known."""
    security = [one for one in facts.updates if one.security]
    yield Measure("pending_updates", "", float(len(facts.updates)))
    yield Measure("pending_security_updates", "", float(len(security)))
    for one in security[:200]:
        yield Measure("pending_security_update", one.package, 1.0)


class UpdateThresholds(Thresholds, frozen=True):
    """How old the lists may be, and how long a security update may wait."""

    lists_days: Annotated[float, limit("d", "catalogue PAT-LNX-001: older than 7 d = unknown")] = 7
    warning_security_updates: Annotated[int, limit("packages", "MP check_apt: any; LYN")] = 1
    critical_waiting_days: Annotated[float, limit("d", "OWN 30 d")] = 30


def updates(facts: Facts, thresholds: UpdateThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the pending security updates, and how far apt's lists can be believed."""
    security = [one for one in facts.updates if one.security]
    doubt = _doubt(facts, thresholds, past)
    current = Text(
        f"安全更新 {len(security)} 个，全部更新 {len(facts.updates)} 个",
        f"{len(security)} security updates, {len(facts.updates)} updates in all",
    )
    reference = Text("安全更新 0 个", "no security update pending")
    if len(security) >= thresholds.warning_security_updates:
        waits = {one.package: waiting_days(one.package, past) for one in security}
        longest = max(waits.values())
        late = [name for name, wait in waits.items() if wait > thresholds.critical_waiting_days]
        message = Text(
            "有 {n} 个安全更新未安装：{names}{since}。{doubt}",
            "{n} security updates are not installed: {names}{since}.{doubt}",
        ).format(
            n=len(security),
            names=listing(late or [one.package for one in security]),
            since=Text("，至少已等待 {days}", ", waiting for at least {days}").format(
                days=days(longest)
            )
            if longest >= 1
            else Text("", ""),
            doubt=Text(doubt.zh, f" {doubt.en}") if doubt else Text("", ""),
        )
        yield Verdict("", State.CRITICAL if late else State.WARNING, current, reference, message)
    elif doubt is not None:
        yield not_run("", Failure(Reason.ERROR, LISTS, doubt.en), doubt)
    elif facts.updates:
        yield info(
            "",
            current,
            reference,
            Text(
                "无安全更新；另有 {n} 个普通更新可安装：{names}。",
                "No security update; {n} others could be installed: {names}.",
            ).format(n=len(facts.updates), names=listing([one.package for one in facts.updates])),
        )
    else:
        yield ok("", current, reference)


def _doubt(facts: Facts, thresholds: UpdateThresholds, past: Past[Facts]) -> Text | None:
    """Return why the lists can't vouch for the host, or None."""
    if facts.lists_updated_at is None:
        return Text(
            "本机没有软件包列表，无法判定是否缺少更新。",
            "There are no package lists here: nobody can tell whether updates are missing.",
        )
    if facts.security_lists_updated_at is None:
        return Text(
            "软件源中没有安全更新仓库，无法判定是否缺少安全更新。",
            "No security archive is among the package sources: nobody can tell whether security"
            " updates are missing.",
        )
    age = (past.observed_at - facts.security_lists_updated_at).total_seconds() / 86400
    if age <= thresholds.lists_days:
        return None
    return Text(
        "安全更新列表是 {days}前的，无法判定此后是否有新的安全更新。",
        "The list of security updates is {days} old: nobody can tell what came after it.",
    ).format(days=days(age))


def waiting_days(package: str, past: Past[Facts]) -> float:
    """Return for how long the package has been pending in every inspection without a gap.

    A lower bound: before the first inspection nobody counted. 0 where there is no history.
    """
    pending = {point.at for point in past.series("pending_security_update", package)}
    first = None
    for point in reversed(past.series("pending_security_updates", "")):
        if point.at not in pending:
            break
        first = point.at
    return (past.observed_at - first).total_seconds() / 86400 if first else 0.0


CHECK = Check(
    title=Text("系统更新（apt）", "Updates (apt)"),
    chapter=Chapter.PATCH,
    facts=Facts,
    probe=probe,
    measures=measures,
    trends=(
        Trend("pending_security_updates", Text("待安装安全更新数", "Security updates waiting"), ""),
    ),
    reads=(
        "apt-get -s -o Debug::NoLocking=true dist-upgrade (simulation)",
        f"{LISTS}/*Release (dates)",
        *(f"{path} (date)" for path in FRESH_WHILE),
    ),
    heavy=True,
    fresh_while=FRESH_WHILE,
    deadline_seconds=90,
    agentless=True,
    rules=(
        Rule(
            "PAT-LNX-001",
            Text("待安装的安全更新（apt）", "Pending security updates (apt)"),
            why=Text(
                "公开的安全漏洞在补丁发布后很快会被利用，未安装的安全更新使服务器暴露在已知攻击之下；"
                "软件包列表过旧时，看似没有更新其实无从判断。",
                "Once a fix is public its hole is soon used: a missing security update leaves the"
                " server open to known attacks; with old package lists nobody can tell.",
            ),
            remedy=Text(
                "先备份并在测试环境验证，再在维护窗口执行 apt-get update 和 apt-get dist-upgrade"
                "（或仅安全更新：unattended-upgrade -v），"
                "必要时重启；无法联网的服务器请配置内网镜像源并保持同步。",
                "Back up, try it on a test system, then run apt-get update and apt-get dist-upgrade"
                " in a maintenance window (security only: unattended-upgrade -v) and restart if"
                " needed; give servers without Internet a mirror that is kept up to date.",
            ),
            priority=1,
            thresholds=UpdateThresholds,
            evaluate=updates,
        ),
    ),
)
