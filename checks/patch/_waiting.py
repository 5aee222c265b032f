"""How long a restart has been wanted, as the inspections saw it."""

from datetime import datetime
from typing import Any

from checks.api import Past


def wanted_since(past: Past[Any]) -> datetime | None:
    """Return the first of the unbroken readings up to now that asked for a restart."""
    first = None
    for point in reversed(past.series("reboot_required", "")):
        if point.value == 0:
            break
        first = point.at
    return first
