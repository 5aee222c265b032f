"""BAK-006: how far back one can go."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Annotated

from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.backup._standing import good_points, objects
from checks.backup._telling import moment, named
from checks.backup._term import outside_term
from checks.backup_sets import BackupFacts, Form
from checks.wording import count
from wire.messages import Reason


class RetentionThresholds(Thresholds, frozen=True):
    """The policy itself is agreed for each set."""

    critical_fulls: Annotated[int, limit("points", "catalogue BAK-006: less than one full")] = 1
    tolerance_days: Annotated[float, limit("d", "OWN: a backup is not made to the minute")] = 1


_NOTHING = Text("没有约定保留策略。", "No retention is agreed.")
_DAYS = Text("追溯 {days} 天", "{days} days back")
_POINTS = Text("≥{count} 个恢复点", "at least {count} restore points")
_BOTH = Text("{one}，{two}", "{one}, {two}")
_ONE = Text("至少一个完整备份", "one full backup")
_NO_FULL = Text(
    "{name}没有可用的完整备份：其余备份无法单独恢复。",
    "{name}There is no full backup that is any good: the others can't be restored alone.",
)
_FEW = Text(
    "{name}只有 {count} 个可用的恢复点，约定至少 {wanted} 个。",
    "{name}There are {count} good restore points; {wanted} are agreed.",
)
_SHORT = Text(
    "{name}最早的可用恢复点是 {oldest}，约定应能追溯 {wanted} 天。",
    "{name}The oldest good restore point is of {oldest}; {wanted} days back are agreed.",
)


def retention(
    facts: BackupFacts, thresholds: RetentionThresholds, past: Past[BackupFacts]
) -> Iterator[Verdict]:
    """Judge the number and the oldest of the restore points of every object."""
    outside = outside_term(facts.declaration, past.observed_at)
    if outside is not None:
        yield outside
        return
    for name in objects(facts):
        yield _judged(facts, name, thresholds, past.observed_at)


def _judged(
    facts: BackupFacts, name: str, thresholds: RetentionThresholds, now: datetime
) -> Verdict:
    declaration = facts.declaration
    reference = _reference(declaration.retention_days, declaration.retention_points)
    good = good_points(facts, name, now)
    current = count(len(good), "个恢复点", "restore points")
    fulls = sum(point.form is Form.FULL for point in good)
    if fulls < thresholds.critical_fulls:
        return critical(name, current, reference, _NO_FULL.format(name=named(name)))
    if not declaration.retention_days and not declaration.retention_points:
        return not_applicable(name, _NOTHING)
    if len(good) < declaration.retention_points:
        message = _FEW.format(
            name=named(name), count=len(good), wanted=declaration.retention_points
        )
        return warning(name, current, reference, message)
    oldest = good[-1].started_at
    wanted = _wanted_since(facts, thresholds, now)
    if wanted is not None and oldest > wanted:
        # What the catalogue itself has forgotten may still lie there.
        if facts.points_left_out or (
            facts.listed_since is not None and facts.listed_since > wanted
        ):
            subject = f"listing since {oldest:%Y-%m-%d}"
            return not_run(name, Failure(Reason.NO_HISTORY, subject))
        message = _SHORT.format(
            name=named(name), oldest=moment(oldest, facts), wanted=declaration.retention_days
        )
        return warning(name, current, reference, message)
    return ok(name, current, reference)


def _wanted_since(
    facts: BackupFacts, thresholds: RetentionThresholds, now: datetime
) -> datetime | None:
    """Return the day that restore points have to reach back to; None where nothing is agreed."""
    declaration = facts.declaration
    if not declaration.retention_days:
        return None
    wanted = now - timedelta(days=declaration.retention_days)
    if declaration.valid_from is not None:
        # A new set can't reach back further than to its first day.
        wanted = max(wanted, datetime.combine(declaration.valid_from, time(), UTC))
    return wanted + timedelta(days=thresholds.tolerance_days)


def _reference(wanted_days: int, wanted_points: int) -> Text:
    parts = []
    if wanted_days:
        parts.append(_DAYS.format(days=wanted_days))
    if wanted_points:
        parts.append(_POINTS.format(count=wanted_points))
    if not parts:
        return _ONE
    return parts[0] if len(parts) == 1 else _BOTH.format(one=parts[0], two=parts[1])


RULE = Rule(
    code="BAK-006",
    title=Text("备份保留", "Retention"),
    why=Text(
        "误删或加密攻击常在数天后才发现：保留太短，就没有早于事故的备份可用。",
        "Deletions and ransom attacks are often noticed days later: with a short retention no "
        "backup is older than the accident.",
    ),
    remedy=Text(
        "核对清理任务与约定的保留天数、份数；空间不足时先扩容，再调整清理策略。",
        "Compare the clean-up job with the days and the number that are agreed; where room is "
        "short extend it before cleaning up more.",
    ),
    priority=2,
    thresholds=RetentionThresholds,
    evaluate=retention,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
