"""Oracle: default passwords, and accounts that came to all rights (ORA-018)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from checks.api import (
    Failure,
    Measure,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    ok,
    warning,
)
from checks.judging import missing
from checks.oracle._account_facts import Facts
from checks.wording import count, listing


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


POWER = Rule(
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
)
