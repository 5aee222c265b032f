"""Judge the rows of a declared query by the thresholds that travel with them."""

import re
from collections.abc import Iterator
from math import inf

from msgspec import Struct

from checks import wording
from checks.api import (
    Failure,
    State,
    Text,
    Verdict,
    grade,
    not_applicable,
    not_run,
    ok,
)
from checks.queries import ColumnKind, Declaration, NoRows
from wire.messages import Reason

_LARGEST_WRITTEN_OUT = 1e15
_PLACE = re.compile(r"\{([^{}]*)\}")
_NO_ROWS = Text("没有记录", "no rows")
_SOME_ROWS = Text("有记录", "some rows")
_NONE_CAME = Text("{title}：查询没有返回任何记录", "{title}: the query gave no rows")
_TITLED = Text("{title}：{words}", "{title}: {words}")
_ADVISED = Text("{words}。处置：{remedy}", "{words}. What to do: {remedy}")
_NO_VALUE = Text("{title}：没有数值", "{title}: there is no value")
_NOT_READ = Text("{title}：{why}", "{title}: {why}")
_BELOW = Text("< {limit}", "< {limit}")
_ABOVE = Text("> {limit}", "> {limit}")


class Row(Struct, frozen=True, omit_defaults=True):
    """What a query says of one object."""

    object: str
    value: float | None
    """None: NULL, or no finite number."""
    shown: dict[str, str] = {}


def verdicts(declared: Declaration, rows: tuple[Row, ...] | Failure) -> Iterator[Verdict]:
    """Yield a verdict for each row; one for the whole where there is none."""
    if isinstance(rows, Failure):
        why = wording.reason(rows)
        yield not_run("", rows, _NOT_READ.format(title=declared.title, why=why))
        return
    if not rows:
        yield _of_nothing(declared)
    for row in rows:
        yield _of_row(declared, row)


def _of_nothing(declared: Declaration) -> Verdict:
    message = _advised(declared, _NONE_CAME.format(title=declared.title))
    match declared.no_rows:
        case NoRows.OK:
            return ok("", _TITLED.format(title=declared.title, words=_NO_ROWS), _NO_ROWS)
        case NoRows.NOT_APPLICABLE:
            return not_applicable("", _NONE_CAME.format(title=declared.title))
        case NoRows.WARNING:
            return Verdict("", State.WARNING, _NO_ROWS, _SOME_ROWS, message)
        case NoRows.CRITICAL:
            return Verdict("", State.CRITICAL, _NO_ROWS, _SOME_ROWS, message)


def _of_row(declared: Declaration, row: Row) -> Verdict:
    if row.value is None:
        failure = Failure(Reason.ERROR, row.object, "the value is NULL or no finite number")
        return not_run(row.object, failure, _NO_VALUE.format(title=declared.title))
    never = -inf if declared.lower_is_worse else inf
    warning = never if declared.warning is None else declared.warning
    critical = never if declared.critical is None else declared.critical
    state = grade(row.value, warning, critical, lower_is_worse=declared.lower_is_worse)
    current = shown(row.value, declared)
    limit = declared.critical if declared.warning is None else declared.warning
    reference = Text("", "")
    if limit is not None:
        side = _ABOVE if declared.lower_is_worse else _BELOW
        reference = side.format(limit=shown(limit, declared))
    if state is State.OK:
        # The rule's title is no query's own: where there is no message, it stands here.
        return ok(row.object, _TITLED.format(title=declared.title, words=current), reference)
    words = _filled(declared.message, {**row.shown, "object": row.object, "value": current})
    message = _advised(declared, _TITLED.format(title=declared.title, words=words))
    return Verdict(row.object, state, current, reference, message)


def shown(value: float, declared: Declaration) -> Text:
    """Return a value as a person reads it, by the kind of its column."""
    match declared.kind:
        case ColumnKind.PERCENT:
            return wording.percent(value)
        case ColumnKind.DAYS:
            number = _plain(value)
            return Text(f"{number} 天", f"{number} days")
        case ColumnKind.SECONDS:
            return wording.duration(value)
        case ColumnKind.BYTES:
            return wording.size(value)
        case _:
            number = _plain(value)
            unit = declared.unit
            return Text(f"{number} {unit.zh}".rstrip(), f"{number} {unit.en}".rstrip())


def _plain(value: float) -> str:
    whole = value == int(value) and abs(value) < _LARGEST_WRITTEN_OUT
    return f"{value:.0f}" if whole else f"{value:.10g}"


def _advised(declared: Declaration, words: Text) -> Text:
    if declared.remedy == Text("", ""):
        return words
    bare = Text(words.zh.rstrip("。. "), words.en.rstrip("。. "))
    return _ADVISED.format(words=bare, remedy=declared.remedy)


def _filled(template: Text, values: dict[str, Text | str]) -> Text:
    """Fill names in braces and nothing else: str.format would look into what it is given."""

    def filled(language: str) -> str:
        def value(found: re.Match[str]) -> str:
            given = values.get(found.group(1), found.group())
            return given if isinstance(given, str) else str(getattr(given, language))

        return _PLACE.sub(value, str(getattr(template, language)))

    return Text(filled("zh"), filled("en"))
