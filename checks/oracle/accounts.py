"""Oracle: passwords that expire, default passwords, and who may do everything.

Names only; no hash is read. Before 12.1 nothing tells Oracle's own accounts from others: then
they are left out by name.

From the reference (11.2 to 23ai); no Oracle has run these queries for us yet.
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
    State,
    Text,
    Thresholds,
    Verdict,
    critical,
    grade,
    limit,
    ok,
    warning,
)
from checks.judging import missing
from checks.oracle._account_facts import AccountRow, Facts, probe
from checks.oracle._administrators import POWER, measures
from checks.wording import days


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
    scopes=(Scope.METADATA, Scope.CONFIG),
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
        POWER,
    ),
)
