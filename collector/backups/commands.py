"""`xunjian-collector backups`: last night's backups of every customer, the worst first."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer

from checks.api import Text
from checks.wording import size
from collector.backups.days import BAD, Leg, LegState
from collector.backups.frozen import LEG_NAMES, STATE_NAMES, states_of
from collector.backups.morning import Line, morning
from collector.backups.notes import excuse, find_set, reopen
from collector.customers.service import find_customer
from collector.enrolment.record import person_here
from collector.options import (
    HERE,
    CustomerName,
    DataOption,
    JsonOption,
    LanguageOption,
    day_of,
    local,
    opened,
    print_json,
    print_table,
    said,
)
from collector.reports.words import Language

backups = typer.Typer(rich_markup_mode=None)
HostName = Annotated[str, typer.Option("--host", help="主机名称。 Name of the host.")]
SetName = Annotated[
    str, typer.Option("--set", help="备份集名称。 Name of the backup set, as its agent calls it.")
]
DayOption = Annotated[
    str,
    typer.Option(
        "--day",
        metavar="DATE",
        help="备份日：备份窗口开始的日期。 Date on which its window starts.",
    ),
]
Why = Annotated[str, typer.Option("--why", help="原因，记入审计。 Why; it is written down.")]

SHAPES = {
    LegState.OK: "●",
    LegState.LATE: "△",
    LegState.PENDING: "…",
    LegState.MISSING: "✗",
    LegState.FAILED: "✗",
    LegState.MISMATCH: "≠",
    LegState.UNVERIFIED: "!",
    LegState.UNKNOWN: "?",
    LegState.EXCUSED: "○",
    LegState.NOT_DUE: "–",
}
"""A mark beside the word: not by colour alone, and readable in a mail."""
_COLUMNS = (
    Text("客户 / 站点 / 主机 / 备份集", "customer / site / host / set"),
    Text("备份日", "day"),
    *(LEG_NAMES[leg] for leg in Leg),
    Text("最新恢复点", "newest restore point"),
    Text("说明", "what"),
)


@backups.callback(invoke_without_command=True)
def last_night(
    context: typer.Context,
    on: Annotated[
        str | None,
        typer.Option(
            "--date", metavar="DATE", help="哪天早上（默认今天）。 Morning of which day (today)."
        ),
    ] = None,
    customer: Annotated[str | None, typer.Option(help="只看该客户。 This customer only.")] = None,
    as_json: JsonOption = False,
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """每个备份集一行：本地、异地、校验、恢复四个环节，最差的在前。
    One line for each backup set: local, offsite, verified, restored; the worst first.

    全部正常退出码为 0；有失败、缺失、未知、未校验或迟到为 1；未能完成为 2。适合 cron 与邮件。
    Exit code 0 if all is well; 1 if one is bad, unknown, unverified or late; 2 if it could not.

    \b
    Examples:
      xunjian-collector backups
      xunjian-collector backups --date 2026-11-21 --customer 示例公司
      xunjian-collector backups --json | jq '.[] | select(.worst != "ok")'
      xunjian-collector backups excuse --customer 示例公司 --host erp-db --set erp \\
        --day 2026-11-20 --why 机房停电
    """
    if context.invoked_subcommand is not None:
        return
    day = day_of(on) if on else None
    with opened(data) as database, database.reading() as session:
        owner = find_customer(session, customer) if customer else None
        lines = morning(session, datetime.now(UTC), on=day, owner=owner)
    if as_json:
        print_json([_as_json(line, lang) for line in lines])
    elif lines:
        _show(lines, lang)
    else:
        none = Text(
            "还没有备份集：在代理的 agent.toml 中加入 [backups.名称]，下次巡检后显示。",
            "No backup sets yet: add [backups.NAME] to the agent's settings; they show after its "
            "next inspection.",
        )
        typer.echo(said(none, lang))
    if not all(line.is_fine for line in lines):
        raise typer.Exit(1)


@backups.command("excuse")
def excuse_day(
    customer: CustomerName,
    host: HostName,
    name: SetName,
    day: DayOption,
    why: Why,
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """批准某天没有备份：该日不再算缺口，原因与批准人留存。
    Say why a day needs no backup: it is no gap any more; reason and person are kept.

    \b
    Examples:
      xunjian-collector backups excuse --customer 示例公司 --host erp-db --set erp \\
        --day 2026-11-20 --why "机房停电，客户王经理已批准"
    """
    on = day_of(day, "--day")
    now = datetime.now(UTC)
    with opened(data) as database, database.writing(alone=True) as session:
        row = find_set(session, find_customer(session, customer), host, name)
        states = states_of(excuse(session, row, on, why, person_here(), now))
    typer.echo(said(_done(Text("已批准", "Excused"), name, on, states), lang))


@backups.command("reopen")
def reopen_day(
    customer: CustomerName,
    host: HostName,
    name: SetName,
    day: DayOption,
    why: Why,
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """重开已封存或已批准的日子：按现有全部证据重新判断，原因留存。
    Judge a frozen or excused day again, by all that is known today; the reason is kept.

    \b
    Examples:
      xunjian-collector backups reopen --customer 示例公司 --host erp-db --set erp \\
        --day 2026-11-20 --why "校验失败系读盘故障，已更换磁盘"
    """
    on = day_of(day, "--day")
    now = datetime.now(UTC)
    with opened(data) as database, database.writing(alone=True) as session:
        row = find_set(session, find_customer(session, customer), host, name)
        states = states_of(reopen(session, row, on, why, person_here(), now))
    typer.echo(said(_done(Text("已重开", "Opened again"), name, on, states), lang))


def _done(what: Text, name: str, day: date, states: dict[str, str]) -> Text:
    legs = [
        Text("{leg} {state}", "{leg} {state}").format(
            leg=LEG_NAMES[leg], state=STATE_NAMES[LegState(states[leg.value])]
        )
        for leg in Leg
    ]
    shown = Text("，".join(each.zh for each in legs), ", ".join(each.en for each in legs))
    return Text("{what} {name} {day}：{legs}。", "{what}: {name} {day}: {legs}.").format(
        what=what, name=name, day=str(day), legs=shown
    )


def _show(lines: Sequence[Line], lang: Language) -> None:
    cells = [
        [
            " / ".join(filter(None, (line.customer, line.site, line.host, line.set))),
            str(line.day or "-"),
            *(_leg(line, leg, lang) for leg in Leg),
            _newest(line),
            said(line.why, lang) + (f" [{line.note}]" if line.note else ""),
        ]
        for line in lines
    ]
    print_table(_COLUMNS, cells, lang)
    bad = sum(line.worst in BAD for line in lines)
    unknown = sum(line.worst is LegState.UNKNOWN for line in lines)
    fine = sum(line.is_fine for line in lines)
    rest = len(lines) - bad - unknown - fine
    total = Text(
        f"共 {len(lines)} 行：正常 {fine}，异常 {bad}，未知 {unknown}，未校验或迟到 {rest}。",
        f"{len(lines)} lines: {fine} fine, {bad} bad, {unknown} unknown, {rest} not verified or "
        "late.",
    )
    typer.echo(said(total, lang))


def _leg(line: Line, leg: Leg, lang: Language) -> str:
    state = line.legs.get(leg, LegState.UNKNOWN)
    return f"{SHAPES[state]} {said(STATE_NAMES[state], lang)}"


def _newest(line: Line) -> str:
    if line.newest is None:
        return "-"
    bytes_known = line.newest.bytes
    more = f" {size(bytes_known)}" if bytes_known is not None else ""
    return f"{local(line.newest.started_at, line.zone)}{more}"


def _as_json(line: Line, lang: Language) -> dict[str, Any]:
    newest = line.newest
    return {
        "customer": line.customer,
        "site": line.site,
        "host": line.host,
        "set": line.set,
        "title": line.title,
        "day": line.day,
        "worst": line.worst.value,
        "fine": line.is_fine,
        **{leg.value: state.value for leg, state in line.legs.items()},
        "why": said(line.why, lang),
        "seen_at": line.seen_at.isoformat() if line.seen_at else None,
        "newest": {
            "id": newest.id,
            "started_at": newest.started_at.isoformat(),
            "bytes": newest.bytes,
        }
        if newest
        else None,
        "time_zone": line.zone,
        "note": line.note,
    }
