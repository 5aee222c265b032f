"""MSSQL-042 and 043: administrators of the server, and its SQL logins with sa first."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.mssql._login_facts import Facts, Login, administrators_of
from checks.wording import count, listing
from wire.messages import Reason

_TOOLS = (
    "sqlagent",
    "microsoft sql server management studio",
    "microsoft sql server",
    "sqlserverceip",
    "sqlcmd",
    "xunjian",
    "azuredatastudio",
    "azdata",
    "databasemail",
    "report server",
    "dbatools",
)
"""Programs that administrators work with; what else signs in as one is an application."""


class AdministratorThresholds(Thresholds, frozen=True):
    """Who may be an administrator."""

    warning_members: Annotated[int, limit("logins", "FRK#4, catalogue MSSQL-042: over 3")] = 4
    accepted_administrators: Annotated[
        tuple[str, ...], limit("logins", "OWN: approved by the customer")
    ] = ()
    new_for_days: Annotated[
        float, limit("d", "OWN: a quarter, so that the next review meets the change")
    ] = 90


class LoginThresholds(Thresholds, frozen=True):
    """What may stay as it is."""

    accepted_logins: Annotated[
        tuple[str, ...], limit("logins", "OWN: enabled sa or no policy, approved by the customer")
    ] = ()


def administrators(
    facts: Facts, thresholds: AdministratorThresholds, past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge how many there are, who is new, and which of them an application uses."""
    names = administrators_of(facts)
    number = count(len(names), "个", "members")
    reference = Text(
        f"少于 {thresholds.warning_members} 个", f"fewer than {thresholds.warning_members}"
    )
    others = sorted({a.name for a in facts.administrators if a.right_name != "sysadmin"})
    added = _added(facts, thresholds, past)
    if added or len(names) >= thresholds.warning_members:
        message = Text(
            "sysadmin 成员 {number} 个：{names}；新增：{added}；"
            "securityadmin 或 CONTROL SERVER：{others}。",
            "{number} members of sysadmin: {names}; new: {added}; securityadmin or CONTROL SERVER: "
            "{others}.",
        ).format(
            number=len(names),
            names=listing(names, 8),
            added=listing(added) or "-",
            others=listing(others) or "-",
        )
        yield warning("sysadmin", number, reference, message)
    else:
        yield ok("sysadmin", number, reference)
    yield from _applications(facts, names)


def _added(facts: Facts, thresholds: AdministratorThresholds, past: Past[Facts]) -> list[str]:
    if past.previous is None:
        return []
    before = administrators_of(past.previous)
    return sorted(
        name
        for name in administrators_of(facts)
        if name not in thresholds.accepted_administrators
        and (name not in before or _is_new(name, thresholds.new_for_days, past))
    )


def _is_new(name: str, days: float, past: Past[Facts]) -> bool:
    """Tell whether the membership began after the first inspection, and not long ago.

    Without this a new administrator would be "resolved" by the next inspection.
    """
    member = {point.at for point in past.series("administrator", name)}
    since = None
    for point in reversed(past.series("administrators", "")):
        if point.at not in member:
            return since is not None and past.observed_at - since <= timedelta(days=days)
        since = point.at
    return False


def _applications(facts: Facts, names: list[str]) -> Iterator[Verdict]:
    reference = Text("应用程序不使用 sysadmin 登录名", "no application signs in as sysadmin")
    if isinstance(facts.signed_in, Failure):
        yield not_run("applications", facts.signed_in)
        return
    programs: dict[str, list[str]] = {}
    for each in facts.signed_in:
        if each.name in names and not (each.program or "").lower().startswith(_TOOLS):
            programs.setdefault(each.name, []).append(each.program or "-")
    for name, used in sorted(programs.items()):
        message = Text(
            "应用程序正以 sysadmin 登录名 {name} 连接：{programs}。",
            "Applications are signed in as {name}, a member of sysadmin: {programs}.",
        ).format(name=name, programs=listing(used))
        yield critical(
            f"login:{name}", Text("被应用程序使用", "used by applications"), reference, message
        )
    if not programs:
        yield ok("applications", Text("未发现", "none seen"), reference)


def logins(facts: Facts, thresholds: LoginThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge sa and every other SQL login."""
    if facts.logins and facts.logins[0].windows_only:
        why = Text(
            "仅允许 Windows 身份验证，SQL 登录名不可用。", "SQL logins are not accepted here."
        )
        yield not_applicable("", why)
        return
    for login in facts.logins:
        yield _login(login, thresholds)
    enabled = [login for login in facts.logins if not login.disabled]
    if any(login.weak is None for login in enabled):
        why = Text(
            "空密码和同名密码未检查：需要 CONTROL SERVER，是否授予由客户决定。",
            "Passwords were not compared: that takes CONTROL SERVER, if the customer wants it.",
        )
        yield not_run("passwords", Failure(Reason.PERMISSION, "CONTROL SERVER"), why)


def _login(login: Login, thresholds: LoginThresholds) -> Verdict:
    name = login.name
    reference = (
        Text("禁用", "disabled") if login.is_sa else Text("强制密码策略", "password policy on")
    )
    if login.disabled:
        return ok(name, Text("已禁用", "disabled"), reference)
    if login.weak:
        message = Text(
            "登录名 {name} 的密码为空或与登录名相同，任何人都能登录。",
            "The password of {name} is blank or its name: anybody can sign in.",
        ).format(name=name)
        return critical(name, Text("弱密码", "weak password"), reference, message)
    if name in thresholds.accepted_logins:
        return ok(name, Text("经客户确认", "approved by the customer"), reference)
    if login.is_sa:
        message = Text(
            "登录名 {name}{known}已启用{policy}：它拥有全部权限，是勒索软件暴力破解的首选目标。",
            "{name}{known} is enabled{policy}: it may do everything, and is what ransomware tries "
            "first.",
        ).format(name=name, known=_known(login), policy=_policy(login))
        return warning(name, Text("已启用", "enabled"), reference, message)
    if not login.policy_checked:
        message = Text(
            "登录名 {name} 未强制密码策略，弱密码和无限次尝试都不受限制。",
            "{name} is not held to the password policy: neither weak passwords nor endless tries "
            "are stopped.",
        ).format(name=name)
        return warning(name, Text("策略关闭", "policy off"), reference, message)
    return ok(name, Text("策略已启用", "policy on"), reference)


def _known(login: Login) -> Text:
    """Return what sa is called to those who have given it another name."""
    return Text("", "") if login.name == "sa" else Text("（即 sa）", " (it is sa)")


def _policy(login: Login) -> Text:
    if login.policy_checked:
        return Text("", "")
    return Text("且未强制密码策略", " and not held to the password policy")


ADMINISTRATORS = Rule(
    code="MSSQL-042",
    title=Text("管理员（sysadmin）成员", "Administrators"),
    why=Text(
        "sysadmin 不受任何限制；ERP 用它连接时，一处 SQL 注入就能删库或执行系统命令。",
        "Nothing stops a sysadmin: where the ERP signs in as one, a single SQL injection can drop "
        "databases and run commands of the system.",
    ),
    remedy=Text(
        "为 ERP 建立只有其账套 db_owner 或更小权限的登录名（先向厂商确认所需权限，在测试环境验证）"
        "；"
        "从 sysadmin 中移除不需要的成员，移除前确认没有作业和链接服务器依赖它。",
        "Give the ERP a login that is db_owner of its own databases or less (ask the vendor what "
        "it needs, try on a test system); take out members that are not needed, after making sure "
        "that no job or linked server depends on them.",
    ),
    priority=1,
    thresholds=AdministratorThresholds,
    evaluate=administrators,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
LOGINS = Rule(
    code="MSSQL-043",
    title=Text("sa 与 SQL 登录名密码", "sa and SQL logins"),
    why=Text(
        "勒索软件通常经 1433 端口猜 sa 的密码进入；空密码、与登录名相同的密码几秒内就会被猜到。",
        "Ransomware comes in through port 1433 by guessing the password of sa; a blank one or the "
        "login's name is found in seconds.",
    ),
    remedy=Text(
        "确认 ERP 和作业不再使用 sa 后禁用：ALTER LOGIN sa DISABLE；暂时不能禁用时设置 16 "
        "位以上强密码并"
        "改名；其他登录名执行 ALTER LOGIN … WITH CHECK_POLICY = ON，弱密码立即更换，"
        "更换前先改好应用程序的连接配置。",
        "Once neither the ERP nor jobs use it: ALTER LOGIN sa DISABLE; until then give it a "
        "password of 16 characters or more and another name. For other logins ALTER LOGIN … WITH "
        "CHECK_POLICY = ON; change weak passwords now, together with the applications that use "
        "them.",
    ),
    priority=1,
    thresholds=LoginThresholds,
    evaluate=logins,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
