"""The figures of a run of `make faults`, one line of JSON each, and the table of them."""

import sys
from pathlib import Path

import msgspec
from msgspec import Struct

FIGURES_VARIABLE = "XUNJIAN_FAULT_FIGURES"
"""Names the file that the tests append their figures to."""

_COLUMNS = ("figure", "database", "batches", "kills", "faults", "lost", "duplicated", "seconds")


class Figure(Struct, frozen=True, kw_only=True):
    """What one test counted."""

    name: str
    database: str
    seconds: float
    batches: int = 0
    kills: int = 0
    faults: int = 0
    """Answers lost, disks filled, syncs failed, points crashed at."""
    lost: int = 0
    duplicated: int = 0


def table(figures: list[Figure]) -> str:
    """Return the figures as a table in Markdown."""
    rows = [_COLUMNS, tuple("---" for _ in _COLUMNS)]
    for each in sorted(figures, key=lambda figure: (figure.name, figure.database)):
        counted = (each.batches, each.kills, each.faults, each.lost, each.duplicated)
        rows.append((each.name, each.database, *map(str, counted), f"{each.seconds:.1f}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    )


def read(path: Path) -> list[Figure]:
    """Return the figures in a file."""
    return [msgspec.json.decode(line, type=Figure) for line in path.read_bytes().splitlines()]


if __name__ == "__main__":
    sys.stdout.write(f"{table(read(Path(sys.argv[1])))}\n")
