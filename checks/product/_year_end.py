"""APP-006: before the year ends, the next one can be booked in."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Owner,
    Past,
    Rule,
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
from checks.product._books import AccountSet, Facts
from checks.product._standing import named
from wire.messages import Reason

_DECEMBER = 12


class YearThresholds(Thresholds, frozen=True):
    """When the next year must be set up."""

    warning_day: Annotated[int, limit("day of December", "catalogue APP-006")] = 15


def evaluate(facts: Facts, thresholds: YearThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge each account set that is booked in: in December by the next year, else by this one."""
    if facts.periods is not None:
        if facts.periods.reason is Reason.NOT_APPLICABLE:
            why = Text("产品包声明没有会计期间。", "The pack says that there are no periods.")
            yield not_applicable("", why)
        else:
            yield from missing(facts.periods)
        return
    today = past.observed_at
    for each in facts.sets:
        if not each.years or max(each.years) < today.year - 1:
            why = Text("不再使用的账套。", "Nobody books in this account set any more.")
            yield not_applicable(each.code, why)
        elif today.year not in each.years:
            yield _over(facts, each, today.year)
        elif today.month == _DECEMBER and today.day > thresholds.warning_day:
            yield _soon(facts, each, today.year + 1)
        else:
            yield ok(each.code, _newest(each), _from(today.year))


def _newest(each: AccountSet) -> Text:
    return Text(f"至 {max(each.years)} 年", f"up to {max(each.years)}")


def _from(year: int) -> Text:
    return Text(f"有 {year} 年期间", f"periods of {year}")


def _over(facts: Facts, each: AccountSet, year: int) -> Verdict:
    name = named(facts, each.code)
    message = Text(
        f"账套 {name} 还没有 {year} 年的会计期间，无法录入本年业务。",
        f"Account set {name} has no periods of {year}: nothing can be booked this year.",
    )
    return critical(each.code, _newest(each), _from(year), message)


def _soon(facts: Facts, each: AccountSet, year: int) -> Verdict:
    if year in each.years:
        return ok(each.code, _newest(each), _from(year))
    name = named(facts, each.code)
    message = Text(
        f"账套 {name} 还没有建立 {year} 年的会计期间，元旦后将无法录入业务。",
        f"Account set {name} has no periods of {year} yet: from New Year nothing can be booked.",
    )
    return warning(each.code, _newest(each), _from(year), message)


YEAR_END = Rule(
    code="APP-006",
    title=Text("下一年度会计期间", "Periods of the next year"),
    why=Text(
        "新年度账没有建立，元旦后的单据无法录入，往往在上班第一天才被发现。",
        "Without the new year nothing can be booked after New Year, and it is found out on the "
        "first working day.",
    ),
    remedy=Text(
        "与财务确认后，在产品的系统管理中建立新年度账或会计日历；操作前先做一次完整备份。",
        "Agree it with the accountants, then set the new year up in the product's administration; "
        "make a full backup before.",
    ),
    priority=2,
    thresholds=YearThresholds,
    evaluate=evaluate,
    owner=Owner.APPLICATION_CONSULTANT,
)
