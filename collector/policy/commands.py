"""`xunjian-collector policy`: a customer's own thresholds, and findings that are waived."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from checks.api import Rule, Text
from checks.discovery import discover
from collector.customers.service import find_customer
from collector.enrolment.record import person_here
from collector.errors import NotFound, Unusable
from collector.options import (
    HERE,
    CustomerName,
    DataOption,
    JsonOption,
    LanguageOption,
    day_of,
    opened,
    print_json,
    print_table,
    said,
)
from collector.policy.layers import Override
from collector.policy.store import decide, overrides_of, remove
from collector.reports.words import Language

policy = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="阈值策略与豁免。 Thresholds of a customer, and waivers.",
)
Code = Annotated[str, typer.Argument(help="检查项代码，如 PG-002。 Code of the rule.")]
SiteName = Annotated[str, typer.Option("--site", help="仅此站点。 This site only.")]
HostName = Annotated[str, typer.Option("--host", help="仅此主机。 This host only.")]
ObjectName = Annotated[
    str,
    typer.Option(
        "--object",
        metavar="PATTERN",
        help="仅匹配的对象，如 'erp: test_*'。 Objects that fit only, as the report shows them.",
    ),
]
Why = Annotated[str, typer.Option("--why", help="原因，写入报告和审计。 Why; the report says it.")]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="DATE", help="有效至该日。 The last day on which it holds."),
]
_ADDED = Text(
    "已保存（编号 {id}），从下次巡检起生效。",
    "Saved as {id}; it counts from the next inspection on.",
)
_REMOVED = Text("已删除 {id}。", "Removed {id}.")
_NONE = Text(
    "客户“{name}”没有自己的阈值或豁免：全部使用默认值。",
    "{name} has no thresholds of its own and no waivers: all are the defaults.",
)
_COLUMNS = (
    Text("编号", "id"),
    Text("检查项", "rule"),
    Text("范围", "where"),
    Text("内容", "what"),
    Text("有效至", "until"),
    Text("原因", "why"),
    Text("批准", "by"),
)
_WAIVED = Text("豁免", "waived")
_EVERYWHERE = Text("全部", "everywhere")


@policy.command("set")
def policy_set(
    code: Code,
    values: Annotated[
        list[str], typer.Argument(metavar="NAME=VALUE...", help="阈值，可多个。 Thresholds.")
    ],
    customer: CustomerName,
    why: Why,
    site: SiteName = "",
    host: HostName = "",
    object: ObjectName = "",
    until: Until = None,
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """设置某客户、站点、主机或对象的阈值。 Set thresholds for a customer, a site, a host, objects.

    \b
    Examples:
      xunjian-collector policy set PG-002 warning_percent=85 --customer 示例公司 --why 已确认
      xunjian-collector policy set OS-DSK-001 critical_used_percent=97 --customer 示例公司 \\
          --host db1 --object '/backup' --why 专用备份盘
    """
    given = dict(_pair(value) for value in values)
    rule = _rule(code)
    place = {"site": site, "host": host, "object": object}
    _save(data, lang, customer, rule, until, why=why, thresholds=given, **place)


@policy.command("waive")
def policy_waive(
    code: Code,
    customer: CustomerName,
    why: Why,
    site: SiteName = "",
    host: HostName = "",
    object: ObjectName = "",
    until: Until = None,
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """豁免：匹配的结果不再计为问题，报告第 13 章列出原因。 Waive what fits; the report lists it.

    \b
    Examples:
      xunjian-collector policy waive PG-018 --customer 示例公司 --object 'erp: test_*' --why 测试库
    """
    rule = _rule(code)
    place = {"site": site, "host": host, "object": object}
    _save(data, lang, customer, rule, until, why=why, waived=True, **place)


@policy.command("list")
def policy_list(
    customer: CustomerName,
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """列出客户自己的阈值和豁免。 List a customer's own thresholds and waivers."""
    with opened(data) as database, database.reading() as session:
        found = overrides_of(session, find_customer(session, customer).id)
    if as_json:
        print_json([_plain(each) for each in found])
    elif found:
        print_table(_COLUMNS, [_cells(each, lang) for each in found], lang)
    else:
        typer.echo(said(_NONE.format(name=customer), lang))


@policy.command("remove")
def policy_remove(
    entry: Annotated[
        str, typer.Argument(metavar="ID", help="编号（见 list）。 Its id (see list).")
    ],
    customer: CustomerName,
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """删除一条策略，恢复默认。 Remove a decision; the default counts again.

    \b
    Examples:
      xunjian-collector policy remove 1a2b3c4d --customer 示例公司
    """
    with opened(data) as database, database.writing(alone=True) as session:
        remove(session, find_customer(session, customer), entry, person_here(), datetime.now(UTC))
    typer.echo(said(_REMOVED.format(id=entry), lang))


def _save(
    data: Path,
    lang: Language,
    customer: str,
    rule: Rule[Any, Any],
    until: str | None,
    **decision: Any,  # noqa: ANN401 - as decide takes them
) -> None:
    """Keep a decision of whoever runs this, and say so."""
    with opened(data) as database, database.writing(alone=True) as session:
        entry = decide(
            session,
            find_customer(session, customer),
            rule,
            person=person_here(),
            expires=day_of(until) if until else None,
            now=datetime.now(UTC),
            **decision,
        )
        made = entry.id
    typer.echo(said(_ADDED.format(id=made), lang))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise Unusable(
            Text(
                f"“{text}”不是 名称=值 的形式，例如 warning_percent=85。",
                f"{text!r} is no NAME=VALUE, such as warning_percent=85.",
            )
        )
    return name, value


def _rule(code: str) -> Rule[Any, Any]:
    rules = {rule.code: rule for check in discover().checks.values() for rule in check.rules}
    if code not in rules:
        raise NotFound(
            Text(
                f"没有代码为 {code} 的检查项：请看报告附录 B 或 docs/checks。",
                f"There is no rule {code}: see appendix B of a report, or docs/checks.",
            )
        )
    return rules[code]


def _place(each: Override) -> str:
    return " / ".join(part for part in (each.site, each.host, each.object) if part)


def _cells(each: Override, lang: Language) -> Sequence[str]:
    values = ", ".join(f"{name}={value}" for name, value in each.thresholds.items())
    return (
        each.id,
        each.code,
        _place(each) or said(_EVERYWHERE, lang),
        said(_WAIVED, lang) if each.waived else values,
        each.expires.isoformat() if each.expires else "—",
        each.why,
        each.person,
    )


def _plain(each: Override) -> dict[str, object]:
    return {
        "id": each.id,
        "code": each.code,
        "site": each.site,
        "host": each.host,
        "object": each.object,
        "thresholds": dict(each.thresholds),
        "waived": each.waived,
        "why": each.why,
        "person": each.person,
        "set_at": each.set_at.isoformat(),
        "expires": each.expires.isoformat() if each.expires else None,
    }
