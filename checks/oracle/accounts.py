"""Oracle: passwords that expire, default passwords, and who may do everything.

Names only; no hash is read. Before 12.1 nothing tells Oracle's own accounts from others: then
they are left out by name.

From the reference (11.2 to 23ai); no Oracle has run these queries for us yet.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Measure,
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
    limit,
    ok,
    warning,
)
from checks.databases import Database
from checks.errors import part
from checks.judging import missing
from checks.wording import count, days, listing

ACCOUNTS = """
SELECT username AS name, account_status AS status, profile AS profile,
       expiry_date - SYSDATE AS days_left
FROM dba_users
WHERE account_status NOT LIKE '%LOCKED'
"""
LIFETIME = """
SELECT profile AS profile, limit AS life FROM dba_profiles
WHERE resource_name = 'PASSWORD_LIFE_TIME' AND profile = 'DEFAULT'
"""
DEFAULT_PASSWORDS = """
SELECT d.username AS name
FROM dba_users_with_defpwd d JOIN dba_users u ON u.username = d.username
WHERE u.account_status NOT LIKE '%LOCKED'
"""
POWERFUL = """
SELECT p.grantee AS name, p.privilege AS privilege
FROM (SELECT grantee, granted_role AS privilege FROM dba_role_privs
      WHERE granted_role IN ('DBA', 'IMP_FULL_DATABASE', 'DATAPUMP_IMP_FULL_DATABASE')
      UNION ALL
      SELECT grantee, privilege FROM dba_sys_privs
      WHERE privilege IN ('SELECT ANY TABLE', 'DELETE ANY TABLE', 'DROP ANY TABLE',
                          'ALTER ANY TABLE', 'EXECUTE ANY PROCEDURE', 'CREATE ANY PROCEDURE',
                          'CREATE ANY TRIGGER', 'GRANT ANY ROLE', 'GRANT ANY PRIVILEGE',
                          'ALTER USER', 'BECOME USER', 'ALTER SYSTEM')) p
JOIN dba_users u ON u.username = p.grantee
WHERE u.oracle_maintained = 'N'
"""
POWERFUL_11 = """
SELECT p.grantee AS name, p.privilege AS privilege
FROM (SELECT grantee, granted_role AS privilege FROM dba_role_privs
      WHERE granted_role IN ('DBA', 'IMP_FULL_DATABASE', 'DATAPUMP_IMP_FULL_DATABASE')
      UNION ALL
      SELECT grantee, privilege FROM dba_sys_privs
      WHERE privilege IN ('SELECT ANY TABLE', 'DELETE ANY TABLE', 'DROP ANY TABLE',
                          'ALTER ANY TABLE', 'EXECUTE ANY PROCEDURE', 'CREATE ANY PROCEDURE',
                          'CREATE ANY TRIGGER', 'GRANT ANY ROLE', 'GRANT ANY PRIVILEGE',
                          'ALTER USER', 'BECOME USER', 'ALTER SYSTEM')) p
JOIN dba_users u ON u.username = p.grantee
WHERE u.username NOT IN ('SYS', 'SYSTEM', 'SYSMAN', 'DBSNMP', 'OUTLN', 'XDB', 'WMSYS', 'CTXSYS',
                         'MDSYS', 'ORDSYS', 'ORDPLUGINS', 'OLAPSYS', 'EXFSYS', 'OWBSYS',
                         'APEX_030200', 'APEX_PUBLIC_USER', 'FLOWS_FILES', 'MGMT_VIEW', 'DIP',
                         'ANONYMOUS', 'APPQOSSYS', 'ORDDATA', 'SI_INFORMTN_SCHEMA',
                         'SPATIAL_CSW_ADMIN_USR', 'SPATIAL_WFS_ADMIN_USR', 'MDDATA')
"""
_MAINTAINED_FROM = (12, 1)
_MOST = 500


class AccountRow(Struct, frozen=True):
    """One account that is not locked for good."""

    name: str
    status: str
    profile: str | None = None
    days_left: float | None = None
    """Until the password expires; None: never."""


class LifetimeRow(Struct, frozen=True):
    """How long passwords of a profile last."""

    profile: str
    life: str | None = None


class NameRow(Struct, frozen=True):
    """One account."""

    name: str


class PowerRow(Struct, frozen=True):
    """One account and one of the rights that make it an administrator."""

    name: str
    privilege: str


class Facts(Struct, frozen=True, kw_only=True):
    """Accounts of one container."""

    accounts: tuple[AccountRow, ...] | Failure
    lifetime: str = ""
    default_passwords: tuple[str, ...] | Failure
    powerful: tuple[PowerRow, ...] | Failure


def probe(database: Database) -> Facts:
    """Ask the data dictionary. Raise a ProbeError."""
    query = POWERFUL if database.version >= _MAINTAINED_FROM else POWERFUL_11
    lifetime = part(lambda: database.rows(LIFETIME, LifetimeRow))
    known = () if isinstance(lifetime, Failure) else lifetime
    return Facts(
        accounts=part(lambda: database.rows(ACCOUNTS, AccountRow)[:_MOST]),
        lifetime=next((row.life or "" for row in known), ""),
        default_passwords=part(lambda: _default_passwords(database)),
        powerful=part(lambda: database.rows(query, PowerRow)[:_MOST]),
    )


def _default_passwords(database: Database) -> tuple[str, ...]:
    return tuple(sorted(row.name for row in database.rows(DEFAULT_PASSWORDS, NameRow)))[:_MOST]


class ExpiryThresholds(Thresholds, frozen=True):
    """Days until a password expires."""

    warning_days: Annotated[float, limit("d", "COH 7")] = 7
    critical_days: Annotated[float, limit("d", "COH 3")] = 3


def expiry(facts: Facts, thresholds: ExpiryThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the accounts whose password expires or that are locked for a time."""
    if isinstance(facts.accounts, Failure):
        yield from missing(facts.accounts)
        return
    reference = Text(f"> {thresholds.warning_days:g} 天", f"> {thresholds.warning_days:g} days")
    fine = 0
    for account in facts.accounts:
        verdict = _expiry(account, thresholds, reference)
        if verdict is None:
            fine += 1
        else:
            yield verdict
    if fine or not facts.accounts:
        current = Text(
            f"{fine} 个账户正常，DEFAULT 口令有效期 {facts.lifetime or '未知'}",
            f"{fine} accounts are well; passwords of DEFAULT last {facts.lifetime or '?'}",
        )
        yield ok("", current, reference)


def _expiry(account: AccountRow, thresholds: ExpiryThresholds, reference: Text) -> Verdict | None:
    name, status = account.name, account.status
    current = Text.same(status)
    if status.startswith("EXPIRED"):
        message = Text(
            f"账户 {name} 的口令已过期（{status}），应用登录会失败或即将失败（ORA-28001）。",
            f"The password of {name} has expired ({status}): sign-ins fail or soon will "
            "(ORA-28001).",
        )
        return critical(name, current, reference, message)
    if account.days_left is not None:
        state = grade(
            account.days_left,
            thresholds.warning_days,
            thresholds.critical_days,
            lower_is_worse=True,
        )
        if state is not State.OK:
            message = Text(
                "账户 {name} 的口令将在 {left}后过期（配置文件 {profile}）。",
                "The password of {name} expires in {left} (profile {profile}).",
            ).format(name=name, left=days(account.days_left), profile=account.profile or "—")
            return Verdict(name, state, days(account.days_left), reference, message)
    if "LOCKED(TIMED)" in status:
        message = Text(
            f"账户 {name} 因多次口令错误被暂时锁定，请确认是否有人在试口令。",
            f"Account {name} is locked for a time after wrong passwords: is someone guessing?",
        )
        return warning(name, current, reference, message)
    return None


class PowerThresholds(Thresholds, frozen=True):
    """Who may do everything."""

    accepted_administrators: Annotated[
        tuple[str, ...], limit("account names", "OWN: approved by the customer")
    ] = ()
    new_for_days: Annotated[
        float, limit("d", "OWN: a quarter, so that the next review meets the change")
    ] = 90


def power(facts: Facts, thresholds: PowerThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge default passwords, and accounts that became powerful."""
    yield from _defaults(facts.default_passwords)
    if isinstance(facts.powerful, Failure):
        yield from missing(facts.powerful, "administrators")
        return
    holders = _holders(facts)
    current = count(len(holders), "个账户", "accounts")
    added = [
        name
        for name in holders
        if name not in thresholds.accepted_administrators
        and _is_new(name, thresholds.new_for_days, past)
    ]
    if not added:
        baseline = Text("与基线一致", "as in the baseline")
        yield ok("administrators", current, baseline)
        return
    message = Text(
        f"新获得 DBA 角色或 ANY 类系统权限的账户：{listing(added)}；"
        f"经客户确认前，{thresholds.new_for_days:g} 天内持续提示。",
        f"Accounts that came to the role DBA or to ANY privileges: {listing(added)}; shown for "
        f"{thresholds.new_for_days:g} days unless the customer approves them.",
    )
    yield warning("administrators", current, Text("无新增", "none new"), message)


def _defaults(names: tuple[str, ...] | Failure) -> Iterator[Verdict]:
    if isinstance(names, Failure):
        yield from missing(names, "default_passwords")
        return
    fine = Text("无默认口令", "no default password")
    if not names:
        yield ok("default_passwords", fine, fine)
    for name in names:
        message = Text(
            f"未锁定的账户 {name} 仍在使用安装时的默认口令，任何人都能登录。",
            f"Account {name} is open with the password of its installation: anybody can sign in.",
        )
        yield critical(f"default:{name}", Text("默认口令", "default password"), fine, message)


def _holders(facts: Facts) -> list[str]:
    rows = () if isinstance(facts.powerful, Failure) else facts.powerful
    return sorted({row.name for row in rows})


def _is_new(name: str, for_days: float, past: Past[Facts]) -> bool:
    """Tell whether it was no administrator in the first inspection, and became one not long ago."""
    held = {point.at for point in past.series("administrator", name)}
    for point in reversed(past.series("administrators", "")):
        if point.at not in held:
            return past.observed_at - point.at <= timedelta(days=for_days)
    return False


def measures(facts: Facts) -> Iterator[Measure]:
    """Keep who was an administrator when, so that a change is remembered."""
    if isinstance(facts.powerful, Failure):
        return
    holders = _holders(facts)
    yield Measure("administrators", "", float(len(holders)))
    for name in holders[:200]:
        yield Measure("administrator", name, 1.0)


CHECK = Check(
    title=Text("Oracle 账户", "Oracle accounts"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    measures=measures,
    systems=("linux", "windows"),
    target="oracle",
    reads=(
        "dba_users, dba_profiles, dba_users_with_defpwd",
        "dba_role_privs, dba_sys_privs",
    ),
    privilege=Text(
        "CREATE SESSION，以及对上述视图的 SELECT", "CREATE SESSION, and SELECT on these views"
    ),
    rules=(
        Rule(
            code="ORA-014",
            title=Text("口令过期与锁定", "Passwords that expire, locked accounts"),
            why=Text(
                "应用账户的口令到期后，业务会突然全部登录失败（ORA-28001）。",
                "When the password of an application's account expires, all its sign-ins fail at "
                "once (ORA-28001).",
            ),
            remedy=Text(
                "在业务窗口修改口令并同步应用配置；应用账户使用单独的 PROFILE，"
                "按客户制度设置 PASSWORD_LIFE_TIME。",
                "Change the password together with the application's settings; give such accounts "
                "a profile of their own with a PASSWORD_LIFE_TIME by the customer's rules.",
            ),
            priority=2,
            thresholds=ExpiryThresholds,
            evaluate=expiry,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="ORA-018",
            title=Text("高权限账户与默认口令", "Powerful accounts, default passwords"),
            why=Text(
                "默认口令和多余的 DBA、ANY 权限是数据库被入侵和误删数据最常见的入口。",
                "Default passwords and needless DBA or ANY rights are the usual way into a "
                "database, and how data are deleted by mistake.",
            ),
            remedy=Text(
                "ALTER USER 名称 IDENTIFIED BY 新口令 或 ACCOUNT LOCK；逐个核对权限，"
                "先确认应用不依赖后再 REVOKE。",
                "ALTER USER name IDENTIFIED BY … or ACCOUNT LOCK; go through the grants and REVOKE "
                "what no application needs.",
            ),
            priority=2,
            thresholds=PowerThresholds,
            evaluate=power,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
