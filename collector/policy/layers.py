"""The policy of one host, in layers: default → customer → site → host → object. Pure.

A later layer overrides the thresholds that it names and leaves the others. Inside one layer the
newer decision counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from checks.api import Rule, Thresholds


class Layer(IntEnum):
    """How narrow a decision is; the narrower one counts."""

    DEFAULT = 0
    CUSTOMER = 1
    SITE = 2
    HOST = 3
    OBJECT = 4


@dataclass(frozen=True, kw_only=True)
class Override:
    """One decision about a rule."""

    id: str
    code: str
    site: str = ""
    host: str = ""
    object: str = ""
    """A pattern of objects as the report shows them (`erp: master`) or without their target."""
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    waived: bool = False
    why: str = ""
    person: str = ""
    set_at: datetime
    expires: date | None = None

    @property
    def layer(self) -> Layer:
        """Return the narrowest thing that it names."""
        if self.object:
            return Layer.OBJECT
        if self.host:
            return Layer.HOST
        return Layer.SITE if self.site else Layer.CUSTOMER

    def is_for(self, site: str, host: str, day: date) -> bool:
        """Return whether it holds for a host on a day."""
        if self.expires is not None and day > self.expires:
            return False
        return self.site in ("", site) and self.host in ("", host)

    def fits(self, target: str, name: str) -> bool:
        """Return whether it is about an object of a target ('' is the host)."""
        shown = f"{target}: {name}" if target and name else target or name
        return not self.object or any(
            fnmatchcase(each, self.object) for each in dict.fromkeys((shown, name))
        )


@dataclass(frozen=True)
class Policy:
    """What holds for one host on one day."""

    overrides: tuple[Override, ...] = ()
    """The wider before the narrower, the older before the newer."""

    def of(self, code: str) -> tuple[Override, ...]:
        """Return the decisions about a rule, in their order."""
        return tuple(each for each in self.overrides if each.code == code)

    def thresholds(self, rule: Rule[Any, Any], upto: Override | None = None) -> Thresholds:
        """Return the thresholds of a rule for the whole host, or for the objects of `upto`.

        Those of another version of the rule that don't fit any more are passed over: the wider
        layer counts then.
        """
        values: dict[str, Any] = {}
        chosen: Thresholds = rule.thresholds()
        for each in self.of(rule.code):
            if each.layer is Layer.OBJECT and each is not upto:
                continue
            merged = values | dict(each.thresholds)
            try:
                chosen = msgspec.convert(merged, rule.thresholds, strict=False)
            except msgspec.ValidationError:
                continue
            values = merged
        return chosen


DEFAULT = Policy()


def policy_of(overrides: Iterable[Override], site: str, host: str, day: date) -> Policy:
    """Return what holds for a host on a day."""
    found = [each for each in overrides if each.is_for(site, host, day)]
    return Policy(tuple(sorted(found, key=lambda each: (each.layer, each.set_at, each.id))))
