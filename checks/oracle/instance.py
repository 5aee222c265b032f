"""Oracle: is the instance open, which containers are, what does its host's listener say, and how
old is its release.

In a container database the other checks of this chapter see the container that the entry signs in
to (tablespaces: every container that the account may see): each PDB wants an entry of its own.

From the reference (11.2 to 23ai); no Oracle has run these queries for us yet.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated

from checks import lifecycle
from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    grade,
    info,
    limit,
    not_run,
    ok,
    warning,
)
from checks.databases import Database, Instance, instance_of
from checks.errors import UnexpectedOutput, Unsupported, part
from checks.judging import missing
from checks.wording import days, listing
from wire.messages import Reason

INSTANCE = """
SELECT i.instance_name AS name, i.status AS status, i.logins AS logins,
       (SYSDATE - i.startup_time) * 86400 AS up_seconds,
       d.name AS database, d.open_mode AS open_mode, d.database_role AS role
FROM v$instance i CROSS JOIN v$database d
"""
CONTAINER = "SELECT SYS_CONTEXT('USERENV', 'CON_NAME') AS name, cdb AS cdb FROM v$database"
CONTAINERS = "SELECT name AS name, open_mode AS open_mode, restricted AS restricted FROM v$pdbs"
PATCHES = """
SELECT action AS action, status AS status, description AS description
FROM dba_registry_sqlpatch
ORDER BY action_time DESC
"""
LISTENER = ("lsnrctl", "status")
_CONTAINERS_FROM = (12, 1)
_RELEASE_UPDATES_FROM = (18,)


class InstanceRow(Struct, frozen=True):
    """What the instance says of itself."""

    name: str
    status: str
    logins: str
    up_seconds: float
    database: str
    open_mode: str
    role: str


class ContainerRow(Struct, frozen=True):
    """One pluggable database."""

    name: str
    open_mode: str
    restricted: str | None = None


class CurrentRow(Struct, frozen=True):
    """Where the account signed in."""

    name: str | None
    cdb: str


class PatchRow(Struct, frozen=True):
    """One run of datapatch."""

    action: str
    status: str | None = None
    description: str | None = None


class Facts(Struct, frozen=True, kw_only=True):
    """State and release of one instance."""

    server: Instance
    instance: InstanceRow
    container: str = ""
    """Where the entry signs in; empty in a database without containers."""
    containers: tuple[ContainerRow, ...] | Failure = ()
    patches: tuple[PatchRow, ...] | Failure = ()
    """Newest first; empty before 12.1, which has no such view."""
    listener: bool | Failure = True
    """Whether `lsnrctl status` names a service; a Failure where the server is on another host."""


def probe(database: Database) -> Facts:
    """Ask instance, containers and patches; the listener by its own tool. Raise a ProbeError."""
    server = instance_of(database)
    rows = database.rows(INSTANCE, InstanceRow)
    if not rows:
        raise UnexpectedOutput("v$instance", "no row")
    container = ""
    containers: tuple[ContainerRow, ...] | Failure = ()
    patches: tuple[PatchRow, ...] | Failure = ()
    if database.version >= _CONTAINERS_FROM:
        where = database.rows(CONTAINER, CurrentRow)
        container = where[0].name or "" if where and where[0].cdb == "YES" else ""
        containers = part(lambda: database.rows(CONTAINERS, ContainerRow)[:300])
        patches = part(lambda: database.rows(PATCHES, PatchRow)[:20])
    return Facts(
        server=server,
        instance=rows[0],
        container=container,
        containers=containers,
        patches=patches,
        listener=part(lambda: _listens(database)),
    )


def _listens(database: Database) -> bool:
    if database.here is None:
        raise Unsupported("lsnrctl status", "the server is on another host")
    # 1: TNS-12541, no listener.
    found = database.here.run(*LISTENER, timeout_seconds=10, exit_codes=(0, 1))
    return re.search(r"\bREADY\b|\bUNKNOWN\b", found.text) is not None


class StateThresholds(Thresholds, frozen=True):
    """Nothing to set."""


_OPEN = Text("打开，可读写", "open, read write")
_STANDBYS = ("PHYSICAL STANDBY", "SNAPSHOT STANDBY", "LOGICAL STANDBY")


def status(facts: Facts, _thresholds: StateThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the instance, its containers and its listener."""
    row = facts.instance
    current = Text.same(f"{row.status}, {row.open_mode}, {row.role}")
    standby = row.role in _STANDBYS
    if row.status != "OPEN" and not (standby and row.status == "MOUNTED"):
        message = Text(
            f"实例 {row.name} 的状态是 {row.status}，业务无法访问数据库 {row.database}。",
            f"Instance {row.name} is {row.status}: nobody can work with database {row.database}.",
        )
        yield critical("instance", current, _OPEN, message)
    elif not standby and row.open_mode != "READ WRITE":
        message = Text(
            f"数据库 {row.database} 以 {row.open_mode} 方式打开，不能写入。",
            f"Database {row.database} is open as {row.open_mode}: nothing can be written.",
        )
        yield critical("instance", current, _OPEN, message)
    elif row.logins != "ALLOWED":
        message = Text(
            f"实例 {row.name} 处于受限模式（{row.logins}），普通用户无法登录。",
            f"Instance {row.name} is {row.logins}: ordinary users can't sign in.",
        )
        yield warning("instance", current, _OPEN, message)
    else:
        yield ok("instance", current, _OPEN)
    yield from _containers(facts)
    yield _listener(facts.listener)


def _containers(facts: Facts) -> Iterator[Verdict]:
    if isinstance(facts.containers, Failure):
        yield not_run("containers", facts.containers)
        return
    standby = facts.instance.role in _STANDBYS
    for each in facts.containers:
        if each.name == "PDB$SEED":
            continue
        current = Text.same(each.open_mode)
        fine = each.open_mode == "READ WRITE" or (standby and each.open_mode != "MIGRATE")
        if not fine or each.restricted == "YES":
            state = Text("处于受限模式", "is restricted") if fine else Text("未打开", "is not open")
            message = Text(
                "可插拔数据库 {name} {state}（{mode}）。",
                "Pluggable database {name} {state} ({mode}).",
            ).format(name=each.name, state=state, mode=each.open_mode)
            yield warning(f"pdb:{each.name}", current, _OPEN, message)
        else:
            yield ok(f"pdb:{each.name}", current, _OPEN)
    others = [each.name for each in facts.containers if each.name != "PDB$SEED"]
    if facts.container == "CDB$ROOT" and others:
        message = Text(
            f"巡检账户登录在 CDB$ROOT，{listing(others)} 内的账户、对象和作业没有被检查；"
            "请为每个业务 PDB 各配置一个条目。",
            f"The account signs in to CDB$ROOT: accounts, objects and jobs inside {listing(others)}"
            " are not looked at; give each PDB an entry of its own.",
        )
        yield info("container", Text.same("CDB$ROOT"), Text("业务 PDB", "the PDB"), message)


def _listener(listening: bool | Failure) -> Verdict:
    reference = Text("有已注册的服务", "services are registered")
    if isinstance(listening, Failure):
        return not_run("listener", listening)
    if listening:
        return ok("listener", reference, reference)
    message = Text(
        "监听程序没有运行，或没有任何服务注册到它，新的连接会失败（ORA-12541、ORA-12514）。",
        "The listener does not run or no service has registered with it: new connections fail "
        "(ORA-12541, ORA-12514).",
    )
    return critical("listener", Text("无服务", "no services"), reference, message)


class ReleaseThresholds(Thresholds, frozen=True):
    """Release Updates come each quarter; support ends as the vendor published."""

    warning_updates_behind: Annotated[int, limit("releases", "EOL data; catalogue ORA-016")] = 3
    warning_days_left: Annotated[float, limit("d", "OWN: one budget round")] = 180
    count_extended: Annotated[
        bool, limit("yes/no", "OWN: true where the customer pays for Extended Support")
    ] = False


def release(facts: Facts, thresholds: ReleaseThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the end of support, the Release Update, and the last run of datapatch."""
    version = tuple(int(part) for part in facts.server.version.split("."))
    old = version < _RELEASE_UPDATES_FROM
    cycle = ".".join(str(part) for part in version[:2]) if old else str(version[0])
    entry = lifecycle.find("oracle-database", cycle)
    if entry is None or entry.end_of_support is None:
        failure = Failure(Reason.UNSUPPORTED, f"Oracle Database {facts.server.version}"[:255])
        message = Text(
            f"生命周期数据中没有 Oracle {cycle}，无法判定支持期限和补丁级别。",
            f"The lifecycle data hold no Oracle {cycle}: nothing can be said.",
        )
        yield not_run("support", failure, message)
        return
    end = entry.end_of_support
    if thresholds.count_extended and entry.end_of_extended is not None:
        end = entry.end_of_extended
    yield _support(entry.label, end, thresholds, past)
    if not old:
        yield _update(version, entry, thresholds)
    yield from _patches(facts.patches)


def _support(label: str, end: date, thresholds: ReleaseThresholds, past: Past[Facts]) -> Verdict:
    left = (end - past.observed_at.date()).days
    state = grade(left, thresholds.warning_days_left, 0, lower_is_worse=True)
    message = Text(
        "{label} 的厂商支持到 {end}（剩余 {left}），之后不再有安全补丁。",
        "The vendor supports {label} until {end} ({left} left); no security fixes after that.",
    )
    if left <= 0:
        message = Text(
            "{label} 的厂商支持已于 {end} 结束，不再有安全补丁。",
            "The vendor's support of {label} ended on {end}: there are no security fixes any more.",
        )
    told = message.format(label=label, end=end.isoformat(), left=days(left))
    reference = Text("厂商支持期内", "within the vendor's support")
    current = Text(f"支持到 {end}", f"supported until {end}")
    return Verdict("support", state, current, reference, None if state is State.OK else told)


def _update(
    version: tuple[int, ...], entry: lifecycle.Entry, thresholds: ReleaseThresholds
) -> Verdict:
    installed = ".".join(str(part) for part in version[:3])
    if not entry.latest:
        failure = Failure(Reason.UNSUPPORTED, f"newest Release Update of {entry.label}"[:255])
        return not_run("release_update", failure)
    newest = tuple(int(part) for part in entry.latest.split("."))
    behind = max(0, _ordinal(newest) - _ordinal(version))
    current, reference = Text.same(installed), Text.same(f"≥ {entry.latest}")
    if behind < thresholds.warning_updates_behind:
        return ok("release_update", current, reference)
    message = Text(
        f"当前 RU 为 {installed}，落后最新的 {entry.latest}（{entry.latest_released}）约 {behind} "
        "个季度。",
        f"Release Update {installed} is about {behind} quarters behind {entry.latest} "
        f"({entry.latest_released}).",
    )
    return warning("release_update", current, reference, message)


def _ordinal(version: tuple[int, ...]) -> int:
    """Return the place of a Release Update in its line: 19.24 → 24; 23.9 is before 23.26.0."""
    padded = (*version, 0, 0)
    if version[0] >= 23 and padded[1] >= 26:
        return 10 + 4 * (padded[1] - 26) + padded[2]
    return padded[1]


def _patches(patches: tuple[PatchRow, ...] | Failure) -> Iterator[Verdict]:
    if isinstance(patches, Failure):
        yield from missing(patches, "datapatch")
        return
    if not patches:
        return
    last = patches[0]
    shown = Text.same(f"{last.action} {last.status}: {last.description or ''}"[:200])
    reference = Text.same("SUCCESS")
    if last.status == "SUCCESS":
        yield ok("datapatch", shown, reference)
        return
    message = Text(
        f"最近一次 datapatch 的结果是 {last.status}，补丁的 SQL 部分没有生效。",
        f"The last run of datapatch ended as {last.status}: the patch's SQL is not in effect.",
    )
    yield warning("datapatch", shown, reference, message)


CHECK = Check(
    title=Text("Oracle 实例与版本", "Oracle instance and release"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="oracle",
    reads=("v$instance, v$database, v$pdbs", "dba_registry_sqlpatch", "lsnrctl status"),
    privilege=Text(
        "CREATE SESSION，对 V_$INSTANCE、V_$DATABASE、V_$PDBS、DBA_REGISTRY_SQLPATCH 的 SELECT；"
        "lsnrctl 需要读取 ORACLE_HOME",
        "CREATE SESSION, SELECT on V_$INSTANCE, V_$DATABASE, V_$PDBS and DBA_REGISTRY_SQLPATCH; "
        "lsnrctl needs to read ORACLE_HOME",
    ),
    rules=(
        Rule(
            code="ORA-001",
            title=Text("实例、PDB 与监听状态", "Instance, PDBs and listener"),
            why=Text(
                "实例未打开、PDB 未启动或监听没有服务时，业务系统连不上数据库。",
                "Where the instance or a PDB is not open, or the listener has no service, the "
                "application can't reach its database.",
            ),
            remedy=Text(
                "查看告警日志后启动：STARTUP；ALTER PLUGGABLE DATABASE 名称 OPEN 并 SAVE STATE；"
                "lsnrctl start 后执行 ALTER SYSTEM REGISTER；受限模式用 "
                "ALTER SYSTEM DISABLE RESTRICTED SESSION 解除。",
                "Read the alert log, then STARTUP; ALTER PLUGGABLE DATABASE name OPEN and SAVE "
                "STATE; lsnrctl start and ALTER SYSTEM REGISTER; end the restriction with ALTER "
                "SYSTEM DISABLE RESTRICTED SESSION.",
            ),
            priority=1,
            thresholds=StateThresholds,
            evaluate=status,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="ORA-016",
            title=Text("版本与补丁级别", "Release and patch level"),
            why=Text(
                "过了支持期或长期不打 RU 的数据库带着已公开的安全漏洞和会损坏数据的缺陷运行。",
                "A release out of support, or without Release Updates, runs with published "
                "vulnerabilities and with bugs that corrupt data.",
            ),
            remedy=Text(
                "在测试环境验证后，按季度安装最新 RU（opatch 与 datapatch），事先做好备份；"
                "已停止支持的版本规划升级到 19c 或 23ai。",
                "Install the newest Release Update each quarter (opatch, then datapatch) after a "
                "test and a backup; plan the upgrade of unsupported releases to 19c or 23ai.",
            ),
            priority=1,
            thresholds=ReleaseThresholds,
            evaluate=release,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
