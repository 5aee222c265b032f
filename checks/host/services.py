"""System services: failed units, units that must run, and services that crash again and again."""

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
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    grade,
    limit,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.errors import ToolMissing, UnexpectedOutput, Unsupported, part
from checks.wording import count, days

MOST_ASKED = 200


class Unit(Struct, frozen=True):
    """One unit as `systemctl list-units` shows it."""

    name: str
    load: str
    active: str
    sub: str


class Restarts(Struct, frozen=True):
    """How often systemd restarted a service by itself since it was started."""

    name: str
    count: int


class Facts(Struct, frozen=True):
    """Every loaded service, every failed unit, and the services that were restarted."""

    units: tuple[Unit, ...]
    restarts: tuple[Restarts, ...] | Failure


def probe(host: Host) -> Facts:
    """List the units and ask the running services for their restarts.

    Raise Unsupported where systemd is not the init system, as in most containers.
    """
    if not host.exists("/run/systemd/system"):
        raise Unsupported("systemd", "systemd is not the init system of this host")
    try:
        listing = host.run(
            "systemctl", "list-units", "--all", "--full", "--plain", "--no-legend", "--no-pager"
        )
    except ToolMissing as error:
        raise Unsupported("systemd", "systemctl is not installed") from error
    units = parse_units(listing.text)
    asked = [
        unit.name
        for unit in units
        if unit.name.endswith(".service") and unit.active != "inactive" and unit.sub != "exited"
    ]
    return Facts(units, part(lambda: _restarts(host, asked[:MOST_ASKED])))


def parse_units(text: str) -> tuple[Unit, ...]:
    """Read `systemctl list-units --plain --no-legend`; older ones still mark failed units."""
    units = []
    for line in text.splitlines():
        fields = line.split()
        if fields and fields[0] in ("*", "●", "○", "×"):
            del fields[0]
        if not fields:
            continue
        if len(fields) < 4 or "." not in fields[0]:
            raise UnexpectedOutput("systemctl", line[:100])
        name, load, active, sub = (field[:255] for field in fields[:4])
        if active == "failed" or (name.endswith(".service") and load == "loaded"):
            units.append(Unit(name, load, active, sub))
    if not units:
        raise UnexpectedOutput("systemctl", "no units are listed")
    return tuple(units)


def _restarts(host: Host, names: list[str]) -> tuple[Restarts, ...]:
    if not names:
        return ()
    shown = host.run("systemctl", "show", "--property=Id,NRestarts", "--no-pager", *names)
    return parse_restarts(shown.text)


def parse_restarts(text: str) -> tuple[Restarts, ...]:
    """Read the blocks of `systemctl show --property=Id,NRestarts`; only counts above 0 are kept.

    Raise Unsupported for systemd before 235, which does not count.
    """
    if text.strip() and "NRestarts=" not in text:
        raise Unsupported("NRestarts", "systemd before version 235")
    found = []
    for block in text.split("\n\n"):
        rows = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        number = rows.get("NRestarts", "0")
        if not (number.isascii() and number.isdigit()) or len(number) > 10:
            raise UnexpectedOutput("systemctl", f"NRestarts={number[:50]}")
        if int(number):
            found.append(Restarts(rows.get("Id", "")[:255], int(number)))
    return tuple(found)


def measures(facts: Facts) -> Iterator[Measure]:
    """Keep the number of failed units."""
    failed = sum(unit.active == "failed" for unit in facts.units)
    yield Measure("failed_units", "", float(failed))


class FailedThresholds(Thresholds, frozen=True):
    """Which units have to run."""

    required: Annotated[
        tuple[str, ...],
        limit("unit names", "OWN: per customer; a missing .service suffix is added"),
    ] = ()
    ignored: Annotated[tuple[str, ...], limit("unit names", "OWN: failures known as harmless")] = ()


def failed(facts: Facts, thresholds: FailedThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge failed units, and the units that the policy requires."""
    required = {
        name if name.rpartition(".")[1] else f"{name}.service" for name in thresholds.required
    }
    reference = Text("无失败单元", "no failed unit")
    bad = [
        unit
        for unit in facts.units
        if unit.active == "failed" and unit.name not in {*required, *thresholds.ignored}
    ]
    for unit in bad:
        yield warning(
            unit.name,
            Text(f"失败（{unit.sub}）", f"failed ({unit.sub})"),
            reference,
            Text(
                f"{unit.name} 处于失败状态（{unit.active}/{unit.sub}），其功能已停止。",
                f"{unit.name} has failed ({unit.active}/{unit.sub}); what it does has stopped.",
            ),
        )
    if not bad:
        yield ok("", count(0, "个失败单元", "failed units"), reference)
    by_name = {unit.name: unit for unit in facts.units}
    for name in sorted(required):
        yield _required(name, by_name.get(name))


def _required(name: str, unit: Unit | None) -> Verdict:
    reference = Text("必须运行", "has to run")
    if unit is not None and unit.active == "active":
        return ok(name, Text.same(f"{unit.active}/{unit.sub}"), reference)
    state = Text("未安装或未加载", "not installed or not loaded")
    if unit is not None:
        state = Text.same(f"{unit.active}/{unit.sub}")
    message = Text(
        "必须运行的服务 {name} 没有运行：{state}。", "{name} has to run and does not: {state}."
    ).format(name=name, state=state)
    return critical(name, state, reference, message)


class RestartThresholds(Thresholds, frozen=True):
    """How often a service may be restarted by systemd within 7 days."""

    warning_restarts: Annotated[float, limit("1/7 d", "MIX: above 2 is a crash loop")] = 3
    critical_restarts: Annotated[float, limit("1/7 d", "OWN")] = 10


WEEK_SECONDS = 7 * 86400.0


def crash_loops(
    facts: Facts, thresholds: RestartThresholds, past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge restarts since the previous inspection, brought to 7 days where that is longer ago."""
    if isinstance(facts.restarts, Failure):
        yield not_run("", facts.restarts)
        return
    services = [unit for unit in facts.units if unit.name.endswith(".service")]
    if not services:
        yield not_applicable("", Text("本机没有系统服务。", "There are no services here."))
        return
    reference = Text("7 天内少于 {n} 次", "fewer than {n} in 7 days").format(
        n=f"{thresholds.warning_restarts:g}"
    )
    looping = {unit.name for unit in services if unit.sub == "auto-restart"}
    now = {entry.name: entry.count for entry in facts.restarts}
    before = _before(past)
    bad = []
    for name in sorted({*looping, *now}):
        total = now.get(name, 0)
        fresh = total if before is None else total - before.get(name, 0)
        # A smaller count than before: the service was started anew, its count began at 0.
        fresh = total if fresh < 0 else fresh
        elapsed = past.elapsed_seconds if before is not None else None
        weekly = fresh * WEEK_SECONDS / max(elapsed or 0, WEEK_SECONDS)
        state = grade(weekly, thresholds.warning_restarts, thresholds.critical_restarts)
        if elapsed is None and state is State.CRITICAL:
            state = State.WARNING  # Since when is not known: the first reading of this boot.
        if name in looping:
            state = State.CRITICAL
        if state is not State.OK:
            bad.append(Verdict(name, state, _times(fresh, elapsed), reference, _why(name, looping)))
    yield from bad
    if not bad:
        most = max(now.values(), default=0)
        yield ok(
            "",
            Text(f"最多 {most} 次（自服务启动）", f"at most {most} since service start"),
            reference,
        )


def _before(past: Past[Facts]) -> dict[str, int] | None:
    if not past.same_boot or past.previous is None or isinstance(past.previous.restarts, Failure):
        return None
    return {entry.name: entry.count for entry in past.previous.restarts}


def _times(fresh: int, elapsed_seconds: float | None) -> Text:
    if elapsed_seconds is None:
        return Text(f"自服务启动以来 {fresh} 次", f"{fresh} since the service was started")
    return Text("近 {days}内 {n} 次", "{n} within {days}").format(
        days=days(elapsed_seconds / 86400), n=fresh
    )


def _why(name: str, looping: set[str]) -> Text:
    if name in looping:
        return Text(
            f"{name} 正在反复崩溃并被 systemd 自动重启。",
            f"{name} is crashing and being restarted by systemd right now.",
        )
    return Text(
        f"{name} 反复异常退出并被 systemd 自动重启。",
        f"{name} has ended unexpectedly and been restarted by systemd again and again.",
    )


CHECK = Check(
    title=Text("系统服务", "Services"),
    chapter=Chapter.HOST,
    facts=Facts,
    probe=probe,
    measures=measures,
    reads=("systemctl list-units --all", "systemctl show --property=Id,NRestarts"),
    agentless=True,
    rules=(
        Rule(
            "OS-SVC-001",
            Text("失败的服务单元", "Failed units"),
            why=Text(
                "服务失败后其功能会悄悄停止，例如备份、日志轮转或数据库未启动，"
                "往往到需要时才被发现。",
                "When a unit fails, what it does stops silently: a backup, a log rotation, a"
                " database. It is often noticed only when it is needed.",
            ),
            remedy=Text(
                "用 systemctl status 单元名 和 journalctl -u 单元名 -b 查明原因，修复后执行 "
                "systemctl restart 单元名；确已不用的单元用 systemctl disable --now 停用，"
                "再执行 systemctl reset-failed。",
                "Find the cause with systemctl status UNIT and journalctl -u UNIT -b, repair and"
                " restart it; disable what is not used (systemctl disable --now UNIT), then"
                " systemctl reset-failed.",
            ),
            priority=1,
            thresholds=FailedThresholds,
            evaluate=failed,
        ),
        Rule(
            "OS-SVC-002",
            Text("反复崩溃的服务", "Crash loops"),
            why=Text(
                "服务反复崩溃又被自动拉起，表面可用，实际会丢失请求和数据，并预示着更大的故障。",
                "A service that crashes and is restarted looks available but loses requests and"
                " data, and announces a larger failure.",
            ),
            remedy=Text(
                "用 journalctl -u 服务名 --since '-7 days' 查看每次退出的原因（内存不足、配置错误、"
                "端口占用等），修复根因；必要时联系软件厂商并附上日志。",
                "Read why it ended each time (journalctl -u SERVICE --since '-7 days': memory,"
                " settings, a taken port) and repair the cause; send the log to its vendor if"
                " needed.",
            ),
            priority=2,
            thresholds=RestartThresholds,
            evaluate=crash_loops,
        ),
    ),
)
