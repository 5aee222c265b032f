"""`xunjian-collector session import`, and `import` where it meets the file of a session."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from checks.api import Text
from collector.bundles import refusals
from collector.database import Database
from collector.enrolment.record import person_here
from collector.errors import CollectorError
from collector.identity import Identity, open_identity
from collector.options import (
    HERE,
    DataOption,
    JsonOption,
    LanguageOption,
    opened,
    print_fields,
    print_json,
    said,
)
from collector.reports.words import Language
from collector.sessions import showing
from collector.sessions.importing import ImportedSession, import_session
from collector.sessions.words import OUTCOMES
from collector.settings import from_environment

_NOT_PERMITTED = Text(
    "该会话未获准许，已记录并告警；确认后用 session accept 追认",
    "not permitted: on record, and reported; session accept takes it in",
)


def import_files(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="会话文件（.inspr）。 Files of sessions."),
    ],
    customer: Annotated[
        str | None, typer.Option(help="只接受该客户的。 Those of this customer only.")
    ] = None,
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """导入离线工程师写出的会话文件；重复导入无妨。有文件未能导入时退出码为 2。
    Import files of sessions of an engineer without a network. Exit code 2 if one could not be.

    \b
    Examples:
      xunjian-collector session import /media/usb/*.inspr
    """
    with opened(data) as database:
        identity = open_identity(from_environment(data).key_file, database)
        found = [
            imported(database, identity, file, customer, data, lang, quiet=as_json)
            for file in files
        ]
    if as_json:
        print_json([each for each in found if each is not None])
    if None in found:
        raise typer.Exit(2)


def imported(
    database: Database,
    identity: Identity,
    file: Path,
    customer: str | None,
    data: Path,
    lang: Language,
    *,
    quiet: bool,
) -> dict[str, object] | None:
    """Import one file and say what came of it, or why nothing did: then return None."""
    scratch = data if data.is_dir() else Path.cwd()
    now = datetime.now(UTC)
    try:
        came = import_session(
            database, identity, file, scratch, person_here(), now, _unheard, customer
        )
    except CollectorError as error:
        text = refusals.of_file(file, error.text)
        typer.echo(f"xunjian-collector: {said(text, lang)}", err=True)
        return None
    if not quiet:
        _show(file, came, lang)
    return {"file": str(file), "parts": came.parts, **showing.plain(came.row)}


def _unheard(_count: int) -> None:
    """Show no progress: a record is small beside a bundle."""


def _show(file: Path, came: ImportedSession, lang: Language) -> None:
    row = came.row
    shown = {
        Text("文件", "file"): str(file),
        Text("会话", "session"): row.id,
        Text("客户 / 站点 / 主机", "customer / site / host"): (
            f"{row.customer} / {row.site} / {row.host}"
        ),
        Text("工程师", "engineer"): row.person,
        Text("状态", "state"): said(showing.ended(row), lang),
        Text("记录", "record"): said(OUTCOMES[row.outcome], lang),
    }
    if row.denial is not None:
        shown[Text("注意", "note")] = said(_NOT_PERMITTED, lang)
    print_fields(shown, lang)
