"""Counting the lines of a server's log by severity and SQLSTATE; what they say is never kept."""

import re
from collections import Counter
from collections.abc import Iterator

import msgspec
from msgspec import Struct

LEVELS = {
    "PANIC": "PANIC",
    "FATAL": "FATAL",
    "ERROR": "ERROR",
    # As lc_messages = zh_CN has them.
    "比致命错误还过分的错误": "PANIC",
    "致命错误": "FATAL",
    "错误": "ERROR",
}
_OTHERS = (
    "LOG|WARNING|NOTICE|INFO|DEBUG\\d?|STATEMENT|DETAIL|HINT|CONTEXT|QUERY|LOCATION|BACKTRACE|"
    "日志|警告|注意|信息|调试|语句|详细信息|提示|上下文|查询|位置"
)
_AT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
_FIELD = r'(?:"(?:[^"]|"")*"|[^,]*)'
_CSV = re.compile(
    rf"(?P<at>{_AT})[^,]*,(?:{_FIELD},){{10}}(?P<level>[^,]+),(?P<state>[0-9A-Z]{{5}}),"
)
_PREFIX = 500
"""Characters within which the severity of a line comes."""
_ESCAPE = re.compile(r"%-?\d*([A-Za-z%])")


class Line(Struct, frozen=True):
    """What counts of one line."""

    at: str
    """In the time zone of the log: 2026-11-21 08:00:00; '' where the log has none."""
    level: str
    state: str
    """SQLSTATE; '' where the log has none."""


class Count(Struct, frozen=True):
    """So many lines of one severity and SQLSTATE."""

    level: str
    state: str
    lines: int


class _Record(Struct):
    error_severity: str = ""
    state_code: str = ""
    timestamp: str = ""


def of_csv(text: str) -> Iterator[Line]:
    """Yield the lines of a csvlog; the rest of a text that goes over several lines is passed by."""
    for line in text.splitlines():
        if found := _CSV.match(line):
            yield Line(found["at"], found["level"].strip('"'), found["state"])


def of_json(text: str) -> Iterator[Line]:
    """Yield the lines of a jsonlog; one that is cut is passed by."""
    decoder = msgspec.json.Decoder(_Record)
    for line in text.splitlines():
        try:
            record = decoder.decode(line)
        except msgspec.MsgspecError:
            continue
        yield Line(record.timestamp[:19], record.error_severity, record.state_code)


def of_text(text: str, prefix: str) -> Iterator[Line]:
    """Yield the lines of a common log as log_line_prefix writes them."""
    pattern = line_pattern(prefix)
    known = pattern.groupindex
    for line in text.splitlines():
        # A tab begins what goes on from the line before.
        if not line.startswith("\t") and (found := pattern.match(line[:_PREFIX])):
            yield Line(
                (found["at"] or "") if "at" in known else "",
                found["level"],
                (found["state"] or "") if "state" in known else "",
            )


def line_pattern(prefix: str) -> re.Pattern[str]:
    """Return what a line begins with: time and SQLSTATE where the prefix has them, the level."""
    parts: list[str] = []
    seen: set[str] = set()
    end = optional = 0
    for found in _ESCAPE.finditer(prefix):
        parts.append(re.escape(prefix[end : found.start()]))
        end = found.end()
        letter = found[1]
        if letter == "q":
            # Lines of the server's own processes end here.
            parts.append("(?:")
            optional += 1
        elif letter in "mt" and "at" not in seen:
            parts.append(rf"(?P<at>{_AT})\S*(?: \S+?)??")
            seen.add("at")
        elif letter == "e" and "state" not in seen:
            parts.append("(?P<state>[0-9A-Z]{5})")
            seen.add("state")
        else:
            # Bounded, so that a long line of something else costs nothing.
            parts.append(
                "%" if letter == "%" else ".{0,64}?" if letter in "adubi" else r"\S{0,64}?"
            )
    parts.append(re.escape(prefix[end:]))
    parts.append(")??" * optional)
    return re.compile(f"{''.join(parts)}(?P<level>{'|'.join(LEVELS)}|{_OTHERS}):\\s")


class Counted(Struct, frozen=True):
    """What a log holds."""

    counts: tuple[Count, ...]
    since: str
    """The first line that counts; '' where none has a time."""
    lines: int
    """All that were understood, also older ones."""


def counted(lines: Iterator[Line], since: str) -> Counted:
    """Return the errors since a moment of the log's own time; lines without a time all count."""
    numbers: Counter[tuple[str, str]] = Counter()
    first, understood = "", 0
    for line in lines:
        understood += 1
        if line.at and line.at < since:
            continue
        first = first or line.at
        if level := LEVELS.get(line.level):
            numbers[level, line.state] += 1
    found = (Count(level, state, number) for (level, state), number in numbers.most_common(200))
    return Counted(tuple(found), first, understood)
