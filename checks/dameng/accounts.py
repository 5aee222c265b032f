"""达梦 DM8: password policy, accounts that expire or are locked, holders of the role DBA.

Whether SYSDBA keeps the password of its installation could only be found by trying it: never done.

From documentation and public scripts (views of DM8); no DM8 has run these queries for us yet.
"""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Scope,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    not_run,
    ok,
    warning,
)
from checks.databases import Database
from checks.errors import part
from checks.judging import missing
from checks.wording import count, days, listing
from wire.messages import Reason

POLICY = """
SELECT PARA_VALUE AS "policy" FROM V$DM_INI WHERE PARA_NAME = 'PWD_POLICY'
"""
ACCOUNTS = """
SELECT USERNAME AS "name", ACCOUNT_STATUS AS "status", EXPIRY_DATE - SYSDATE AS "days_left"
FROM DBA_USERS
"""
HOLDERS = """
SELECT GRANTEE AS "name" FROM DBA_ROLE_PRIVS WHERE GRANTED_ROLE = 'DBA'
"""
_BUILT_IN = frozenset({"SYS", "SYSDBA", "SYSSSO", "SYSAUDITOR", "SYSDBO", "SYSJOB", "SYSAWR"})
_MOST = 500


class PolicyRow(Struct, frozen=True):
    """The sum of the rules for passwords; 0: none."""

    policy: int


class AccountRow(Struct, frozen=True):
    """One account."""

    name: str
    status: str
    days_left: float | None = None


class NameRow(Struct, frozen=True):
    """One account."""

    name: str


class Facts(Struct, frozen=True):
    """Accounts of one instance."""

    policies: tuple[PolicyRow, ...] | Failure
    accounts: tuple[AccountRow, ...] | Failure
    holders: tuple[NameRow, ...] | Failure


def probe(database: Database) -> Facts:
    """Ask the data dictionary. Raise a ProbeError."""
    return Facts(
        part(lambda: database.rows(POLICY, PolicyRow)),
        part(lambda: database.rows(ACCOUNTS, AccountRow)[:_MOST]),
        part(lambda: database.rows(HOLDERS, NameRow)[:_MOST]),
    )


class AccountThresholds(Thresholds, frozen=True):
    """Of accounts that people and applications use."""

    critical_policy: Annotated[int, limit("PWD_POLICY", "DBC: 0, no rule at all")] = 0
    warning_days: Annotated[float, limit("d", "OWN: as ORA-014")] = 7
    accepted_administrators: Annotated[
        tuple[str, ...], limit("account names", "OWN: approved by the customer")
    ] = ()


def accounts(facts: Facts, thresholds: AccountThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the policy, accounts and administrators."""
    yield _policy(facts.policies, thresholds)
    yield from _accounts(facts.accounts, thresholds)
    if isinstance(facts.holders, Failure):
        yield from missing(facts.holders, "administrators")
        return
    accepted = {*_BUILT_IN, "DBA", *thresholds.accepted_administrators}
    extra = sorted({row.name for row in facts.holders} - accepted)
    current = count(len(extra), "个账户", "accounts")
    wanted = Text("仅内置账户", "built-in accounts only")
    if not extra:
        yield ok("administrators", current, wanted)
        return
    message = Text(
        f"以下账户拥有 DBA 角色：{listing(extra)}；请逐个确认，经客户认可的写入策略。",
        f"These accounts hold the role DBA: {listing(extra)}; approve them one by one.",
    )
    yield warning("administrators", current, wanted, message)


def _policy(found: tuple[PolicyRow, ...] | Failure, thresholds: AccountThresholds) -> Verdict:
    if isinstance(found, Failure):
        return missing(found, "policy")[0]
    if not found:
        return not_run("policy", Failure(Reason.UNSUPPORTED, "PWD_POLICY"))
    policy = found[0].policy
    current, wanted = Text.same(f"PWD_POLICY = {policy}"), Text.same("PWD_POLICY > 0")
    if policy > thresholds.critical_policy:
        return ok("policy", current, wanted)
    message = Text(
        "没有任何口令规则（PWD_POLICY = 0），可以使用空白或极弱的口令。",
        "There is no rule for passwords (PWD_POLICY = 0): any weak one will do.",
    )
    return critical("policy", current, wanted, message)


def _accounts(
    found: tuple[AccountRow, ...] | Failure, thresholds: AccountThresholds
) -> Iterator[Verdict]:
    if isinstance(found, Failure):
        yield from missing(found, "accounts")
        return
    fine = 0
    wanted = Text("正常", "open")
    for row in found:
        name, current = row.name, Text.same(row.status)
        soon = row.days_left is not None and row.days_left <= thresholds.warning_days
        if name in _BUILT_IN or (row.status == "OPEN" and not soon):
            fine += 1
        elif row.status != "OPEN":
            message = Text(
                f"账户 {name} 的状态是 {row.status}，使用它的应用无法登录。",
                f"Account {name} is {row.status}: applications that use it can't sign in.",
            )
            yield warning(name, current, wanted, message)
        else:
            left = days(row.days_left or 0)
            message = Text("账户 {name} 的口令将在 {left}后过期。", "{name} expires in {left}.")
            yield warning(name, left, wanted, message.format(name=name, left=left))
    yield ok("accounts", count(fine, "个账户正常", "accounts are well"), wanted)


CHECK = Check(
    title=Text("达梦账户", "DM8 accounts"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="dameng",
    reads=("V$DM_INI, DBA_USERS, DBA_ROLE_PRIVS",),
    privilege=Text(
        "角色 VTI，以及 DBA_USERS、DBA_ROLE_PRIVS 的 SELECT",
        "the role VTI, and SELECT on DBA_USERS and DBA_ROLE_PRIVS",
    ),
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(
        Rule(
            code="DM-011",
            title=Text("达梦口令策略与账户", "Password policy and accounts"),
            why=Text(
                "没有口令策略、账户突然过期或 DBA 角色过多，都会带来入侵或停业务的风险。",
                "No rules for passwords, accounts that expire, too many DBAs: intruders get in, or "
                "work stops.",
            ),
            remedy=Text(
                "SP_SET_PARA_VALUE(1,'PWD_POLICY',31) 启用策略（先确认应用口令合规）；"
                "ALTER USER 名称 ACCOUNT UNLOCK 解锁；多余的 DBA 角色用 REVOKE 收回。",
                "SP_SET_PARA_VALUE(1,'PWD_POLICY',31) sets rules (see first that applications' "
                "passwords obey); ALTER USER name ACCOUNT UNLOCK; REVOKE needless DBA roles.",
            ),
            priority=2,
            thresholds=AccountThresholds,
            evaluate=accounts,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
