"""Which entry of the lifecycle table a PostgreSQL is, and how far it is behind its newest one."""

from checks import lifecycle


def cycle_and_minor(version: str) -> tuple[str, int]:
    """Return ("15", 20) for 15.20 and ("9.6", 24) for 9.6.24."""
    parts = version.split(".")
    major = 1 if int(parts[0]) >= 10 else 2
    return ".".join(parts[:major]), int(parts[major]) if len(parts) > major else 0


def entry_of(version: str) -> lifecycle.Entry | None:
    """Return the entry of a version; None for one that the table does not know."""
    cycle, _minor = cycle_and_minor(version)
    for entry in lifecycle.table().entries:
        if (entry.product, entry.cycle) == ("postgresql", cycle):
            return entry
    return None


def minors_behind(version: str, entry: lifecycle.Entry) -> int | None:
    """Return how many minor releases came after this one; 0 for one newer than the table."""
    if not entry.latest:
        return None
    return max(0, cycle_and_minor(entry.latest)[1] - cycle_and_minor(version)[1])
