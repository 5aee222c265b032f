"""The clock: its offset from a time server, and the service that keeps it right."""

import re
from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Host,
    Measure,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    grade,
    limit,
    not_run,
    ok,
    warning,
)
from checks.errors import ProbeError, ToolMissing, UnexpectedOutput
from checks.wording import duration
from wire.messages import Reason

UNSYNCHRONISED_STRATUM = 16


class Facts(Struct, frozen=True):
    """What the time service says of itself."""

    service: str
    """`chronyd`, `ntpd`, `systemd-timesyncd`; empty where none answers."""
    source: str = ""
    """The time server that the clock follows; empty where none is selected."""
    stratum: int = UNSYNCHRONISED_STRATUM
    """16 is RFC 5905's mark for a clock that follows nobody."""
    offset_seconds: float | None = None
    refusals: tuple[str, ...] = ()
    """What the tools said that were asked without success."""


def probe(host: Host) -> Facts:
    """Ask chrony, then ntpd, then systemd-timesyncd; the first that answers is the service."""
    refusals: list[str] = []
    missing: list[str] = []
    # timedatectl says nothing where systemd does not run.
    booted = host.exists("/run/systemd/system")
    for read in (_chrony, _ntpd, _timesyncd) if booted else (_chrony, _ntpd):
        try:
            return read(host)
        except ToolMissing as error:
            missing.append(error.subject)
        except ProbeError as error:
            refusals.append(" ".join(str(error).split())[:120])
    if not refusals:
        raise ToolMissing(", ".join(missing))
    return Facts("", refusals=tuple(refusals))


def _chrony(host: Host) -> Facts:
    # Exit code 1 comes with the reason as text: 506 Cannot talk to daemon.
    answer = host.run("chronyc", "-c", "tracking", timeout_seconds=5, exit_codes=(0, 1))
    return parse_chrony(answer.text)


def parse_chrony(text: str) -> Facts:
    """Read `chronyc -c tracking`: 14 fields, the offset of the system clock is the fifth."""
    fields = text.strip().split(",")
    try:
        name, stratum, offset = fields[1], int(fields[2]), float(fields[4])
    except (IndexError, ValueError) as error:
        raise UnexpectedOutput("chronyc", text.strip()[:100]) from error
    if not name or not 0 < stratum < UNSYNCHRONISED_STRATUM:
        return Facts("chronyd")
    return Facts("chronyd", name, stratum, offset)


def _ntpd(host: Host) -> Facts:
    return parse_ntpq(host.run("ntpq", "-pn", timeout_seconds=5).text)


def parse_ntpq(text: str) -> Facts:
    """Read `ntpq -pn`: the peer marked `*` or `o` is followed; offsets are in milliseconds."""
    if "refid" not in text and "association" not in text.lower():
        raise UnexpectedOutput("ntpq", text[:100])
    for line in text.splitlines():
        fields = line[1:].split()
        if line[:1] in ("*", "o") and len(fields) >= 10:
            try:
                return Facts("ntpd", fields[0], int(fields[2]), float(fields[8]) / 1000)
            except ValueError as error:
                raise UnexpectedOutput("ntpq", line[:100]) from error
    return Facts("ntpd")


def _timesyncd(host: Host) -> Facts:
    return parse_timesync(host.run("timedatectl", "timesync-status", timeout_seconds=5).text)


def parse_timesync(text: str) -> Facts:
    """Read `timedatectl timesync-status`: `Server`, `Stratum` and `Offset: +1.048ms`."""
    rows = {key.strip(): value.strip() for key, _, value in _pairs(text)}
    if "Server" not in rows:
        raise UnexpectedOutput("timedatectl", text[:100])
    service = "systemd-timesyncd"
    try:
        stratum = int(rows.get("Stratum", UNSYNCHRONISED_STRATUM))
    except ValueError as error:
        raise UnexpectedOutput("timedatectl", rows["Stratum"][:100]) from error
    if "Offset" not in rows:
        return Facts(service)
    return Facts(service, rows["Server"][:255], stratum, _span_seconds(rows["Offset"]))


def _pairs(text: str) -> Iterator[tuple[str, str, str]]:
    return (line.partition(": ") for line in text.splitlines())


_UNIT_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def _span_seconds(span: str) -> float:
    """Return systemd's time span: `-1min 3.5s` → -63.5."""
    parts = re.findall(r"([\d.]+)(us|ms|s|min|h|d)\b", span)
    try:
        total = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)
    except ValueError as error:
        raise UnexpectedOutput("timedatectl", span[:100]) from error
    if not parts:
        raise UnexpectedOutput("timedatectl", span[:100])
    return -total if span.startswith("-") else total


def measures(facts: Facts) -> Iterator[Measure]:
    """Keep the offset."""
    if facts.offset_seconds is not None:
        yield Measure("offset_seconds", "", facts.offset_seconds)


class OffsetThresholds(Thresholds, frozen=True):
    """How far the clock may be off, in either direction."""

    warning_offset_seconds: Annotated[
        float, limit("s", "OWN 1 s; CPG timesync 2 s; OBD, MIX 0.05 s for database clusters")
    ] = 1
    critical_offset_seconds: Annotated[float, limit("s", "MP check_ntp_time 60 s; GSC 60 s")] = 60


def offset(facts: Facts, thresholds: OffsetThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the distance of the clock from the time server that it follows."""
    if facts.offset_seconds is None:
        failure = Failure(Reason.UNREACHABLE, "NTP", "; ".join(facts.refusals))
        yield not_run(
            "",
            failure,
            Text(
                "没有可用的时间源，无法得知时钟偏差。",
                "No time source is followed, so the offset is not known.",
            ),
        )
        return
    away = abs(facts.offset_seconds)
    state = grade(away, thresholds.warning_offset_seconds, thresholds.critical_offset_seconds)
    reference = Text("小于 {limit}", "under {limit}").format(
        limit=duration(thresholds.warning_offset_seconds)
    )
    current = duration(facts.offset_seconds)
    message = Text(
        "系统时钟与时间源 {source} 相差 {away}。",
        "The clock is {away} away from the time source {source}.",
    ).format(source=facts.source, away=duration(away))
    yield Verdict("", state, current, reference, None if state.value == "ok" else message)


class ServiceThresholds(Thresholds, frozen=True):
    """The farthest time server that still counts."""

    warning_stratum: Annotated[
        int, limit("stratum", "LYN TIME-3116: 16 is unsynchronised (RFC 5905)")
    ] = UNSYNCHRONISED_STRATUM


def service(facts: Facts, thresholds: ServiceThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether a time service runs and follows a reachable source."""
    reference = Text("运行中且有可达时间源", "running, with a reachable source")
    if not facts.service:
        yield warning(
            "",
            Text("未运行", "not running"),
            reference,
            Text(
                "没有时间同步服务应答（{tried}），时钟会逐渐走偏。",
                "No time service answers ({tried}): the clock drifts.",
            ).format(tried="; ".join(facts.refusals) or "chronyd, ntpd, systemd-timesyncd"),
        )
    elif not facts.source or facts.stratum >= thresholds.warning_stratum:
        yield warning(
            "",
            Text(f"{facts.service}，未同步", f"{facts.service}, not synchronised"),
            reference,
            Text(
                "{service} 在运行，但没有选中可达的时间源（层级 {stratum}）。",
                "{service} runs but follows no reachable source (stratum {stratum}).",
            ).format(service=facts.service, stratum=facts.stratum),
        )
    else:
        yield ok("", Text.same(f"{facts.service} ← {facts.source} ({facts.stratum})"), reference)


CHECK = Check(
    title=Text("时钟与时间同步", "Clock and time service"),
    chapter=Chapter.HOST,
    facts=Facts,
    probe=probe,
    measures=measures,
    reads=("chronyc -c tracking", "ntpq -pn", "timedatectl timesync-status"),
    agentless=True,
    rules=(
        Rule(
            "OS-TIM-001",
            Text("时钟偏差", "Clock offset"),
            why=Text(
                "时钟不准会使单据日期、日志和备份时间出错，偏差超过 5 分钟时"
                "域登录（Kerberos）会失败。",
                "A wrong clock gives wrong posting dates, logs and backup times; beyond 5 minutes"
                " domain sign-in (Kerberos) fails.",
            ),
            remedy=Text(
                "核对 chronyc sources -v 或 ntpq -p 中的时间源，先在业务空闲时执行 "
                "chronyc makestep 校正，再确认偏差持续小于 1 秒；"
                "数据库集群各节点须使用同一时间源。",
                "Check the sources with chronyc sources -v or ntpq -p, step the clock with chronyc"
                " makestep while the application is idle, and let all nodes of a database cluster"
                " follow one source.",
            ),
            priority=1,
            thresholds=OffsetThresholds,
            evaluate=offset,
        ),
        Rule(
            "OS-TIM-002",
            Text("时间同步服务", "Time service"),
            why=Text(
                "没有时间同步，服务器之间的时间会逐渐拉开，跨系统对账和故障排查都会失去依据。",
                "Without a time service the servers drift apart: reconciliation and fault analysis"
                " lose their ground.",
            ),
            remedy=Text(
                "安装并启用 chrony（systemctl enable --now chronyd；Debian/Ubuntu 为 chrony），"
                "在 chrony.conf 中配置内网或公网时间服务器（如 ntp.aliyun.com），"
                "并放行 UDP 123 端口。",
                "Install and enable chrony (systemctl enable --now chronyd, on Debian/Ubuntu"
                " chrony), name an internal or public time server in chrony.conf and let UDP 123"
                " through the firewall.",
            ),
            priority=1,
            thresholds=ServiceThresholds,
            evaluate=service,
        ),
    ),
)
