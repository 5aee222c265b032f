"""Pending security advisories on RHEL, openEuler, Kylin, Anolis and their relatives.

Run on captured output only (dnf 4, dnf 5, yum 3): no such host was at hand when this was written.
Only the cached metadata is asked, nothing is downloaded. A repository without advisories (CentOS
has none) lists nothing for an unpatched host: an empty list counts only where the same metadata
know advisories for what is installed, and are not old.
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
    Verdict,
    limit,
    not_run,
    ok,
)
from checks.errors import NotApplicable, ProbeError, UnexpectedOutput
from checks.wording import days, listing
from wire.messages import Reason

METADATA = (
    "/var/cache/libdnf5/*/repodata/repomd.xml",
    "/var/cache/dnf/*/repodata/repomd.xml",
    "/var/cache/yum/*/*/*/repomd.xml",
)
MOST_ADVISORIES = 500
SEVERITIES = ("critical", "important", "moderate", "low", "none")


class Advisory(Struct, frozen=True):
    """One security advisory with the packages here that it would update."""

    name: str
    severity: str
    """One of SEVERITIES; what the vendor does not rate is `none`."""
    packages: tuple[str, ...]


class Facts(Struct, frozen=True):
    """What the cached metadata say."""

    tool: str
    advisories: tuple[Advisory, ...]
    knows_installed: bool | Failure
    """Whether the metadata hold advisories for what is installed; asked where none is pending."""
    metadata_updated_at: datetime | None


def probe(host: Host) -> Facts:
    """List the security advisories that apply. Raise Unsupported where there is no dnf or yum."""
    tool = next((name for name in ("dnf", "dnf5", "yum") if host.exists(f"/usr/bin/{name}")), None)
    if tool is None:
        raise NotApplicable("dnf", "this host uses neither dnf nor yum")
    security = "security" if tool == "yum" else "--security"
    advisories = parse_advisories(_listed(host, tool, security))
    return Facts(
        tool,
        advisories[:MOST_ADVISORIES],
        bool(advisories) or _knows_installed(host, tool, security),
        _newest(host),
    )


def _listed(host: Host, tool: str, *arguments: str) -> str:
    command = (tool, "-C", "-q", "updateinfo", "list", *arguments)
    return host.run(*command, timeout_seconds=60).text


def _knows_installed(host: Host, tool: str, security: str) -> bool | Failure:
    try:
        installed = "installed" if tool == "yum" else "--installed"
        return bool(parse_advisories(_listed(host, tool, installed, security)))
    except ProbeError as error:
        return error.failure()


def _newest(host: Host) -> datetime | None:
    found = []
    for pattern in METADATA:
        for path in host.list(pattern):
            try:
                found.append(host.modified_at(path))
            except ProbeError:
                continue  # Replaced in this moment; the others are as good.
    return max(found, default=None)


# dnf 4 and yum:  RHSA-2023:0334 Important/Sec. kernel-5.14.0-162.12.1.el9_1.x86_64
_CLASSIC = re.compile(r"^\s*(?:i\s+)?(\S+)\s+(?:(\w+)/Sec\.|security)\s+(\S+)$")
# dnf 5:  FEDORA-2024-635a54eb7e security Important glib2-2.80.2-1.fc40.x86_64 2024-05-12 04:16:43
_TABLE = re.compile(r"^\s*(\S+)\s+secu\w*\s+(\w+)\s+(\S+)\s+\d{4}-\d\d-\d\d\b")
# Lines that say something else: headings, plug-ins, the age of the metadata.
_OTHER = re.compile(
    r"^\s*$|^(Name\s+Type|Last metadata|Loaded plugins|Updating|Repositories|updateinfo list done|"
    r"Not root|Subscription|This system|Repository .* is listed|: )",
    re.IGNORECASE,
)
# dnf 5 also lists advisories that are no security matter, and older ones cut the words short.
_NO_SECURITY = re.compile(r"^\s*\S+\s+(bugf|enha|newp|unsp|unkn|reco)\w*\s", re.IGNORECASE)
_BUGFIX = re.compile(r"^\s*(?:i\s+)?\S+\s+(bugfix|enhancement|newpackage|unknown)\s+\S+$")


def parse_advisories(text: str) -> tuple[Advisory, ...]:
    """Read `updateinfo list` of dnf 4, dnf 5 or yum 3, one advisory for all its packages."""
    packages: dict[tuple[str, str], list[str]] = {}
    for line in text.splitlines():
        found = _TABLE.match(line) or _CLASSIC.match(line)
        if found:
            severity = _severity(found[2] or "")
            packages.setdefault((found[1][:100], severity), []).append(found[3][:200])
        elif not (_OTHER.match(line) or _NO_SECURITY.match(line) or _BUGFIX.match(line)):
            raise UnexpectedOutput("updateinfo", line[:200])
    advisories = [
        Advisory(name, severity, tuple(sorted(set(names))[:20]))
        for (name, severity), names in packages.items()
    ]
    return tuple(sorted(advisories, key=lambda one: (SEVERITIES.index(one.severity), one.name)))


def _severity(word: str) -> str:
    """Return the severity; `Importan` is what a narrow dnf 5 table leaves of Important."""
    lowered = word.lower()
    for name in SEVERITIES[:-1]:
        if len(lowered) >= 3 and name.startswith(lowered):
            return name
    # openEuler and Kylin rate by CVSS words.
    return {"high": "important", "medium": "moderate"}.get(lowered, "none")


def measures(facts: Facts) -> Iterator[Measure]:
    """Keep the numbers of critical and important advisories."""
    for severity in SEVERITIES[:2]:
        number = sum(one.severity == severity for one in facts.advisories)
        yield Measure(f"pending_{severity}_advisories", "", float(number))


class AdvisoryThresholds(Thresholds, frozen=True):
    """How many advisories may be pending, and how old the metadata may be."""

    warning_important: Annotated[
        int, limit("advisories", "catalogue PAT-LNX-002; LYN PKGS-7386")
    ] = 1
    critical_critical: Annotated[
        int, limit("advisories", "catalogue PAT-LNX-002; LYN PKGS-7386")
    ] = 1
    metadata_days: Annotated[float, limit("d", "as PAT-LNX-001: older than 7 d = unknown")] = 7


def advisories(
    facts: Facts, thresholds: AdvisoryThresholds, past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge the pending advisories by severity, and whether their absence can be believed."""
    by_severity = {
        name: [one for one in facts.advisories if one.severity == name] for name in SEVERITIES
    }
    gravest, important = by_severity["critical"], by_severity["important"]
    current = Text(
        f"严重 {len(gravest)} 个，重要 {len(important)} 个，共 {len(facts.advisories)} 个安全公告",
        f"{len(gravest)} critical, {len(important)} important, {len(facts.advisories)} in all",
    )
    reference = Text("严重和重要安全公告 0 个", "no critical or important advisory pending")
    doubt = _doubt(facts, thresholds, past)
    if facts.advisories:
        state = State.INFO
        if len(important) >= thresholds.warning_important:
            state = State.WARNING
        if len(gravest) >= thresholds.critical_critical:
            state = State.CRITICAL
        message = Text(
            "有 {n} 个安全公告的更新未安装（严重 {critical}，重要 {important}）：{names}。{doubt}",
            "The updates of {n} security advisories are not installed ({critical} critical,"
            " {important} important): {names}.{doubt}",
        ).format(
            n=len(facts.advisories),
            critical=len(gravest),
            important=len(important),
            names=listing([one.name for one in facts.advisories]),
            doubt=Text(doubt.zh, f" {doubt.en}") if doubt else Text("", ""),
        )
        yield Verdict("", state, current, reference, message)
    elif isinstance(facts.knows_installed, Failure):
        yield not_run("", facts.knows_installed)
    elif doubt is not None:
        yield not_run("", Failure(Reason.ERROR, f"{facts.tool} metadata", doubt.en), doubt)
    else:
        yield ok("", current, reference)


def _doubt(facts: Facts, thresholds: AdvisoryThresholds, past: Past[Facts]) -> Text | None:
    if facts.knows_installed is False:
        return Text(
            "软件源不提供安全公告数据（例如 CentOS），无法判定是否缺少安全更新。",
            "The repositories carry no security advisories (CentOS has none): nobody can tell"
            " whether security updates are missing.",
        )
    if facts.metadata_updated_at is None:
        return Text(
            "软件源元数据的日期未知，无法判定是否缺少安全更新。",
            "The age of the repository metadata is not known: nobody can tell whether security"
            " updates are missing.",
        )
    age = (past.observed_at - facts.metadata_updated_at).total_seconds() / 86400
    if age <= thresholds.metadata_days:
        return None
    return Text(
        "软件源元数据是 {days}前的，无法判定此后是否有新的安全公告。",
        "The repository metadata are {days} old: nobody can tell what came after them.",
    ).format(days=days(age))


CHECK = Check(
    title=Text("系统更新（dnf/yum）", "Updates (dnf, yum)"),
    chapter=Chapter.PATCH,
    facts=Facts,
    probe=probe,
    measures=measures,
    reads=(
        "dnf -C -q updateinfo list --security (or dnf5; yum: security)",
        "dnf -C -q updateinfo list --installed --security",
        *(f"{pattern} (dates)" for pattern in METADATA),
    ),
    privilege=Text("root（使用系统的软件源缓存）", "root (the cache of other users is their own)"),
    heavy=True,
    deadline_seconds=150,
    agentless=True,
    rules=(
        Rule(
            "PAT-LNX-002",
            Text("待安装的安全公告（dnf/yum）", "Pending security advisories (dnf, yum)"),
            why=Text(
                "未安装“严重”“重要”级别安全公告对应的更新，服务器会暴露在已公开、可被利用的漏洞之下。",
                "Without the updates of critical and important advisories the server stays open to"
                " holes that are public and used.",
            ),
            remedy=Text(
                "先备份并在测试环境验证，再在维护窗口执行 dnf makecache 和 "
                "dnf upgrade --security（yum：yum update --security），必要时重启；"
                "软件源没有安全公告或无法联网时，请配置带 updateinfo 的内网镜像源。",
                "Back up, try it on a test system, run dnf makecache and dnf upgrade --security"
                " (yum update --security) in a maintenance window and restart if needed; where the"
                " repositories carry no advisories, use a mirror with updateinfo.",
            ),
            priority=1,
            thresholds=AdvisoryThresholds,
            evaluate=advisories,
        ),
    ),
)
