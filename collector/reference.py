"""`xunjian-collector reference`: which reference data is in force, and whether a file could be."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from checks import lifecycle, reference
from checks.api import Text
from checks.mssql import _builds
from collector.errors import Unusable
from collector.options import JsonOption, LanguageOption, print_json, print_table, said
from collector.reports.words import Language

TABLES: Mapping[str, tuple[str, type[Any]]] = {
    "lifecycle.toml": ("checks", lifecycle.Table),
    "builds.toml": ("checks.mssql", _builds.Table),
}
"""Name of the file → the package that ships it, and its type."""
references = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="参考数据：版本、补丁与生命周期。 Reference data: builds and lifecycles.",
)
_COLUMNS = (
    Text("文件", "file"),
    Text("数据日期", "retrieved on"),
    Text("来源", "from"),
    Text("许可", "licence"),
)
_SHIPPED = Text("随产品提供", "shipped")
_GOOD = Text(
    "{file} 可用，数据日期 {day}。放入 {variable} 所指目录后重启采集端即生效。",
    "{file} can be used; its data is of {day}. Put it into the folder that {variable} names and "
    "start the collector again.",
)
_UNKNOWN = Text(
    "{file} 不是参考数据的文件名；应为 {known}。",
    "{file} is no name of a reference table; there are: {known}.",
)
_BAD = Text("参考数据无效：{why}。", "No valid reference data: {why}.")


@references.command("list")
def reference_list(lang: LanguageOption = Language.CHINESE, as_json: JsonOption = False) -> None:
    """列出生效的参考数据。 List the reference data in force.

    \b
    Examples:
      xunjian-collector reference list
    """
    rows = []
    for name, (package, kind) in TABLES.items():
        try:
            table, path = reference.in_force(package, name, kind)
        except reference.ReferenceDataUnusable as error:
            raise Unusable(_BAD.format(why=str(error))) from error
        origin = str(path) if path else said(_SHIPPED, lang)
        rows.append((name, table.retrieved_on.isoformat(), origin, table.licence))
    if as_json:
        names = ("file", "retrieved_on", "from", "licence")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        print_table(_COLUMNS, rows, lang)


@references.command("check")
def reference_check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="TOML 文件。 A TOML file.")],
    lang: LanguageOption = Language.CHINESE,
) -> None:
    """检查一个新的参考数据文件能否使用。 See whether a newer file can be used.

    \b
    Examples:
      xunjian-collector reference check ./builds.toml
    """
    if file.name not in TABLES:
        raise Unusable(_UNKNOWN.format(file=file.name, known=", ".join(TABLES)))
    try:
        table = reference.read(file.read_bytes(), TABLES[file.name][1], str(file))
    except OSError as error:
        raise Unusable(_BAD.format(why=f"{file}: {error.strerror or error}")) from error
    except reference.ReferenceDataUnusable as error:
        raise Unusable(_BAD.format(why=str(error))) from error
    variable = reference.VARIABLE
    if os.environ.get(variable):
        variable = f"{variable} ({os.environ[variable]})"
    day = table.retrieved_on.isoformat()
    typer.echo(said(_GOOD.format(file=str(file), day=day, variable=variable), lang))
