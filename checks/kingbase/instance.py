"""KingbaseES: how long its licence lasts, its mode and version.

get_license_validdays() gives the days left, -2 for a licence that does not end; 0 and less: ended.

From public scripts; no KingbaseES has run these queries for us yet.
"""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    limit,
    not_run,
    ok,
)
from checks.databases import Database, Instance, instance_of
from checks.errors import UnexpectedOutput, part
from checks.judging import judged, missing
from checks.wording import days
from wire.messages import Reason

LICENCE = "SELECT get_license_validdays() AS days_left"
MODE = "SELECT current_setting('database_mode', true) AS mode"
_PERMANENT = -2


class LicenceRow(Struct, frozen=True):
    """Days until the licence ends."""

    days_left: int


class ModeRow(Struct, frozen=True):
    """What the server behaves like: oracle, pg, mysql; None where it doesn't say."""

    mode: str | None = None


class Facts(Struct, frozen=True):
    """Licence, mode and version of one instance."""

    server: Instance
    days_left: int | Failure
    mode: str | Failure


def probe(database: Database) -> Facts:
    """Ask the instance. Raise a ProbeError."""
    server = instance_of(database)
    return Facts(server, part(lambda: _days(database)), part(lambda: _mode(database)))


def _days(database: Database) -> int:
    rows = database.rows(LICENCE, LicenceRow)
    if not rows:
        raise UnexpectedOutput("get_license_validdays()", "no row")
    return rows[0].days_left


def _mode(database: Database) -> str:
    rows = database.rows(MODE, ModeRow)
    return rows[0].mode or "" if rows else ""


class LicenceThresholds(Thresholds, frozen=True):
    """Days until the licence ends."""

    warning_days: Annotated[float, limit("d", "OWN 90 d, catalogue KB-001")] = 90
    critical_days: Annotated[float, limit("d", "OWN 30 d, catalogue KB-001")] = 30


def licence(facts: Facts, thresholds: LicenceThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the days until the licence ends."""
    if isinstance(facts.days_left, Failure):
        yield from missing(facts.days_left)
        return
    if facts.days_left == _PERMANENT:
        unlimited = Text("永久授权", "does not expire")
        yield ok("", unlimited, unlimited)
        return
    left = max(0, facts.days_left)
    message = Text("授权剩余 {left}，到期后数据库无法启动。", "The licence lasts {left} more.")
    if left == 0:
        message = Text("授权已到期，数据库重启后无法启动。", "The licence has ended.")
    yield judged(
        "",
        left,
        thresholds.warning_days,
        thresholds.critical_days,
        show=days,
        message=message.format(left=days(left)),
        lower_is_worse=True,
    )


class StateThresholds(Thresholds, frozen=True):
    """Nothing to set."""


def mode(facts: Facts, _thresholds: StateThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Tell mode and version: they decide what the other checks may find."""
    if isinstance(facts.mode, Failure):
        yield from missing(facts.mode)
        return
    if not facts.mode:
        yield not_run("", Failure(Reason.UNSUPPORTED, "database_mode"))
        return
    current = Text.same(f"{facts.mode}, {facts.server.release}"[:300])
    yield ok("", current, Text("记录", "for the record"))


CHECK = Check(
    title=Text("KingbaseES 授权与模式", "KingbaseES licence and mode"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="postgresql",
    target_kinds=("kingbase",),
    reads=("get_license_validdays(), database_mode, version()",),
    privilege=Text(
        "LOGIN，以及 get_license_validdays() 的 EXECUTE",
        "LOGIN, and EXECUTE on get_license_validdays()",
    ),
    rules=(
        Rule(
            code="KB-001",
            title=Text("KingbaseES 授权有效期", "Licence"),
            why=Text(
                "授权到期后数据库无法启动，业务全部中断。",
                "When the licence has ended, the database won't start and all work stops.",
            ),
            remedy=Text(
                "提前向人大金仓申请新的 license.dat，替换后用 get_license_validdays() 确认。",
                "Ask the vendor for a new license.dat in time, put it in place and see "
                "SELECT get_license_validdays().",
            ),
            priority=1,
            thresholds=LicenceThresholds,
            evaluate=licence,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="KB-002",
            title=Text("KingbaseES 模式与版本", "Mode and version"),
            why=Text(
                "Oracle、PG 或 MySQL 模式下语法和视图不同，处理问题前必须先知道。",
                "Syntax and views differ by mode (Oracle, PG, MySQL): know it before you mend.",
            ),
            remedy=Text("仅作记录，无需处理。", "For the record: there is nothing to do."),
            priority=1,
            thresholds=StateThresholds,
            evaluate=mode,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
