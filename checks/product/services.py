"""APP-001: services and processes of the product run, and come back after a restart."""

import re
from collections.abc import Iterator
from functools import partial

from checks.api import (
    Chapter,
    Check,
    Failure,
    Host,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    not_run,
    ok,
    warning,
)
from checks.errors import part
from checks.product_packs import Part, Process
from checks.products import Product, require
from checks.wording import count
from wire.messages import Count, Label

_NO_SUCH_SERVICE = 1060
_BY_ITSELF = ("enabled", "enabled-runtime", "static", "indirect", "generated", "alias", "linked")
_STATE = re.compile(r":\s*(\d+)\s+([A-Z_]+)")


class Service(Struct, frozen=True):
    """One service of the operating system."""

    name: Label
    installed: bool
    running: bool
    state: Label
    """In the system's word."""
    automatic: bool
    """Whether it comes back after a restart."""


class Unread(Struct, frozen=True):
    """A service that could not be asked for."""

    name: Label
    failure: Failure


class Running(Struct, frozen=True):
    """How many processes there are of those that must run."""

    name: Label
    wanted: Count
    found: Count


class Facts(Struct, frozen=True):
    """Services and processes of one installation."""

    services: tuple[Service, ...]
    unread: tuple[Unread, ...]
    processes: tuple[Running, ...]


def probe(product: Product) -> Facts:
    """Ask for each service and count processes. Raise a ProbeError where none is declared."""
    declared = product.declaration
    require(product, Part.SERVICES, declared.services or declared.processes)
    services: list[Service] = []
    unread: list[Unread] = []
    for name in declared.services:
        read = part(partial(service, product.host, name))
        if isinstance(read, Failure):
            unread.append(Unread(name, read))
        else:
            services.append(read)
    processes = tuple(
        Running(_shown(process), process.least, product.running(process))
        for process in declared.processes
    )
    return Facts(tuple(services), tuple(unread), processes)


def service(host: Host, name: str) -> Service:
    """Ask systemd, or the service control manager of Windows. Raise a ProbeError."""
    return _of_windows(host, name) if host.system == "windows" else _of_systemd(host, name)


def _of_systemd(host: Host, name: str) -> Service:
    properties = "--property=LoadState,ActiveState,UnitFileState"
    told = host.run("systemctl", "show", properties, "--no-pager", "--", name)
    values = dict(line.partition("=")[::2] for line in told.text.splitlines() if "=" in line)
    active = values.get("ActiveState", "")
    return Service(
        name,
        installed=values.get("LoadState", "not-found") != "not-found",
        running=active in ("active", "reloading"),
        state=active,
        automatic=values.get("UnitFileState", "") in _BY_ITSELF,
    )


def _of_windows(host: Host, name: str) -> Service:
    asked = host.run("sc.exe", "query", name, exit_codes=(0, _NO_SUCH_SERVICE))
    if asked.exit_code == _NO_SUCH_SERVICE:
        return Service(name, installed=False, running=False, state="", automatic=False)
    configured = host.run("sc.exe", "qc", name).text
    state = _after(asked.text, "STATE")
    # 4 RUNNING; 2 AUTO_START, 0 and 1 are of drivers (documentation of sc.exe).
    return Service(
        name,
        installed=True,
        running=state[0] == "4",
        state=state[1],
        automatic=_after(configured, "START_TYPE")[0] in ("0", "1", "2"),
    )


def _after(text: str, key: str) -> tuple[str, str]:
    for line in text.splitlines():
        if line.strip().startswith(key) and (found := _STATE.search(line)):
            return found[1], found[2]
    return "", ""


def _shown(process: Process) -> str:
    return f"{process.name} ({process.argument})" if process.argument else process.name


_RUNNING = Text("运行中，开机自动启动", "running, started at boot")


def evaluate(facts: Facts, _thresholds: Thresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge each service and each process that the pack names."""
    for each in facts.services:
        yield _of_service(each)
    for unread in facts.unread:
        yield not_run(unread.name, unread.failure)
    for running in facts.processes:
        yield _of_processes(running)


def _of_service(each: Service) -> Verdict:
    name = each.name
    if not each.installed:
        message = Text(f"本机没有服务 {name}。", f"There is no service {name} on this host.")
        return critical(name, Text("未安装", "not installed"), _RUNNING, message)
    current = Text.same(each.state)
    if not each.running:
        message = Text(
            f"服务 {name} 未运行（{each.state}）。", f"{name} does not run ({each.state})."
        )
        return critical(name, current, _RUNNING, message)
    if not each.automatic:
        message = Text(
            f"服务 {name} 正在运行，但不会随系统启动：重启服务器后用户将无法使用。",
            f"{name} runs but is not started at boot: after a restart nobody can work.",
        )
        return warning(name, Text("运行中，手动启动", "running, by hand"), _RUNNING, message)
    return ok(name, current, _RUNNING)


def _of_processes(running: Running) -> Verdict:
    current = count(running.found, "个", "running")
    reference = Text(f"≥{running.wanted} 个", f"at least {running.wanted}")
    if running.found >= running.wanted:
        return ok(running.name, current, reference)
    message = Text(
        f"进程 {running.name} 只有 {running.found} 个，应至少有 {running.wanted} 个。",
        f"{running.found} processes of {running.name} run; there must be {running.wanted}.",
    )
    return critical(running.name, current, reference, message)


CHECK = Check(
    title=Text("应用服务与进程", "Services and processes of the product"),
    chapter=Chapter.PRODUCT,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="product",
    reads=("systemctl show", "sc.exe query, sc.exe qc", "names of processes"),
    rules=(
        Rule(
            code="APP-001",
            title=Text("应用服务运行状态", "Services of the product run"),
            why=Text(
                "应用服务停止，用户就无法登录；未设为自动启动的服务会在服务器重启后停着。",
                "While a service is down users can't work; one that is started by hand stays down "
                "after a restart.",
            ),
            remedy=Text(
                "启动服务并查看其日志中停止的原因；将启动方式设为自动"
                "（systemctl enable --now 服务名，或 sc config 服务名 start= auto）。",
                "Start the service and read in its log why it stopped; have it started at boot "
                "(systemctl enable --now NAME, or sc config NAME start= auto).",
            ),
            priority=1,
            thresholds=Thresholds,
            evaluate=evaluate,
            owner=Owner.APPLICATION_CONSULTANT,
        ),
    ),
)
