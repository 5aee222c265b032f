"""Follow findings over inspections: what a verdict makes of what was known before. Pure."""

from dataclasses import dataclass
from enum import IntEnum

from checks.api import State

NEW = "new"
RECURRING = "recurring"
IMPROVED = "improved"
WORSENED = "worsened"
RESOLVED = "resolved"
WAIVED = "waived"
"""Somebody decided that it is no finding (collector/policy): open no more, and not resolved."""

BAD = frozenset({State.WARNING, State.CRITICAL})
_UNKNOWN = frozenset({State.NOT_RUN, State.STALE})


class Severity(IntEnum):
    """一级–四级故障: how soon a finding must be dealt with."""

    S1 = 1
    S2 = 2
    S3 = 3
    S4 = 4


@dataclass(frozen=True)
class Known:
    """What is known of a finding before this inspection."""

    state: State
    resolved: bool


def change(known: Known | None, present: State | None) -> str | None:
    """Return what becomes of a finding, or None where nothing happens.

    `present` is the state of the same object under the same rule now, None where the rule ran and
    no longer knows the object. What could not be read changes nothing: silence resolves nothing.
    """
    if present in _UNKNOWN:
        return None
    if present in BAD:
        if known is None:
            return NEW
        if known.resolved or known.state is present:
            return RECURRING
        return WORSENED if present is State.CRITICAL else IMPROVED
    if known is None or known.resolved:
        return None
    return WAIVED if present is State.WAIVED else RESOLVED


def severity(state: State, priority: int) -> Severity:
    """Return 一级 to 四级: how bad it is, and how much the rule matters.

    Critical is S1, S2 or S3 for priority 1, 2, 3; a warning is one level below.
    """
    return Severity(min(4, priority + (0 if state is State.CRITICAL else 1)))
