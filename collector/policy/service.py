"""Ask the policy for the thresholds of a rule, and for how they are explained."""

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import inspect

from checks.api import Rule, Thresholds

DEFAULT = "default"


@dataclass(frozen=True)
class ThresholdRow:
    """One threshold in force, and where its value comes from."""

    name: str
    value: str
    unit: str
    origin: str
    """Source of the number (check-catalogue §1)."""
    layer: str
    """The layer of the policy that set it: `default` until a customer's policy says otherwise."""


def thresholds(rule: Rule[Any, Any]) -> Thresholds:
    """Return the thresholds that a rule is judged by."""
    chosen: Thresholds = rule.thresholds()
    return chosen


def explain(rule: Rule[Any, Any]) -> tuple[ThresholdRow, ...]:
    """Return each threshold in force with unit, origin and layer, for the report's appendix."""
    values = thresholds(rule)
    rows = []
    for described in inspect.type_info(rule.thresholds).fields:  # type: ignore[attr-defined]
        extra: dict[str, str] = getattr(described.type, "extra", None) or {}
        value = getattr(values, described.name)
        rows.append(
            ThresholdRow(
                name=described.name,
                value=_shown(value),
                unit=extra.get("unit", ""),
                origin=extra.get("origin", ""),
                layer=DEFAULT,
            )
        )
    return tuple(rows)


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
