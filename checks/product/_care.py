"""APP-005: size, growth, last backup and last CHECKDB of each account set."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Annotated

from checks.api import (
    Failure,
    Owner,
    Past,
    Point,
    Rule,
    State,
    Text,
    Thresholds,
    Verdict,
    grade,
    limit,
    not_applicable,
    not_run,
)
from checks.product._books import Book, Facts
from checks.wording import duration, percent, size
from wire.messages import Reason

MONTH_DAYS = 30.4375
_ORDER = (State.OK, State.WARNING, State.CRITICAL)


class CareThresholds(Thresholds, frozen=True):
    """Those of SQL Server for the databases of an ERP."""

    warning_backup_hours: Annotated[float, limit("h", "MSSQL-004, ERP profile")] = 26
    critical_backup_hours: Annotated[float, limit("h", "MSSQL-004, ERP profile")] = 50
    warning_checkdb_days: Annotated[float, limit("days", "MSSQL-010: DASH 192 h")] = 8
    critical_checkdb_days: Annotated[float, limit("days", "MSSQL-010: DASH 360 h")] = 15
    warning_growth_percent: Annotated[float, limit("%", "MSSQL-057: a month")] = 20
    least_growth_days: Annotated[float, limit("days", "OWN: less tells nothing of a month")] = 14


Said = tuple[State, Text, Text | None]
"""State of one side of an account set, what was found, and what is wrong with it."""


def evaluate(facts: Facts, thresholds: CareThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the database of each account set by the worst that is known of it."""
    reference = Text(
        f"备份 ≤{thresholds.warning_backup_hours:g} 小时，"
        f"增长 <{thresholds.warning_growth_percent:g}%/月",
        f"backup within {thresholds.warning_backup_hours:g} h, growth "
        f"<{thresholds.warning_growth_percent:g}% a month",
    )
    for book in facts.books:
        if not book.state:
            why = Text("数据库不存在，见 APP-004。", "There is no database: see APP-004.")
            yield not_applicable(book.database or book.code, why)
            continue
        sides = [
            _size(book),
            _growth(past.series("size_bytes", book.database), thresholds, past),
            _backup(facts, book, thresholds),
            _checkdb(facts, book, thresholds),
        ]
        yield _together(facts, book, [side for side in sides if side is not None], reference)


def _together(facts: Facts, book: Book, sides: Sequence[Said], reference: Text) -> Verdict:
    current = Text(
        "；".join(said.zh for _, said, _ in sides), "; ".join(said.en for _, said, _ in sides)
    )
    state = max((state for state, _, _ in sides), key=_ORDER.index)
    wrong = [text for _, _, text in sides if text is not None]
    if wrong:
        message = Text(
            f"账套 {book.code} 的数据库 {book.database}：{'；'.join(text.zh for text in wrong)}。",
            f"Database {book.database} of account set {book.code}: "
            f"{'; '.join(text.en for text in wrong)}.",
        )
        return Verdict(book.database, state, current, reference, message)
    for failure in (facts.backups, facts.checks):
        # What an engine does not have is no gap; what could not be read is never a pass.
        if failure is not None and failure.reason is not Reason.NOT_APPLICABLE:
            return not_run(book.database, failure)
    return Verdict(book.database, state, current, reference)


def _size(book: Book) -> Said:
    if book.size_bytes is None:
        return State.OK, Text("大小未知", "size not known"), None
    return State.OK, size(book.size_bytes), None


def _growth(points: Sequence[Point], thresholds: CareThresholds, past: Past[Facts]) -> Said | None:
    since = past.observed_at - timedelta(days=92)
    kept = [point for point in points if point.at >= since]
    span = (kept[-1].at - kept[0].at).total_seconds() / 86400 if kept else 0.0
    if span < thresholds.least_growth_days or kept[0].value <= 0:
        return None
    share = 100 * (kept[-1].value / kept[0].value - 1) / span * MONTH_DAYS
    said = percent(share)
    shown = Text(f"增长 {said.zh}/月", f"growth {said.en} a month")
    if share < thresholds.warning_growth_percent:
        return State.OK, shown, None
    wrong = Text(
        f"近 {span:.0f} 天每月增长 {said.zh}", f"it grew by {said.en} a month over {span:.0f} days"
    )
    return State.WARNING, shown, wrong


def _backup(facts: Facts, book: Book, thresholds: CareThresholds) -> Said | None:
    if facts.backups is not None:
        if facts.backups.reason is Reason.NOT_APPLICABLE:
            said = Text(
                "备份：数据库不保存备份记录，见备份章节",
                "backup: the database keeps no history of it, see the chapter on backups",
            )
            return State.OK, said, None
        return _unread("备份", "backup", facts.backups)
    if book.backup_seconds is None:
        never = Text("从未备份", "never backed up")
        return State.CRITICAL, never, Text("从未做过完整备份", "it was never backed up in full")
    state = grade(
        book.backup_seconds / 3600,
        thresholds.warning_backup_hours,
        thresholds.critical_backup_hours,
    )
    ago = duration(book.backup_seconds)
    shown = Text(f"备份 {ago.zh}前", f"backup {ago.en} ago")
    if state is State.OK or book.read_only:
        return State.OK, shown, None
    return state, shown, Text(f"最近一次完整备份在 {ago.zh}前", f"last backed up {ago.en} ago")


def _checkdb(facts: Facts, book: Book, thresholds: CareThresholds) -> Said | None:
    if facts.checks is not None:
        if facts.checks.reason is Reason.NOT_APPLICABLE:
            return None
        return _unread("CHECKDB", "CHECKDB", facts.checks)
    if book.read_only or book.state != "ONLINE":
        return None
    if book.checked_seconds is None:
        never = Text("从未 CHECKDB", "CHECKDB never")
        return State.CRITICAL, never, Text("从未通过 CHECKDB", "CHECKDB never ended well")
    state = grade(
        book.checked_seconds / 86400,
        thresholds.warning_checkdb_days,
        thresholds.critical_checkdb_days,
    )
    ago = duration(book.checked_seconds)
    shown = Text(f"CHECKDB {ago.zh}前", f"CHECKDB {ago.en} ago")
    if state is State.OK:
        return State.OK, shown, None
    return state, shown, Text(f"最近一次 CHECKDB 在 {ago.zh}前", f"last CHECKDB {ago.en} ago")


def _unread(zh: str, en: str, failure: Failure) -> Said:
    return (
        State.OK,
        Text(f"{zh}：未采集（{failure.subject}）", f"{en}: not read ({failure.subject})"),
        None,
    )


CARE = Rule(
    code="APP-005",
    title=Text("账套数据库维护", "Care of each account set"),
    why=Text(
        "每个账套的数据都在自己的数据库里：漏备份、漏检查的账套，损坏后只能丢数据。",
        "Each account set lives in a database of its own: one that is left out of backups or "
        "checks is lost when it breaks.",
    ),
    remedy=Text(
        "将该数据库加入每日完整备份和每周 DBCC CHECKDB 的维护作业；"
        "新建账套后立即核对作业的数据库列表。"
        "增长异常时先查日志表、附件表和未结转的历史数据。",
        "Put the database into the jobs for daily full backups and weekly DBCC CHECKDB; look at "
        "their lists whenever an account set is made. For unusual growth look at log tables, "
        "attachments and old data first.",
    ),
    priority=1,
    thresholds=CareThresholds,
    evaluate=evaluate,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
