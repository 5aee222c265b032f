"""MSSQL-041: how long Microsoft still supports the version."""

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
    ok,
    warning,
)
from checks.mssql import _builds
from checks.mssql._versions import Facts, unknown
from checks.wording import days


class LifecycleThresholds(Thresholds, frozen=True):
    """When the end of support comes near."""

    warning_days_left: Annotated[float, limit("d", "catalogue: extended support < 180 d")] = 180


_SUPPORTED = Text("微软主流支持期内", "within mainstream support")
_ENDS = Text("{name}，扩展支持至 {day}", "{name}, extended support until {day}")
_MAINSTREAM = Text(
    "{name} 的主流支持已于 {mainstream} 结束，只提供安全更新；"
    "扩展支持到 {extended}（还有 {left}）。",
    "Mainstream support of {name} ended on {mainstream}: security updates alone, until {extended} "
    "({left} left).",
)
_SOON = Text(
    "{name} 的扩展支持将于 {extended} 结束（还有 {left}），此后没有安全更新。",
    "Extended support of {name} ends on {extended} (in {left}): no security updates after it.",
)
_OVER = Text(
    "{name} 的扩展支持已于 {extended} 结束，不再有安全更新（另购 ESU 的除外）。",
    "Extended support of {name} ended on {extended}: no security updates but under a paid ESU.",
)


def lifecycle(
    facts: Facts, thresholds: LifecycleThresholds, past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge the days until Microsoft stops fixing the version."""
    product = _builds.product_of(_builds.numbers(facts.version))
    if product is None:
        yield unknown(facts)
        return
    today = past.observed_at.date()
    left = (product.extended_end - today).days
    current = _ENDS.format(name=product.name, day=str(product.extended_end))
    values: dict[str, Text | str | float] = {
        "name": product.name,
        "mainstream": str(product.mainstream_end),
        "extended": str(product.extended_end),
        "left": days(left),
    }
    if left < 0:
        yield critical("", current, _SUPPORTED, _OVER.format(**values))
    elif left < thresholds.warning_days_left:
        yield warning("", current, _SUPPORTED, _SOON.format(**values))
    elif product.mainstream_end < today:
        yield warning("", current, _SUPPORTED, _MAINSTREAM.format(**values))
    else:
        yield ok("", current, _SUPPORTED)


LIFECYCLE = Rule(
    code="MSSQL-041",
    title=Text("版本支持期", "Support of the version"),
    why=Text(
        "超过支持期的版本不再获得安全更新，新发现的漏洞会一直敞开，出现故障也得不到厂商支持。",
        "A version without support gets no security updates: holes found from now on stay open, "
        "and nobody at Microsoft helps.",
    ),
    remedy=Text(
        "与 ERP 厂商确认可用的版本，安排升级到仍在主流支持期内的 SQL Server；"
        "升级前先在测试环境恢复备份验证。过渡期内可考虑购买 ESU。",
        "Ask the ERP's vendor which versions it runs on, plan the move to one within mainstream "
        "support and try it on a restored backup; buy ESU for the time between where it is sold.",
    ),
    priority=1,
    thresholds=LifecycleThresholds,
    evaluate=lifecycle,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
