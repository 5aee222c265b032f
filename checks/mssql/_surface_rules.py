"""MSSQL-044, 045 and 046: what the settings open, who owns databases, who the service runs as."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    State,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    not_applicable,
    ok,
    warning,
)
from checks.judging import missing
from checks.mssql._settings_facts import Facts, of_users, running

_ON, _OFF = Text("已启用", "on"), Text("关闭", "off")
_RISKY = {
    "xp_cmdshell": Text(
        "可直接执行操作系统命令", "commands of the operating system can be run from SQL"
    ),
    "Ole Automation Procedures": Text(
        "可创建 COM 对象、读写文件", "COM objects can be made and files written"
    ),
    "Ad Hoc Distributed Queries": Text(
        "可用 OPENROWSET 连接任意数据源", "OPENROWSET reaches any data source"
    ),
    "clr enabled": Text("可加载 .NET 程序集", ".NET assemblies can be loaded"),
    "cross db ownership chaining": Text(
        "权限可跨数据库传递", "rights pass from one database to others"
    ),
    "remote access": Text(
        "允许其他实例远程执行存储过程（已弃用）",
        "other instances can run procedures here (deprecated)",
    ),
}
_WORST = ("xp_cmdshell",)


class SurfaceThresholds(Thresholds, frozen=True):
    """What may be on."""

    accepted: Annotated[
        tuple[str, ...], limit("settings and databases", "OWN: needed, approved by the customer")
    ] = ()


class OwnerThresholds(Thresholds, frozen=True):
    """Who should own databases."""

    standard_owner: Annotated[str, limit("login", "FRK#55, DCK: sa, whatever its name")] = "sa"


class AccountThresholds(Thresholds, frozen=True):
    """Nothing to set: an account is the system's own, or it is not."""


def surface(facts: Facts, thresholds: SurfaceThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge each setting that opens the server, and databases that trust too much."""
    for name, meaning in _RISKY.items():
        value = running(facts, name)
        if value is None:
            yield not_applicable(
                name, Text("此版本没有该选项。", "This version has no such setting.")
            )
        elif not value or name in thresholds.accepted:
            yield ok(name, _ON if value else _OFF, _OFF)
        else:
            message = Text("“{name}”已启用：{meaning}。", "“{name}” is on: {meaning}.").format(
                name=name, meaning=meaning
            )
            state = State.CRITICAL if name in _WORST else State.WARNING
            yield Verdict(name, state, _ON, _OFF, message)
    trusting = [
        each for each in facts.databases if each.trustworthy and each.name not in ("msdb", "SSISDB")
    ]
    for each in trusting:
        if each.name in thresholds.accepted:
            yield ok(f"trustworthy:{each.name}", _ON, _OFF)
            continue
        message = Text(
            "数据库 {name} 的 TRUSTWORTHY 已启用，其 db_owner 可借此提升为 sysadmin。",
            "{name} is TRUSTWORTHY: its db_owner can make himself a sysadmin.",
        ).format(name=each.name)
        yield warning(f"trustworthy:{each.name}", _ON, _OFF, message)
    if not trusting:
        yield ok("trustworthy", Text("均关闭", "off everywhere"), _OFF)


def owners(facts: Facts, thresholds: OwnerThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge who owns each database."""
    reference = Text.same(thresholds.standard_owner)
    for each in of_users(facts):
        if each.owner is None:
            message = Text(
                "数据库 {name} 的所有者已不存在，部分功能（数据库关系图、Service Broker、CLR）"
                "会报错。",
                "The owner of {name} is no login any more: diagrams, Service Broker and CLR fail.",
            ).format(name=each.name)
            yield critical(each.name, Text("不存在", "unknown"), reference, message)
            continue
        if each.owner == thresholds.standard_owner or (
            each.owned_by_sa and thresholds.standard_owner == "sa"
        ):
            yield ok(each.name, Text.same(each.owner), reference)
            continue
        message = Text(
            "数据库 {name} 的所有者是 {owner}，该账户停用或删除后会引起难以定位的故障。",
            "{name} is owned by {owner}: once that account goes, odd things fail.",
        ).format(name=each.name, owner=each.owner)
        yield warning(each.name, Text.same(each.owner), reference, message)
    if not of_users(facts):
        yield not_applicable("", Text("没有用户数据库。", "There are no users' databases."))


def accounts(facts: Facts, _thresholds: AccountThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the account of each service."""
    if isinstance(facts.services, Failure):
        yield from missing(facts.services)
        return
    reference = Text("专用的低权限账户", "an account of its own, with few rights")
    for service in facts.services:
        current = Text.same(service.account)
        if not _too_strong(service.account):
            yield ok(service.name, current, reference)
            continue
        message = Text(
            "服务“{name}”以 {account} 运行，SQL Server 被攻破即等于整台服务器被攻破。",
            "“{name}” runs as {account}: who takes over SQL Server has the whole machine.",
        ).format(name=service.name, account=service.account)
        yield warning(service.name, current, reference, message)
    if not facts.services:
        yield not_applicable("", Text("实例没有列出服务。", "The instance lists no services."))


def _too_strong(account: str) -> bool:
    name = account.upper()
    return name in ("LOCALSYSTEM", "NT AUTHORITY\\SYSTEM", "ROOT") or name.endswith(
        ("\\ADMINISTRATOR", "@ADMINISTRATOR")
    )


SURFACE = Rule(
    code="MSSQL-044",
    title=Text("高危选项（外围应用）", "Surface area"),
    why=Text(
        "这些选项让 SQL 登录名能触及操作系统或其他数据源，是勒索软件从数据库进入服务器的通道。",
        "With these a SQL login reaches the operating system or other sources: the way that "
        "ransomware takes from the database into the server.",
    ),
    remedy=Text(
        "向厂商确认没有作业或程序依赖后关闭：EXEC sp_configure 'xp_cmdshell', 0; RECONFIGURE；"
        "TRUSTWORTHY 用 ALTER DATABASE 库名 SET TRUSTWORTHY OFF；确需保留的写入策略并由客户确认。",
        "Once the vendor has confirmed that no job or program needs it, switch it off: EXEC "
        "sp_configure 'xp_cmdshell', 0; RECONFIGURE; ALTER DATABASE NAME SET TRUSTWORTHY OFF. What "
        "must stay goes into the policy, approved by the customer.",
    ),
    priority=2,
    thresholds=SurfaceThresholds,
    evaluate=surface,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
OWNERS = Rule(
    code="MSSQL-045",
    title=Text("数据库所有者", "Owners of databases"),
    why=Text(
        "所有者是个人账户时，人员离职、账户删除后数据库会出现权限类故障。",
        "Where a person's account owns a database, things fail once that person has left.",
    ),
    remedy=Text(
        "执行 ALTER AUTHORIZATION ON DATABASE::库名 TO sa（或约定的专用登录名）；"
        "执行前确认没有程序依赖原所有者的 dbo 身份。",
        "ALTER AUTHORIZATION ON DATABASE::NAME TO sa, or to the login agreed on; make sure first "
        "that no program counts on being dbo through the owner.",
    ),
    priority=3,
    thresholds=OwnerThresholds,
    evaluate=owners,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
ACCOUNTS = Rule(
    code="MSSQL-046",
    title=Text("服务账户", "Service accounts"),
    why=Text(
        "服务以 LocalSystem 或管理员运行时，通过 xp_cmdshell "
        "或漏洞得到的就是整台服务器的最高权限。",
        "As LocalSystem or an administrator, xp_cmdshell or a hole in the server gives all rights "
        "over the machine.",
    ),
    remedy=Text(
        "在 SQL Server 配置管理器（不要用服务控制台）中改为虚拟账户 NT SERVICE\\MSSQLSERVER、"
        "gMSA 或专用域账户，核对数据、备份目录的权限，在维护窗口重启服务。",
        "Change it in SQL Server Configuration Manager (not in the services console) to the "
        "virtual account NT SERVICE\\MSSQLSERVER, a gMSA or a domain account of its own; check the "
        "rights on data and backup folders; restart in a maintenance window.",
    ),
    priority=2,
    thresholds=AccountThresholds,
    evaluate=accounts,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
