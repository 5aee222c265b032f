"""`xunjian-collector import`: take in what came on a stick."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
)

from checks.api import Text
from collector.bundles import judging, receipts, refusals
from collector.bundles.opening import STEPS, Heard, opened
from collector.bundles.service import Import, Imported, import_bundle
from collector.customers.service import find_customer
from collector.database import Database
from collector.enrolment.record import person_here
from collector.errors import CollectorError, Unusable
from collector.identity import Identity, open_identity
from collector.options import (
    HERE,
    DataOption,
    JsonOption,
    LanguageOption,
    local,
    print_fields,
    print_json,
    said,
)
from collector.options import opened as opened_database
from collector.reports.words import Language
from collector.sessions import import_commands as session_importing
from collector.sessions.importing import is_session
from collector.settings import from_environment
from wire.messages import Standing

_STOPPED = Text(
    "已中断：正在处理的文件未导入任何数据，此前已列出的均已导入。",
    "Stopped: nothing of the file at hand was imported; those listed before it were.",
)

_NOT_JUDGED = Text(
    "已中断：数据均已导入，尚未评估的由 serve 或下一次导入完成。",
    "Stopped: all was imported; what is not judged yet is by `serve` or the next import.",
)


def import_files(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="数据包或会话文件。 Bundles of agents, files of sessions."
        ),
    ],
    customer: Annotated[
        str | None,
        typer.Option(help="只接受该客户的数据包。 Take bundles of this customer only."),
    ] = None,
    receipts_folder: Annotated[
        Path | None,
        typer.Option("--receipts", help="回执的文件夹（默认在数据包旁）。 Folder of the receipts."),
    ] = None,
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """导入没有网络的主机导出的数据包（.inspb），并写出带回的回执；远程会话文件（.inspr）亦可。
    Import bundles of hosts without a network, and write the receipts to take back; files of
    remote sessions, too.

    每个文件要么全部导入，要么完全不导入；重复导入无妨。有文件未能导入时退出码为 2。
    Of each file all is imported or nothing; importing twice does no harm. Exit code 2 if one
    could not be.

    \b
    Examples:
      xunjian-collector import /media/usb/erp-db.inspb
      xunjian-collector import /media/usb/*.inspb --customer 示例公司 --receipts out
    """
    if receipts_folder is not None and not receipts_folder.is_dir():
        raise Unusable(
            Text(
                f"--receipts：文件夹 {receipts_folder} 不存在。",
                f"--receipts: there is no folder {receipts_folder}.",
            )
        )
    done: list[dict[str, object]] = []
    failed = False
    with opened_database(data) as database:
        identity = open_identity(from_environment(data).key_file, database)
        if customer is not None:
            with database.reading() as session:
                find_customer(session, customer)
        try:
            for file in files:
                if is_session(file):
                    found = session_importing.imported(
                        database, identity, file, customer, data, lang, quiet=as_json
                    )
                    failed = failed or found is None
                    done += [] if found is None else [found]
                    continue
                place = receipts.place_of(file, receipts_folder)
                try:
                    imported = _import(database, identity, file, customer, data, lang)
                    done.append(_as_json(file, imported))
                    if not as_json:
                        _show(file, imported, lang)
                    receipts.write(place, imported.receipt)
                    done[-1]["receipt"] = str(place)
                except CollectorError as error:
                    _complain(refusals.of_file(file, error.text), lang)
                    failed = True
                    continue
                if not as_json:
                    print_fields({Text("回执", "receipt"): str(place)}, lang)
        except KeyboardInterrupt:
            _complain(_STOPPED, lang)
            raise typer.Exit(130) from None
        finally:
            if as_json:
                print_json(done)
        if done:
            try:
                _judge(database, lang)
            except KeyboardInterrupt:
                _complain(_NOT_JUDGED, lang)
                raise typer.Exit(130) from None
    if failed:
        raise typer.Exit(2)


def _import(
    database: Database,
    identity: Identity,
    file: Path,
    customer: str | None,
    data: Path,
    lang: Language,
) -> Imported:
    order = Import(person_here(), datetime.now(UTC), file.name, customer)
    with (
        _progress(file, lang) as heard,
        opened(file, identity.age, _scratch(data), heard) as bundle,
    ):
        return import_bundle(database, identity, bundle, order, heard)


def _scratch(data: Path) -> Path:
    """Return where decrypted bytes may lie for a moment: with the collector's own data."""
    return data if data.is_dir() else Path.cwd()


@contextmanager
def _progress(file: Path, lang: Language) -> Iterator[Heard]:
    """Show how far an import is, on a terminal."""
    bar = _bar(Console(stderr=True), DownloadColumn())
    total = None
    with suppress(OSError):  # said in a sentence when the file is opened
        total = file.stat().st_size * STEPS
    task = bar.add_task(
        said(Text(f"导入 {file.name}", f"importing {file.name}"), lang), total=total
    )
    with bar:
        yield lambda count: bar.advance(task, count)


def _judge(database: Database, lang: Language) -> None:
    """Have judged what came in; what is told goes to the error output, beside any JSON."""
    count = judging.waiting(database)
    if not count:
        return
    console = Console(stderr=True)
    with _bar(console, MofNCompleteColumn()) as bar:
        task = bar.add_task(said(Text("评估", "judging"), lang), total=count)
        here = judging.judge_here(database, lambda: bar.advance(task))
    if here:
        text = Text(f"{count} 批数据已评估。", f"Batches that were judged: {count}.")
    else:
        text = Text(
            f"{count} 批数据等待评估，由正在运行的采集端完成。",
            f"Batches that wait to be judged: {count}; the collector that is running does it.",
        )
    typer.echo(said(text, lang), err=True)


def _bar(console: Console, count: ProgressColumn) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        count,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _show(file: Path, imported: Imported, lang: Language) -> None:
    new = imported.batches - imported.duplicates
    counted = Text(
        f"{imported.batches}（新 {new}，已有 {imported.duplicates}，分叉 {imported.forks}）",
        f"{imported.batches} ({new} new, {imported.duplicates} known, {imported.forks} forked)",
    )
    fields = {
        Text("文件", "file"): f"{file} ({imported.part}/{imported.parts})",
        Text("客户 / 站点 / 主机", "customer / site / host"): (
            f"{imported.customer} / {imported.site} / {imported.host}"
        ),
        Text("导出时间", "exported at"): local(imported.exported_at, imported.time_zone),
        Text("批次", "batches"): said(counted, lang),
        Text("核对词", "words to compare"): f"{imported.words} ({imported.numbers})",
    }
    if imported.standing is Standing.PENDING:
        held = Text("代理待批准，批准后评估", "the agent is not approved yet: judged once it is")
        fields[Text("注意", "note")] = said(held, lang)
    print_fields(fields, lang)


def _as_json(file: Path, imported: Imported) -> dict[str, object]:
    return {
        "file": str(file),
        "bundle": imported.bundle,
        "part": imported.part,
        "parts": imported.parts,
        "customer": imported.customer,
        "site": imported.site,
        "host": imported.host,
        "agent": imported.agent,
        "standing": imported.standing.value,
        "exported_at": imported.exported_at.isoformat(),
        "batches": imported.batches,
        "duplicates": imported.duplicates,
        "forks": imported.forks,
        "words": imported.words,
        "numbers": imported.numbers,
        "receipt": None,
    }


def _complain(text: Text, lang: Language) -> None:
    typer.echo(f"xunjian-collector: {said(text, lang)}", err=True)
