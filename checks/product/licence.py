"""APP-003: how long the product's licence lasts, and how many of its seats are taken."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    Scope,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    grade,
    limit,
    ok,
)
from checks.errors import UnexpectedOutput
from checks.judging import judged
from checks.product_packs import Licence, Part
from checks.products import Expiry, Product, answers, require
from checks.wording import days, percent

MOST_LICENCES = 200
_DATE = re.compile(r"(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})(?:\D.*)?", re.DOTALL)


class LicenceThresholds(Thresholds, frozen=True):
    """Time to renew a licence takes weeks of approvals."""

    warning_days: Annotated[float, limit("days", "catalogue APP-003")] = 60
    critical_days: Annotated[float, limit("days", "catalogue APP-003")] = 15
    warning_seats_percent: Annotated[float, limit("%", "catalogue APP-003")] = 90


class Facts(Struct, frozen=True):
    """The licences of one installation."""

    licences: tuple[Expiry, ...]


def probe(product: Product) -> Facts:
    """Ask the query or read the file of the pack. Raise a ProbeError."""
    licence = product.declaration.licence
    require(product, Part.LICENCE, licence)
    assert licence is not None
    return Facts(
        tuple(_by_query(product, licence) if licence.query else _in_file(product, licence))
    )


def _by_query(product: Product, licence: Licence) -> Iterator[Expiry]:
    for row in answers(product, licence.query, "licence.query")[:MOST_LICENCES]:
        if "expires" not in row:
            raise UnexpectedOutput("licence.query", "no column expires")
        yield Expiry(
            str(row.get("name") or "")[:255],
            _day(row["expires"]),
            _number(row, "seats_used"),
            _number(row, "seats_bought"),
        )


def _in_file(product: Product, licence: Licence) -> Iterator[Expiry]:
    found = re.search(licence.expression, product.host.read(licence.file))
    if found is None or not found.groups():
        raise UnexpectedOutput(licence.file, "no date of expiry in it")
    yield Expiry(expires=_day(found[1]))


def _day(value: object) -> date | None:
    """Return a day however the database gives it. Raise UnexpectedOutput."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    match = _DATE.fullmatch(str(value).strip())
    try:
        if match is not None:
            return date(*map(int, match.groups()))
    except ValueError as error:
        raise UnexpectedOutput("licence", f"{str(value)[:40]}: {error}") from error
    raise UnexpectedOutput("licence", f"{str(value)[:40]} is no date")


def _number(row: Mapping[str, object], name: str) -> int | None:
    value = row.get(name)
    if value is None:
        return None
    try:
        return max(0, int(str(value)))
    except ValueError as error:
        raise UnexpectedOutput("licence.query", f"{name} is no number") from error


def evaluate(facts: Facts, thresholds: LicenceThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the end of each licence, and its seats where both numbers are known."""
    today = past.observed_at.date()
    if not facts.licences:
        none = Text("没有授权记录", "no licence")
        yield critical("", none, Text("有效授权", "a valid licence"), _NONE)
    for each in facts.licences:
        yield _expiry(each, thresholds, today)
        if each.seats_used is not None and each.seats_bought:
            yield _seats(each, each.seats_used, each.seats_bought, thresholds)


_NONE = Text("查询没有返回任何授权记录。", "The query gave no licence at all.")


def _expiry(each: Expiry, thresholds: LicenceThresholds, today: date) -> Verdict:
    reference = Text(f">{thresholds.warning_days:g} 天", f">{thresholds.warning_days:g} days")
    if each.expires is None:
        return ok(each.name, Text("永久授权", "without an end"), reference)
    left = (each.expires - today).days
    state = grade(left, thresholds.warning_days, thresholds.critical_days, lower_is_worse=True)
    shown = days(left)
    current = Text(f"{each.expires}（剩余 {shown.zh}）", f"{each.expires} ({shown.en} left)")
    name = Text(f"授权 {each.name}".strip(), f"licence {each.name}".strip())
    message = Text(
        f"{name.zh} 将于 {each.expires} 到期，还有 {left} 天。",
        f"The {name.en} ends on {each.expires}, in {left} days.",
    )
    if left < 0:
        current = Text(f"{each.expires}（已过期）", f"{each.expires} (over)")
        message = Text(
            f"{name.zh} 已于 {each.expires} 到期。", f"The {name.en} ended on {each.expires}."
        )
    return Verdict(each.name, state, current, reference, None if state is State.OK else message)


def _seats(each: Expiry, used: int, bought: int, thresholds: LicenceThresholds) -> Verdict:
    share = 100 * used / bought
    found = judged(
        f"{each.name} 许可数".strip(),
        share,
        thresholds.warning_seats_percent,
        float("inf"),
        show=percent,
        message=Text(
            f"{each.name or '授权'} 已用 {used} 个许可，共购买 {bought} 个。",
            f"{used} of {bought} seats of {each.name or 'the licence'} are taken.",
        ),
    )
    return Verdict(
        found.object, found.state, Text.same(f"{used}/{bought}"), found.reference, found.message
    )


CHECK = Check(
    title=Text("产品授权", "Licence of the product"),
    chapter=Chapter.PRODUCT,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="product",
    reads=("the query or the file that the pack names: dates and numbers of seats",),
    privilege=Text("对包中查询的表有 SELECT 权限", "SELECT on the tables of the pack's query"),
    scopes=(Scope.METADATA, Scope.BUSINESS_DATA),
    rules=(
        Rule(
            code="APP-003",
            title=Text("产品授权到期", "Expiry of the licence"),
            why=Text(
                "授权到期当天用户就无法登录；许可用完时新用户无法登录。",
                "On the day a licence ends nobody can sign in; when its seats are taken no more "
                "users can.",
            ),
            remedy=Text(
                "联系产品供应商续期或增购许可；拿到新授权文件后先备份旧文件再更换。",
                "Renew the licence or buy seats from the vendor; keep the old file when the new "
                "one is put in place.",
            ),
            priority=1,
            thresholds=LicenceThresholds,
            evaluate=evaluate,
            owner=Owner.APPLICATION_CONSULTANT,
        ),
    ),
)
