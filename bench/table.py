"""The one table: every figure, its budget, its peers; notes below, the machine on top."""

import os
import platform
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table

from bench.figures import Figure, Origin, Peer

_WIDTH = 240
_COLUMNS = (
    ("what", "left"),
    ("figure (lowest–highest)", "right"),
    ("unit", "left"),
    ("budget", "right"),
    ("÷ budget", "right"),
    ("reached", "left"),
    ("peer", "left"),
    ("its figure", "right"),
    ("÷ peer", "right"),
    ("note", "right"),
)


def machine() -> str:
    """Return what the figures were measured on, and how busy that was before."""
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%MZ} · {os.cpu_count()} cores · {memory:.0f} GiB · "
        f"{platform.system()} {platform.release()} · Python {sys.version.split()[0]} · "
        f"load before {load} · a fixed loop {1000 * _fixed_loop_seconds():.0f} ms"
    )


def _fixed_loop_seconds() -> float:
    """Return the CPU time of the same work each time: longer where neighbours take the core's
    share of caches and clock, which makes every other figure worse, too."""
    taken = []
    for _ in range(5):
        began = time.process_time()
        sum(number * number for number in range(1_000_000))
        taken.append(time.process_time() - began)
    return median(taken)


def show(figures: Sequence[Figure], described: str, file: TextIO) -> None:
    """Write the machine, the table (as Markdown) and its notes."""
    table = Table(box=box.MARKDOWN)
    for title, side in _COLUMNS:
        table.add_column(title, justify="right" if side == "right" else "left", no_wrap=True)
    notes: list[str] = []
    for figure in figures:
        if figure.note and figure.note not in notes:
            notes.append(figure.note)
        mark = f"[{notes.index(figure.note) + 1}]" if figure.note else ""
        own = (
            figure.what,
            _spread(figure.runs),
            figure.unit,
            _budget(figure),
            _times(figure.ratio),
            {True: "yes", False: "NO", None: ""}[figure.reached],
        )
        first, *others = figure.peers or (None,)
        table.add_row(*own, *_beside(figure, first), mark)
        for peer in others:
            table.add_row(*([""] * len(own)), *_beside(figure, peer), "")
    console = Console(file=file, width=_WIDTH, markup=False, highlight=False, color_system=None)
    console.print(described)
    console.print(table)
    for place, note in enumerate(notes, start=1):
        console.print(f"[{place}] {note}", soft_wrap=True)


def as_json(figures: Sequence[Figure], described: str) -> dict[str, Any]:
    """Return the same for a program."""
    return {
        "machine": described,
        "figures": [
            {
                "what": figure.what,
                "value": figure.value,
                "runs": list(figure.runs),
                "unit": figure.unit,
                "budget": figure.budget,
                "lower_is_better": figure.lower_is_better,
                "ratio": figure.ratio,
                "reached": figure.reached,
                "note": figure.note,
                "peers": [
                    {
                        "name": peer.name,
                        "value": peer.value,
                        "runs": list(peer.runs),
                        "origin": peer.origin.value,
                        "ratio": figure.ratio_to(peer),
                    }
                    for peer in figure.peers
                ],
            }
            for figure in figures
        ],
    }


def _beside(figure: Figure, peer: Peer | None) -> tuple[str, str, str]:
    if peer is None:
        return "", "", ""
    if peer.value is None:
        return peer.name, Origin.ABSENT.value, ""
    name = peer.name if peer.origin is Origin.MEASURED else f"{peer.name} ({peer.origin.value})"
    return name, _spread(peer.runs), _times(figure.ratio_to(peer))


def _spread(runs: tuple[float, ...]) -> str:
    if len(runs) == 1:
        return _number(runs[0])
    middle = Figure("", runs, "").value
    return f"{_number(middle)} ({_number(min(runs))}–{_number(max(runs))})"


def _budget(figure: Figure) -> str:
    if figure.budget is None:
        return ""
    return f"{'≤' if figure.lower_is_better else '≥'} {_number(figure.budget)}"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{_number(ratio)}×"


def _number(value: float) -> str:
    """Return three figures, thousands whole."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
