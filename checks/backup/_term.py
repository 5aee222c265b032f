"""Rules of a backup set hold only while it is agreed: a set that has ended alarms nobody."""

from datetime import datetime

from checks.api import Text, Verdict, not_applicable
from checks.backup._telling import zone_of
from checks.backup_sets import Declaration, Role

_ENDED = Text("该备份集的约定已于 {day} 结束。", "The agreement on this backup set ended on {day}.")
_NOT_YET = Text(
    "该备份集自 {day} 起纳入约定。", "The agreement on this backup set starts on {day}."
)
_ELSEWHERE = Text(
    "本机保存的是其他主机的备份副本，此项由来源主机判定。",
    "This host keeps copies of another host's backups: judged where they are from.",
)


def outside_term(declaration: Declaration, now: datetime) -> Verdict | None:
    """Return the verdict for a set that has ended or has not begun, None for one in force."""
    today = now.astimezone(zone_of(declaration)).date()
    if declaration.valid_to is not None and today > declaration.valid_to:
        return not_applicable("", _ENDED.format(day=declaration.valid_to.isoformat()))
    if declaration.valid_from is not None and today < declaration.valid_from:
        return not_applicable("", _NOT_YET.format(day=declaration.valid_from.isoformat()))
    return None


def judged_elsewhere(declaration: Declaration) -> Verdict | None:
    """Return the verdict for a set of copies, None for one that is a source."""
    return not_applicable("", _ELSEWHERE) if declaration.role is Role.OFFSITE else None
