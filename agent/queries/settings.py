"""The declared queries of the agent's settings.

[queries.unposted]
database = "erp"                     # an entry of [databases]
within = "erp"                       # PostgreSQL, SQL Server: the database to ask in; optional
title = "未过账凭证"
query = '''
SELECT ledger AS 账套, count(*) AS vouchers, max(days) AS oldest
FROM app.unposted GROUP BY ledger
'''
columns = { "账套" = "text", vouchers = "integer", oldest = "days" }
object = "账套"                      # what is judged; left out: the query gives one row
value = "vouchers"                   # the column that is judged
show = ["oldest"]                    # what else goes to the collector
unit = "张"
warning = 50
critical = 500
lower_is_worse = false
message = "{object} 有 {value} 未过账，最早的已 {oldest} 天"
remedy = "请财务人员过账或作废"
no_rows = "ok"                       # ok, not_applicable, warning, critical
most_rows = 100                      # more is an error
priority = 2                         # 1 must, 2 should, 3 may
title_en = "Vouchers not posted"     # likewise unit_en, message_en, remedy_en
"""

from typing import Annotated

from msgspec import Meta, Struct

from checks.api import Text
from checks.queries import MOST_ROWS, ColumnKind, Declaration, NoRows

_Name = Annotated[str, Meta(max_length=128)]
_Line = Annotated[str, Meta(max_length=100)]
_Words = Annotated[str, Meta(max_length=500)]
_OF_OBJECT = Text("{object}：{value}", "{object}: {value}")
_OF_ALL = Text("{value}", "{value}")


class QuerySettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One declared query."""

    database: _Name
    within: _Name = ""
    query: Annotated[str, Meta(min_length=1, max_length=20_000)]
    title: Annotated[str, Meta(min_length=1, max_length=100)]
    title_en: _Line = ""
    columns: Annotated[dict[_Name, ColumnKind], Meta(min_length=1, max_length=50)]
    object: _Name = ""
    value: _Name
    show: Annotated[tuple[_Name, ...], Meta(max_length=10)] = ()
    unit: Annotated[str, Meta(max_length=20)] = ""
    unit_en: Annotated[str, Meta(max_length=20)] = ""
    warning: float | None = None
    critical: float | None = None
    lower_is_worse: bool = False
    message: _Words = ""
    message_en: _Words = ""
    remedy: _Words = ""
    remedy_en: _Words = ""
    no_rows: NoRows = NoRows.OK
    most_rows: Annotated[int, Meta(ge=1, le=MOST_ROWS)] = 100
    priority: Annotated[int, Meta(ge=1, le=3)] = 2

    @property
    def text(self) -> str:
        """Return the query as it is asked: without the semicolon that a person ends it with."""
        return self.query.strip().removesuffix(";").rstrip()


def declaration(settings: QuerySettings) -> Declaration:
    """Return what of the settings goes to the collector. Chinese stands in for English."""

    def both(chinese: str, english: str) -> Text:
        return Text(chinese, english or chinese)

    message = _OF_OBJECT if settings.object else _OF_ALL
    if settings.message:
        message = both(settings.message, settings.message_en)
    return Declaration(
        title=both(settings.title, settings.title_en),
        database=settings.database,
        kind=settings.columns[settings.value],
        unit=both(settings.unit, settings.unit_en),
        warning=settings.warning,
        critical=settings.critical,
        lower_is_worse=settings.lower_is_worse,
        message=message,
        remedy=both(settings.remedy, settings.remedy_en),
        no_rows=settings.no_rows,
        priority=settings.priority,
    )
