"""Whether installed updates wait for a restart of a Windows host.

Run on documented output only: no Windows host was at hand when this was written. The registry is
asked by reg.exe, for keys above those that matter: whether one of these is there is read from a
listing, because reg.exe ends with 1 for a key that is not there as for one that is refused, and
says which in the language of the system.
"""

from collections.abc import Iterator
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
    info,
    limit,
    not_run,
    ok,
)
from checks.errors import UnexpectedOutput, part
from checks.patch._waiting import wanted_since
from checks.wording import days
from wire.messages import Failure

_CURRENT = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion"
SERVICING = rf"{_CURRENT}\Component Based Servicing"
UPDATES = rf"{_CURRENT}\WindowsUpdate\Auto Update"
SESSIONS = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager"


class Facts(Struct, frozen=True):
    """Is a restart asked for, and by whom."""

    servicing: bool | Failure
    """By the component store: an update is half installed."""
    updates: bool | Failure
    """By Windows Update."""
    renames: bool | Failure
    """By a program that has files to be renamed at the next start: also an installer's."""


def probe(host: Host) -> Facts:
    """List three keys of the registry and look for what stands in them."""
    return Facts(
        part(lambda: _has_key(_listed(host, SERVICING), "RebootPending")),
        part(lambda: _has_key(_listed(host, UPDATES), "RebootRequired")),
        part(lambda: _has_value(_listed(host, SESSIONS), "PendingFileRenameOperations")),
    )


def _listed(host: Host, key: str) -> list[str]:
    lines = host.run("reg", "query", key).text.splitlines()
    if not any(line.upper().startswith("HKEY_LOCAL_MACHINE\\") for line in lines):
        raise UnexpectedOutput("reg", " ".join(lines)[:200])
    return lines


def _has_key(lines: list[str], name: str) -> bool:
    return any(line.strip().rpartition("\\")[2].lower() == name.lower() for line in lines)


def _has_value(lines: list[str], name: str) -> bool:
    return any(line.split()[:1] == [name] for line in lines)


def measures(facts: Facts) -> Iterator[Measure]:
    """Keep whether updates ask for a restart: so it is known since when."""
    if True in (facts.servicing, facts.updates):
        yield Measure("reboot_required", "", 1.0)
    elif facts.servicing is False and facts.updates is False:
        yield Measure("reboot_required", "", 0.0)


class RebootThresholds(Thresholds, frozen=True):
    """How long a restart may wait."""

    critical_waiting_days: Annotated[
        float, limit("d", "catalogue PAT-WIN-004; LYN KRNL-5830 analogue")
    ] = 30


def reboot(facts: Facts, thresholds: RebootThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether, and since when, updates need a restart; renames alone are worth reading."""
    reference = Text("无需重启", "no restart needed")
    needed = Text("需要重启", "restart needed")
    if True in (facts.servicing, facts.updates):
        since = wanted_since(past)
        waiting = (past.observed_at - since).total_seconds() / 86400 if since else 0.0
        late = waiting > thresholds.critical_waiting_days
        message = Text(
            "已安装的 Windows 更新需要重启才能生效{since}。",
            "Installed updates of Windows need a restart to take effect{since}.",
        ).format(
            since=Text("，已等待 {days}", ", waiting for {days}").format(days=days(waiting))
            if waiting >= 1
            else Text("", "")
        )
        yield Verdict("", State.CRITICAL if late else State.WARNING, needed, reference, message)
        return
    for reading in (facts.servicing, facts.updates, facts.renames):
        if isinstance(reading, Failure):
            yield not_run("", reading)
            return
    if facts.renames:
        message = Text(
            "有程序登记了下次启动时的文件替换，可能是安装程序留下的；更新本身不要求重启。",
            "A program has files to be replaced at the next start, perhaps an installer; the"
            " updates themselves ask for no restart.",
        )
        yield info("", Text("有待替换的文件", "files to be replaced"), reference, message)
        return
    yield ok("", reference, reference)


CHECK = Check(
    title=Text("待重启（Windows）", "Restart needed (Windows)"),
    chapter=Chapter.PATCH,
    facts=Facts,
    probe=probe,
    measures=measures,
    reads=tuple(f"reg query {key}" for key in (SERVICING, UPDATES, SESSIONS)),
    systems=("windows",),
    # PowerShell takes seconds to start on a busy host, three times.
    deadline_seconds=60,
    agentless=True,
    rules=(
        Rule(
            "PAT-WIN-004",
            Text("更新后待重启", "Restart after updates"),
            why=Text(
                "Windows 更新在重启前不生效，漏洞仍然存在；未完成的更新还会阻挡后续补丁的安装。",
                "Updates of Windows take effect only after a restart: until then the holes stay"
                " open, and a half installed update keeps later ones out.",
            ),
            remedy=Text(
                "安排维护窗口：确认备份可用，按顺序停止业务和数据库，重启后检查自动启动的服务、"
                "事件日志和业务功能，再确认更新历史中没有失败项。",
                "Schedule a restart: check the backup, stop application and database in order;"
                " afterwards check the services that start by themselves, the event log and the"
                " application, and that the history of updates shows no failure.",
            ),
            priority=2,
            thresholds=RebootThresholds,
            evaluate=reboot,
        ),
    ),
)
