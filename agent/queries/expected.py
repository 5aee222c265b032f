"""What each setting of a declared query must be, in words, and which two contradict each other."""

import re
from math import isfinite

from agent.databases.settings import DatabaseSettings
from agent.queries.examining import problem
from agent.queries.settings import QuerySettings
from agent.settings import Settings
from checks.api import Text
from checks.databases import Engine
from checks.queries import MOST_ROWS, QUANTITIES, ColumnKind, NoRows

_SECTION = Text("形如 [queries.unposted] 的节", "sections like [queries.unposted]")
_WORDS = Text("不超过 500 个字符的文本", "a text of at most 500 characters")
_LINE = Text("不超过 100 个字符的文本", "a text of at most 100 characters")
_UNIT = Text("不超过 20 个字符的单位", "a unit of at most 20 characters")
_NUMBER = Text("一个数", "a number")
_KINDS = "、".join(kind.value for kind in ColumnKind)
_JUDGED = "、".join(kind.value for kind in ColumnKind if kind in QUANTITIES)
_COLUMNS = Text(
    f'列名和类型，如 {{ open = "integer" }}；类型为 {_KINDS} 之一',
    f'names and kinds, like {{ open = "integer" }}; kinds are {_KINDS.replace("、", ", ")}',
)
_VALUE = Text(
    f"columns 中一个可判断的列（{_JUDGED}；日期请让数据库算成天数）",
    f"one of columns that can be judged ({_JUDGED.replace('、', ', ')}; let the database make days"
    " of a date)",
)
_OBJECT = Text("columns 中的一列", "one of columns")
_SHOW = Text("columns 中的列名列表，最多 10 个", "a list of at most 10 names of columns")
_NO_ROWS = "、".join(each.value for each in NoRows)
EXPECTED = {
    "queries": _SECTION,
    "queries.*": _SECTION,
    "queries.*.database": Text("[databases] 中的一个名称", "a name of [databases]"),
    "queries.*.within": Text("一个数据库名", "the name of a database"),
    "queries.*.query": Text(
        "不超过 20000 个字符的一条 SELECT", "one SELECT of at most 20000 characters"
    ),
    "queries.*.title": Text("1 至 100 个字符的标题", "a title of 1 to 100 characters"),
    "queries.*.title_en": _LINE,
    "queries.*.columns": _COLUMNS,
    "queries.*.object": _OBJECT,
    "queries.*.value": _VALUE,
    "queries.*.show": _SHOW,
    "queries.*.unit": _UNIT,
    "queries.*.unit_en": _UNIT,
    "queries.*.warning": _NUMBER,
    "queries.*.critical": _NUMBER,
    "queries.*.lower_is_worse": Text("true 或 false", "true or false"),
    "queries.*.message": _WORDS,
    "queries.*.message_en": _WORDS,
    "queries.*.remedy": _WORDS,
    "queries.*.remedy_en": _WORDS,
    "queries.*.no_rows": Text(f"{_NO_ROWS} 之一", f"one of {_NO_ROWS.replace('、', ', ')}"),
    "queries.*.most_rows": Text(
        f"1 至 {MOST_ROWS} 的整数", f"a whole number from 1 to {MOST_ROWS}"
    ),
    "queries.*.priority": Text("1、2 或 3", "1, 2 or 3"),
}
_NAME = re.compile(r"[\w.-]{1,64}")
_NAMED = Text(
    "名称只能由字母、汉字、数字、点、下划线和连字符组成，最多 64 个",
    "a section whose name has letters, digits, dots, underscores and hyphens, at most 64",
)
_NO_LIMIT = Text("一个数：warning 和 critical 至少要有一个", "a number: set warning or critical")
_NOT_FINITE = Text("一个有限的数", "a finite number")
_ABOVE = Text(
    "不小于 warning 的数（数值越小越差时请设 lower_is_worse = true）",
    "at least warning (set lower_is_worse = true where smaller is worse)",
)
_BELOW = Text(
    "不大于 warning 的数（已设 lower_is_worse）", "at most warning (lower_is_worse is set)"
)
_OWN_UNIT = Text(
    "空：{kind} 类型的列自带单位", "left out: a column of kind {kind} has a unit of its own"
)
_PLACE = re.compile(r"\{([^{}]*)\}")
_PLACES = Text(
    "只含占位符 {allowed} 的文本，其中的 {{{name}}} 无法填写",
    "a text with no places but {allowed}: {{{name}}} can't be filled",
)
_TWICE = Text("大小写不同也不能重复的列名", "names that differ in more than their case")
_KNOWN = Text(
    "[databases] 中的一个名称，现有：{names}", "a name of [databases]; there are: {names}"
)
_NONE = Text("[databases] 中的一个名称，现在一个也没有", "a name of [databases]; there is none")
_NOT_WITHIN = Text(
    "空：{engine} 不分库连接，请在语句中写 库名.表名",
    "left out: in {engine} write database.table in the query",
)
_ASKED_WITHIN = (Engine.MSSQL, Engine.POSTGRESQL, Engine.KINGBASE)

Wrong = tuple[tuple[str, ...], Text]


def contradiction(name: str, settings: QuerySettings) -> Wrong | None:
    """Return the key that can't be, with what is expected there; None: all fits together."""
    if not _NAME.fullmatch(name):
        return (), _NAMED
    return _wrong_column(settings) or _wrong_limit(settings) or _wrong_words(settings)


def contradiction_among(name: str, settings: QuerySettings, everything: Settings) -> Wrong | None:
    """Return what can't be beside [databases]: its entry, its engine, and the query in its SQL."""
    del name
    home: DatabaseSettings | None = everything.databases.get(settings.database)
    if home is None:
        names = "、".join(sorted(everything.databases))
        known = Text(names, names.replace("、", ", "))
        return ("database",), _KNOWN.format(names=known) if names else _NONE
    if settings.within and home.kind not in _ASKED_WITHIN:
        return ("within",), _NOT_WITHIN.format(engine=home.kind.value)
    wrong = problem(settings.text, home.kind, columns=settings.columns, home=home.database)
    return None if wrong is None else (("query",), wrong)


def _wrong_column(settings: QuerySettings) -> Wrong | None:
    columns = settings.columns
    if len({name.lower() for name in columns}) < len(columns):
        return ("columns",), _TWICE
    if settings.value not in columns or columns[settings.value] not in QUANTITIES:
        return ("value",), _VALUE
    if settings.object and (settings.object not in columns or settings.object == settings.value):
        return ("object",), _OBJECT
    if set(settings.show) - set(columns):
        return ("show",), _SHOW
    kind = columns[settings.value]
    if settings.unit and kind not in (ColumnKind.INTEGER, ColumnKind.NUMBER):
        return ("unit",), _OWN_UNIT.format(kind=kind.value)
    return None


def _wrong_limit(settings: QuerySettings) -> Wrong | None:
    warning, critical = settings.warning, settings.critical
    if warning is None and critical is None:
        return ("warning",), _NO_LIMIT
    for key, limit in (("warning", warning), ("critical", critical)):
        if limit is not None and not isfinite(limit):
            return (key,), _NOT_FINITE
    if warning is not None and critical is not None:
        if settings.lower_is_worse and critical > warning:
            return ("critical",), _BELOW
        if not settings.lower_is_worse and critical < warning:
            return ("critical",), _ABOVE
    return None


def _wrong_words(settings: QuerySettings) -> Wrong | None:
    allowed = ("object", "value", *settings.show)
    for key in ("message", "message_en"):
        for place in _PLACE.findall(getattr(settings, key)):
            if place not in allowed:
                listed = "、".join(f"{{{each}}}" for each in allowed)
                shown = Text(listed, listed.replace("、", ", "))
                return (key,), _PLACES.format(allowed=shown, name=place)
    return None
