"""`xunjian-collector session list|show|verify|replay|close|accept|import`."""

import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from checks.api import Text
from collector.customers.service import find_customer
from collector.enrolment.record import person_here
from collector.errors import Unusable
from collector.options import (
    HERE,
    CustomerName,
    DataOption,
    JsonOption,
    LanguageOption,
    opened,
    print_fields,
    print_json,
    print_table,
    said,
)
from collector.reports.words import Language
from collector.sessions import showing
from collector.sessions.import_commands import import_files
from collector.sessions.listing import find_session, row_of, sessions, work_of
from collector.sessions.opening import accept
from collector.sessions.outcome import Outcome
from collector.sessions.story import read_lines
from collector.sessions.words import EMPTY, PURPOSES
from collector.sessions.work import Work, write_work
from wire.asciicast import cast
from wire.errors import WireError

commands = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="远程会话：查看、回放、核验、工单。 Remote sessions: look, replay, verify, work records.",
)
commands.command("import")(import_files)
SessionId = Annotated[
    str,
    typer.Argument(metavar="ID", help="会话编号（或其开头）。 Id of the session, or its start."),
]
_COLUMNS = (
    Text("编号", "id"),
    Text("站点 / 主机", "site / host"),
    Text("工程师", "engineer"),
    Text("用途", "purpose"),
    Text("开启", "opened"),
    Text("结束", "ended"),
    Text("状态", "state"),
    Text("记录", "record"),
    Text("工单", "work record"),
)
_NONE = Text("客户“{name}”没有远程会话。", "{name} has no remote sessions.")
_WRITTEN = Text("工单已保存。", "The work record is saved.")
_ACCEPTED = Text(
    "已追认：工程师重新上报（或重新导入）后，数据即被接收。",
    "Taken in: its batches count once they are delivered or imported again.",
)
_BROKEN = Text(
    "记录自某行起被改动，其后无法回放：请用 session verify 核验。",
    "The record was changed, what is behind can't be replayed: see session verify.",
)
_VERIFIED = {
    Outcome.GOOD: Text("结论：完整，未被改动。", "Complete, and nothing was changed."),
    Outcome.INCOMPLETE: Text(
        "结论：不完整，尚不能证明。", "Incomplete: it does not prove anything yet."
    ),
    Outcome.WRONG: Text("结论：核验不符。", "It does not verify."),
}


@commands.command("list")
def session_list(
    customer: CustomerName,
    host: Annotated[str | None, typer.Option(help="仅此主机。 This host only.")] = None,
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """列出远程会话，最近的在前。 List the remote sessions of a customer, the newest first.

    \b
    Examples:
      xunjian-collector session list --customer 示例公司
      xunjian-collector session list --customer 示例公司 --host erp-db --json
    """
    with opened(data) as database, database.reading() as session:
        rows = sessions(session, find_customer(session, customer), host)
    if as_json:
        print_json([showing.plain(row) for row in rows])
    elif rows:
        print_table(_COLUMNS, [showing.cells(row, lang) for row in rows], lang)
    else:
        typer.echo(said(_NONE.format(name=customer), lang))


@commands.command("show")
def session_show(
    session_id: SessionId,
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """显示一个会话的全部：授权、命令、文件、结果、工单。
    Show all of a session: grant, commands, files, outcome, work records.

    \b
    Examples:
      xunjian-collector session show 3f2a
    """
    with opened(data) as database, database.reading() as session:
        stored = find_session(session, session_id)
        row = row_of(session, stored)
        works = work_of(session, stored)
        if as_json:
            told = [showing.work_plain(work) for work in works]
            print_json({**showing.whole(session, stored, row), "work_records": told})
            return
        print_fields(showing.fields(session, stored, row), lang)
        print_fields(
            {
                Text("用途", "purpose"): said(PURPOSES[row.purpose], lang),
                Text("状态", "state"): said(showing.ended(row), lang),
            },
            lang,
        )
    for line in showing.transcript(row, lang):
        typer.echo(line)
    for point in row.found.points:
        typer.echo(showing.point_line(point, lang))
    if not works:
        none = Text(
            "没有工单：用 session close 填写。", "No work record: write one, session close."
        )
        typer.echo(said(none, lang))
    for number, work in enumerate(works):
        title = Text("工单", "work record") if number == 0 else Text("以前的工单", "earlier one")
        typer.echo(f"— {said(title, lang)}")
        print_fields(showing.work_fields(work, row.time_zone), lang)


@commands.command("verify")
def session_verify(
    session_id: SessionId,
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """核验会话：签名、授权、记录是否完整且未被改动。不符或不完整时退出码为 1。
    Verify a session: signatures, grant, record. Exit code 1 if anything is wrong or missing.

    \b
    Examples:
      xunjian-collector session verify 3f2a
    """
    with opened(data) as database, database.reading() as session:
        row = row_of(session, find_session(session, session_id))
    if as_json:
        points = [showing.point_plain(point) for point in row.found.points]
        print_json({"id": row.id, "outcome": row.outcome.value, "points": points})
    else:
        for point in row.found.points:
            typer.echo(showing.point_line(point, lang))
        typer.echo(said(_VERIFIED[row.outcome], lang))
    if row.outcome is not Outcome.GOOD:
        raise typer.Exit(1)


@commands.command("replay")
def session_replay(
    session_id: SessionId,
    output: Annotated[
        Path | None,
        typer.Option(help="写成 asciinema v2 文件。 Write an asciinema v2 file instead."),
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0.1, max=1000, help="回放倍速。 How many times as fast.")
    ] = 1.0,
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """在终端回放会话，或写成 asciinema v2 文件。
    Replay a session in the terminal, or write it as an asciinema v2 file.

    \b
    Examples:
      xunjian-collector session replay 3f2a --speed 4
      xunjian-collector session replay 3f2a --output 3f2a.cast
    """
    with opened(data) as database, database.reading() as session:
        stored = find_session(session, session_id)
        shown = cast(read_lines(session, stored))
        try:
            if output is None:
                _play(shown, speed)
                return
            _write(shown, output)
        except WireError as error:
            raise Unusable(_BROKEN) from error
    done = Text(f"已写入 {output}。", f"Written to {output}.")
    typer.echo(said(done, lang))


@commands.command("close")
def session_close(
    session_id: SessionId,
    problem: Annotated[str, typer.Option(help="问题。 What was wrong.")],
    done: Annotated[str, typer.Option(help="处理经过。 What was done.")],
    result: Annotated[str, typer.Option(help="处理结果。 What came of it.")],
    cause: Annotated[str, typer.Option(help="原因。 Why it was so.")] = "",
    prevention: Annotated[str, typer.Option(help="预防措施。 How it is prevented.")] = "",
    confirmed_by: Annotated[
        str, typer.Option(help="客户确认人。 Who of the customer has confirmed it.")
    ] = "",
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """填写远程工单，列入年度报告的服务总结；以后的工单取代以前的，均予保留。
    Write the work record, which the yearly report lists; a later one counts, all of them stay.

    \b
    Examples:
      xunjian-collector session close 3f2a --problem 归档目录写满 --done 清理过期归档 \\
          --result 空间恢复到 60% --cause 归档未定期清理 --confirmed-by 李主任
    """
    work = Work(problem, done, result, cause, prevention, confirmed_by)
    with opened(data) as database, database.writing(alone=True) as session:
        row = find_session(session, session_id)
        write_work(session, row, work, person_here(), datetime.now(UTC))
    typer.echo(said(_WRITTEN, lang))


@commands.command("accept")
def session_accept(
    session_id: SessionId,
    why: Annotated[str, typer.Option(help="原因，记入审计。 Why; it is written down.")],
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """追认一个未获准许的会话：此后接收其数据；记录中仍写明未获准许。
    Take in a session that was not permitted: its data counts from now on; it stays on record.

    \b
    Examples:
      xunjian-collector session accept 3f2a --why 客户已补签授权
    """
    if not why.strip():
        raise Unusable(EMPTY.format(option="--why"))
    with opened(data) as database, database.writing(alone=True) as session:
        row = find_session(session, session_id)
        accept(session, row, why.strip(), person_here(), datetime.now(UTC))
    typer.echo(said(_ACCEPTED, lang))


def _play(shown: Iterable[str], speed: float) -> None:
    """Print what the engineer saw, when he saw it."""
    begun = time.monotonic()
    try:
        for line in shown:
            event = json.loads(line)
            if not isinstance(event, list) or event[1] != "o":
                continue
            time.sleep(max(0.0, begun + event[0] / speed - time.monotonic()))
            typer.echo(event[2], nl=False)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    finally:
        typer.echo()


def _write(shown: Iterable[str], output: Path) -> None:
    """Write all of a cast, or nothing. Raise Unusable or WireError."""
    beside = output.with_name(f".{output.name}.new")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.writelines(shown)
        beside.replace(output)
    except OSError as error:
        what = error.strerror or str(error)
        raise Unusable(
            Text(f"文件 {output} 无法写入：{what}。", f"{output} can't be written: {what}.")
        ) from error
    finally:
        beside.unlink(missing_ok=True)
