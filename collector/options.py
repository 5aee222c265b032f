"""What the commands share: their options, and how they speak and print."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text as Styled

from checks.api import Text
from collector.database import Database, open_database
from collector.errors import Unusable
from collector.reports.words import Language
from collector.settings import from_environment

HERE = Path("var/here")
WIDTH_OF_A_FILE = 140
"""Columns of a table where the output is no terminal."""

LanguageOption = Annotated[
    Language, typer.Option("--lang", help="报告与输出的语言。 Language of report and output.")
]
DataOption = Annotated[
    Path,
    typer.Option(help="SQLite 数据库与密钥所在目录。 Folder of the SQLite database and the key."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="以 JSON 输出。 Print JSON.")]
CustomerName = Annotated[str, typer.Option("--customer", help="客户名称。 Name of the customer.")]


@contextmanager
def opened(data: Path) -> Iterator[Database]:
    """Give the database that the environment and the folder name."""
    database = open_database(from_environment(data).database_url)
    try:
        yield database
    finally:
        database.close()


def said(text: Text, language: Language) -> str:
    """Return a text in the language of the output."""
    return text.en if language is Language.ENGLISH else text.zh


def print_json(value: object) -> None:
    """Print a value for a program."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def print_table(columns: Sequence[Text], rows: Sequence[Sequence[str]], language: Language) -> None:
    """Print rows for a person."""
    table = Table(expand=False)
    for column in columns:
        table.add_column(said(column, language), overflow="fold")
    for row in rows:
        table.add_row(*(Styled(cell) for cell in row))
    console = Console()
    Console(width=None if console.is_terminal else WIDTH_OF_A_FILE).print(table)


def print_fields(fields: Mapping[Text, str], language: Language) -> None:
    """Print named values, one a line."""
    colon = ": " if language is Language.ENGLISH else "："
    for title, value in fields.items():
        typer.echo(f"{said(title, language)}{colon}{value}")


def local(moment: datetime | None, zone: str) -> str:
    """Return a moment in a site's time zone, to the minute; a dash for none."""
    return "-" if moment is None else f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def day_of(text: str, option: str = "--date") -> date:
    """Return a date of the command line. Raise Unusable."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Unusable(
            Text(
                f"{option} {text}：日期应写作 YYYY-MM-DD。",
                f"{option} {text}: a date is written YYYY-MM-DD.",
            )
        ) from error
