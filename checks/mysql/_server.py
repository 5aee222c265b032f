"""What many checks of MySQL and MariaDB share: variables, counters, and what is asked of whom."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from checks.api import Failure, Past, Text, Verdict, not_applicable
from checks.databases import Database, Engine
from checks.wording import duration
from wire.messages import Reason

SYSTEM_SCHEMAS = frozenset({"mysql", "information_schema", "performance_schema", "sys"})
SYSTEMS = ("linux", "windows")
UNKNOWN = Failure(Reason.ERROR, "facts")
"""For facts that have neither a part nor the reason why it is missing."""
ANY_ACCOUNT = Text("可连接的普通账号（USAGE）", "any account that may connect (USAGE)")


class Setting(Struct, frozen=True):
    """A row of SHOW VARIABLES or SHOW STATUS."""

    variable_name: str
    value: str | None = None


def settings(database: Database, query: str) -> Mapping[str, str]:
    """Return the answer of SHOW VARIABLES or SHOW STATUS by names in lower case.

    What this version doesn't have isn't in it. Raise a ProbeError.
    """
    return {
        row.variable_name.lower(): row.value
        for row in database.rows(query, Setting)
        if row.value is not None
    }


def number(values: Mapping[str, str], name: str) -> int | None:
    """Return a setting or counter as a whole number; None: this version doesn't have it."""
    try:
        return int(float(values[name]))
    except (KeyError, ValueError, OverflowError):
        return None


def switched_on(values: Mapping[str, str], name: str) -> bool | None:
    """Return whether a setting is on; None: this version doesn't have it."""
    value = values.get(name)
    return None if value is None else value.upper() in ("ON", "1", "YES", "TRUE")


def is_mariadb(database: Database) -> bool:
    """Return whether the server is a MariaDB."""
    return database.engine is Engine.MARIADB


class Window(Struct, frozen=True):
    """Over how long counters were compared."""

    seconds: float
    since_start: bool

    @property
    def words(self) -> Text:
        """Return the window as it stands in a sentence."""
        span = duration(self.seconds)
        if self.since_start:
            return Text("启动以来（{span}）", "since the start ({span})").format(span=span)
        return Text("上次巡检以来（{span}）", "since the last inspection ({span})").format(
            span=span
        )


def grown(
    counters: Mapping[str, int], uptime_seconds: float, past: Past[Any]
) -> tuple[Mapping[str, int], Window]:
    """Return by how much counters grew since the previous facts, else since the server's start.

    The facts before have their counters and their uptime under the same names as these:
    `counters`, `uptime_seconds`. A server that was started in between, or a counter that fell
    (FLUSH STATUS), leaves only what was counted since.
    """
    before: Mapping[str, int] | None = getattr(past.previous, "counters", None)
    elapsed = past.elapsed_seconds
    if (
        before is None
        or elapsed is None
        or uptime_seconds < elapsed
        or any(value < before.get(name, 0) for name, value in counters.items())
    ):
        return counters, Window(uptime_seconds, True)
    return (
        {name: value - before.get(name, 0) for name, value in counters.items()},
        Window(elapsed, False),
    )


def too_few(object: str, what: Text, found: int, least: int) -> Verdict:
    """Return that a share of so few says nothing: a server that has just been started."""
    return not_applicable(
        object,
        Text(
            "只有 {found} {what}，不足 {least}，比例没有意义。",
            "only {found} {what}, fewer than {least}: a share of them says nothing.",
        ).format(found=found, what=what, least=least),
    )
