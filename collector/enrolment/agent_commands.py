"""`xunjian-collector agent`: look at agents, approve them, revoke them."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from checks.api import Text
from collector.customers.service import find_customer
from collector.enrolment import service
from collector.enrolment.listing import AgentRow, find_agent, row_of
from collector.enrolment.listing import agents as listed
from collector.enrolment.record import person_here
from collector.errors import NotEnrolled, Unusable
from collector.options import (
    HERE,
    DataOption,
    JsonOption,
    LanguageOption,
    local,
    opened,
    print_fields,
    print_json,
    print_table,
    said,
)
from collector.reports.words import Language
from wire.messages import Standing

agents = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="代理：查看、批准、吊销。 Agents: look, approve, revoke.",
)
AgentId = Annotated[
    str, typer.Argument(metavar="ID", help="代理编号（或其开头）。 Id of the agent, or its start.")
]

STANDINGS = {
    Standing.PENDING: Text("待批准", "pending"),
    Standing.ACTIVE: Text("已批准", "active"),
    Standing.REVOKED: Text("已吊销", "revoked"),
}


@agents.command("list")
def agent_list(
    customer: Annotated[
        str | None, typer.Option(help="只列出该客户的。 Those of this customer only.")
    ] = None,
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """列出代理，待批准的在前；分叉、克隆和缺失的批次一并显示。
    List the agents, those to be approved first, with forks, clones and missing batches.

    \b
    Examples:
      xunjian-collector agent list
      xunjian-collector agent list --customer 示例公司 --json
    """
    with opened(data) as database, database.reading() as session:
        owner = find_customer(session, customer) if customer else None
        rows = listed(session, owner)
    if as_json:
        print_json([asdict(row) | {"standing": row.standing.value} for row in rows])
        return
    if not rows:
        none = Text(
            "还没有代理：先用 xunjian-collector slot add 发放登记码。",
            "No agents yet: make a code with xunjian-collector slot add.",
        )
        typer.echo(said(none, lang))
        return
    columns = (
        Text("编号", "id"),
        Text("客户 / 站点 / 主机", "customer / site / host"),
        Text("状态", "state"),
        Text("指纹", "fingerprint"),
        Text("批次", "batches"),
        Text("最近收到", "last received"),
        Text("注意", "note"),
    )
    cells = [
        [
            row.id[:12],
            f"{row.customer} / {row.site} / {row.host}",
            said(STANDINGS[row.standing], lang),
            row.words,
            str(row.batches),
            local(row.last_received_at, row.time_zone),
            said(note(row), lang),
        ]
        for row in rows
    ]
    print_table(columns, cells, lang)


@agents.command("approve")
def agent_approve(
    agent_id: AgentId,
    fingerprint: Annotated[
        str | None,
        typer.Option(
            help="与客户核对的六个词或数字；不符则不批准。 The six words or numbers compared with "
            "the customer; others are not approved."
        ),
    ] = None,
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """批准代理：此前收到的数据随即评估。 Approve an agent: what has come from it is judged now.

    批准前请与客户电话核对六词指纹。 Compare the six words with the customer by telephone first.

    \b
    Examples:
      xunjian-collector agent approve 3f2a
      xunjian-collector agent approve 3f2a --fingerprint "one two three four five six"
    """
    with opened(data) as database, database.writing(alone=True) as session:
        agent = find_agent(session, agent_id)
        row = row_of(session, agent)
        if agent.standing == Standing.REVOKED.value:
            raise NotEnrolled(
                Text(
                    f"代理 {row.id[:12]}（{row.host}）已吊销，不能再批准：请发放新的登记码。",
                    f"The agent {row.id[:12]} ({row.host}) was revoked and can't be approved: "
                    "make a new code.",
                )
            )
        if fingerprint is not None:
            _demand_fingerprint(row, fingerprint)
        held = service.approve(session, agent, person_here(), datetime.now(UTC))
    print_fields(_fields(row), lang)
    done = Text(
        f"已批准；此前收到的 {held} 批数据将被评估。",
        f"Approved; {held} batches that have come are judged now.",
    )
    typer.echo(said(done, lang))


@agents.command("revoke")
def agent_revoke(
    agent_id: AgentId,
    reason: Annotated[str, typer.Option(help="原因，记入审计。 Why; it is written down.")],
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """吊销代理：不再接收其数据，已有数据保留。不可恢复。
    Revoke an agent: nothing is taken from it any more, what it sent stays. For good.

    \b
    Examples:
      xunjian-collector agent revoke 3f2a --reason "服务器已报废"
    """
    if not reason.strip():
        raise Unusable(Text("--reason 不能为空。", "--reason must not be empty."))
    with opened(data) as database, database.writing(alone=True) as session:
        agent = find_agent(session, agent_id)
        row = row_of(session, agent)
        service.revoke(session, agent, reason.strip(), person_here(), datetime.now(UTC))
    print_fields(_fields(row), lang)
    typer.echo(said(Text("已吊销。", "Revoked."), lang))


def note(row: AgentRow) -> Text:
    """Return what should be looked at in the way of an agent's data; empty if nothing."""
    if row.cloned:
        return Text(f"疑似克隆（分叉 {row.forks}）", f"cloned? ({row.forks} forks)")
    if row.forks:
        return Text(f"分叉 {row.forks}", f"{row.forks} forks")
    if row.missing:
        return Text(f"缺 {row.missing} 批", f"{row.missing} batches missing")
    if row.remote and not row.revoked_why:
        return Text("远程会话，未安装代理", "remote sessions, none is installed")
    return Text.same(row.revoked_why or "")


def _fields(row: AgentRow) -> dict[Text, str]:
    told = row.told
    return {
        Text("代理", "agent"): row.id,
        Text("客户 / 站点 / 主机", "customer / site / host"): (
            f"{row.customer} / {row.site} / {row.host}"
        ),
        Text("主机自报", "told by the host"): (
            f"{told.get('hostname', '-')}, {told.get('system', '-')}, "
            f"agent {told.get('agent_version', '-')}"
        ),
        Text("指纹", "fingerprint"): f"{row.words} ({row.numbers})",
    }


def _demand_fingerprint(row: AgentRow, typed: str) -> None:
    parts = typed.replace(",", " ").replace("-", " ").lower().split()
    if parts in (row.words.split(), row.numbers.split()):
        return
    raise NotEnrolled(
        Text(
            f"指纹不符，未批准：该代理的指纹是 {row.words}（{row.numbers}）。请与客户核对，"
            "不符时请吊销该代理。",
            f"Not approved, the fingerprint is another one: this agent's is {row.words} "
            f"({row.numbers}). Compare it with the customer; if it differs, revoke the agent.",
        )
    )
