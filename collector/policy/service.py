"""How the thresholds in force are explained: value, unit, origin, and the layer that set each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import inspect

from checks.api import Rule, Thresholds
from collector.policy.layers import Override

DEFAULT = "default"


@dataclass(frozen=True)
class ThresholdRow:
    """One threshold in force, and where its value comes from."""

    name: str
    value: str
    unit: str
    origin: str
    """Source of the number (check-catalogue §1); for a customer's own, who set it and why."""
    layer: str
    """What it holds for: `default`, or the customer, site, host or objects of the policy."""


def thresholds(rule: Rule[Any, Any]) -> Thresholds:
    """Return the default thresholds of a rule."""
    chosen: Thresholds = rule.thresholds()
    return chosen


def explain(
    rule: Rule[Any, Any], overrides: Sequence[Override] = (), customer: str = ""
) -> tuple[ThresholdRow, ...]:
    """Return each default with unit and origin, then what the policy sets otherwise."""
    values = thresholds(rule)
    units: dict[str, str] = {}
    rows = []
    for described in inspect.type_info(rule.thresholds).fields:  # type: ignore[attr-defined]
        extra: dict[str, str] = getattr(described.type, "extra", None) or {}
        units[described.name] = extra.get("unit", "")
        rows.append(
            ThresholdRow(
                name=described.name,
                value=_shown(getattr(values, described.name)),
                unit=units[described.name],
                origin=extra.get("origin", ""),
                layer=DEFAULT,
            )
        )
    for each in overrides:
        if each.code == rule.code:
            place = " / ".join(
                part for part in (customer, each.site, each.host, each.object) if part
            )
            rows += [
                ThresholdRow(
                    name=name,
                    value=_shown(value),
                    unit=units.get(name, ""),
                    origin=f"{each.why} ({each.person}, {each.set_at:%Y-%m-%d})",
                    layer=place,
                )
                for name, value in each.thresholds.items()
            ]
    return tuple(rows)


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
