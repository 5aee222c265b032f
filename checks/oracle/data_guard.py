"""Oracle: how far a standby is behind, and whether it applies redo.

From the reference (11.2 to 23ai); no Oracle has run these queries for us yet.
"""

import re
from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    not_applicable,
    not_run,
    ok,
)
from checks.databases import Database
from checks.errors import UnexpectedOutput, part
from checks.judging import judged, missing
from checks.wording import duration
from wire.messages import Reason

ROLE = "SELECT database_role AS role FROM v$database"
LAGS = """
SELECT name AS name, value AS value FROM v$dataguard_stats
WHERE name IN ('transport lag', 'apply lag')
"""
RECOVERY = "SELECT COUNT(*) AS processes FROM v$dataguard_process WHERE name LIKE 'MRP%'"
RECOVERY_11 = "SELECT COUNT(*) AS processes FROM v$managed_standby WHERE process LIKE 'MR%'"
_PROCESSES_FROM = (12, 2)
_INTERVAL = re.compile(r"([+-]?)(\d+) (\d+):(\d+):(\d+)(?:\.\d+)?")


class RoleRow(Struct, frozen=True):
    """PRIMARY, PHYSICAL STANDBY and so on."""

    role: str


class LagRow(Struct, frozen=True):
    """One lag as the server writes it: `+00 00:01:03`."""

    name: str
    value: str | None = None


class ProcessRow(Struct, frozen=True):
    """How many processes apply redo."""

    processes: int


class Lag(Struct, frozen=True):
    """One lag; None where the standby doesn't know it."""

    name: str
    seconds: float | None = None


class Facts(Struct, frozen=True):
    """One side of Data Guard."""

    role: str
    lags: tuple[Lag, ...] | Failure = ()
    applying: bool | Failure = True
    """Of a physical standby: a managed recovery process runs."""


def probe(database: Database) -> Facts:
    """Ask a standby for its lags. Raise a ProbeError."""
    roles = database.rows(ROLE, RoleRow)
    if not roles:
        raise UnexpectedOutput("v$database", "no row")
    role = roles[0].role
    if role not in ("PHYSICAL STANDBY", "LOGICAL STANDBY"):
        return Facts(role)
    lags = part(lambda: tuple(_lag(row) for row in database.rows(LAGS, LagRow)))
    if role == "LOGICAL STANDBY":
        return Facts(role, lags)
    query = RECOVERY if database.version >= _PROCESSES_FROM else RECOVERY_11
    applying = part(lambda: any(row.processes for row in database.rows(query, ProcessRow)))
    return Facts(role, lags, applying)


def _lag(row: LagRow) -> Lag:
    if not row.value:
        return Lag(row.name)
    found = _INTERVAL.fullmatch(row.value.strip())
    if found is None:
        raise UnexpectedOutput("v$dataguard_stats", row.value[:100])
    sign = -1 if found[1] == "-" else 1
    day, hour, minute, second = (int(found[index]) for index in range(2, 6))
    return Lag(row.name, float(sign * (((day * 24 + hour) * 60 + minute) * 60 + second)))


_NAMES = {
    "transport lag": Text("传输延迟", "transport lag"),
    "apply lag": Text("应用延迟", "apply lag"),
}


class LagThresholds(Thresholds, frozen=True):
    """Of transport and apply."""

    warning_minutes: Annotated[float, limit("min", "COH 60")] = 60
    critical_minutes: Annotated[float, limit("min", "COH 120")] = 120


def standby(facts: Facts, thresholds: LagThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the lags, and that redo is applied."""
    if not facts.role.endswith("STANDBY") or facts.role == "SNAPSHOT STANDBY":
        why = Text(f"本库角色为 {facts.role}，不是备库。", f"This is a {facts.role}, no standby.")
        yield not_applicable("", why)
        return
    if isinstance(facts.lags, Failure):
        yield from missing(facts.lags)
    elif not facts.lags:
        yield not_run("", Failure(Reason.UNSUPPORTED, "v$dataguard_stats"))
    else:
        for lag in facts.lags:
            yield _lagging(lag, thresholds)
    if facts.role == "PHYSICAL STANDBY":
        yield _applying(facts.applying)


def _lagging(lag: Lag, thresholds: LagThresholds) -> Verdict:
    if lag.seconds is None:
        message = Text(
            f"备库没有给出 {lag.name}：它可能从未收到主库的日志。",
            f"The standby knows no {lag.name}: it may never have received redo.",
        )
        return not_run(lag.name, Failure(Reason.UNSUPPORTED, lag.name), message)
    message = Text("备库的{name}为 {lag}。", "The standby's {name} is {lag}.").format(
        name=_NAMES.get(lag.name, Text.same(lag.name)), lag=duration(lag.seconds)
    )
    return judged(
        lag.name,
        lag.seconds,
        thresholds.warning_minutes * 60,
        thresholds.critical_minutes * 60,
        show=duration,
        message=message,
    )


def _applying(applying: bool | Failure) -> Verdict:
    if isinstance(applying, Failure):
        return not_run("apply", applying)
    wanted = Text("MRP 运行中", "MRP runs")
    if applying:
        return ok("apply", wanted, wanted)
    message = Text(
        "备库没有 MRP 进程，日志不再应用。",
        "No MRP process runs on the standby: redo isn't applied.",
    )
    return critical("apply", Text("未运行", "not running"), wanted, message)


CHECK = Check(
    title=Text("Oracle Data Guard", "Oracle standby (Data Guard)"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="oracle",
    reads=("v$database, v$dataguard_stats", "v$dataguard_process (12.2), v$managed_standby"),
    privilege=Text(
        "CREATE SESSION，以及对上述视图（V_$…）的 SELECT；备库处于 MOUNT 状态时"
        "只有 SYSDG 等管理权限能登录",
        "CREATE SESSION, and SELECT on these views (V_$…); where the standby is mounted only, "
        "only administrative rights like SYSDG can sign in",
    ),
    rules=(
        Rule(
            code="ORA-015",
            title=Text("Data Guard 延迟与应用", "Lag and apply of Data Guard"),
            why=Text(
                "备库落后越多，切换时丢失的数据越多；不应用日志的备库等于没有。",
                "What the standby lacks is lost at a failover; one that applies nothing is none.",
            ),
            remedy=Text(
                "检查网络和归档目标状态；ALTER DATABASE RECOVER MANAGED STANDBY DATABASE "
                "DISCONNECT 启动应用；有断档先补齐归档日志。",
                "Look at the network and the archive destination; ALTER DATABASE RECOVER MANAGED "
                "STANDBY DATABASE DISCONNECT starts the apply; fill gaps first.",
            ),
            priority=2,
            thresholds=LagThresholds,
            evaluate=standby,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
