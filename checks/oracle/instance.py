"""Oracle: is the instance open, which containers are, what does its host's listener say, and how
old is its release.

In a container database the other checks of this chapter see the container that the entry signs in
to (tablespaces: every container that the account may see): each PDB wants an entry of its own.

From the reference (11.2 to 23ai); no Oracle has run these queries for us yet.
"""

from collections.abc import Iterator

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    critical,
    info,
    not_run,
    ok,
    warning,
)
from checks.oracle._instance_facts import Facts, probe
from checks.oracle._release import RELEASE
from checks.wording import listing


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
        RELEASE,
    ),
)
