"""The table says what was measured, against what, and beside whom."""

import io
import json

import pytest

from bench.figures import Figure, Origin, Peer
from bench.table import as_json, machine, show

WITHIN = Figure("agent run", (0.1, 0.3, 0.2), "s", budget=0.4, note="warm")
BEYOND = Figure(
    "uploads",
    (250.0,),
    "/s",
    budget=1000,
    lower_is_better=False,
    note="unsigned",
    peers=(
        Peer("Healthchecks", (125.0,), Origin.EARLIER),
        Peer("lynis", (), Origin.ABSENT),
    ),
)
UNBUDGETED = Figure("one batch", (12_345.6,), "ms")


def table() -> str:
    file = io.StringIO()
    show([WITHIN, BEYOND, UNBUDGETED], "two cores", file)
    return file.getvalue()


def row(name: str) -> list[str]:
    [line] = [line for line in table().splitlines() if name in line]
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def test_a_row_shows_median_spread_budget_and_ratio() -> None:
    assert row("agent run")[1:6] == ["0.2 (0.1–0.3)", "s", "≤ 0.4", "0.5×", "yes"]


def test_more_is_better_where_it_is_said_so() -> None:
    assert row("uploads")[1:6] == ["250", "/s", "≥ 1,000", "0.25×", "NO"]


def test_a_peer_says_where_its_figure_is_from() -> None:
    assert row("Healthchecks")[6:9] == ["Healthchecks (earlier)", "125", "2×"]


def test_a_peer_that_is_missing_is_named_without_a_figure() -> None:
    assert row("lynis")[6:9] == ["lynis", "not installed", ""]


def test_without_a_budget_nothing_is_reached_or_missed() -> None:
    assert row("one batch")[1:6] == ["12,346", "ms", "", "", ""]


def test_the_machine_stands_above_and_the_notes_below() -> None:
    lines = table().splitlines()
    assert lines[0].strip() == "two cores"
    assert [line for line in lines if line.startswith("[")] == ["[1] warm", "[2] unsigned"]
    assert row("uploads")[-1] == "[2]"


def test_json_has_every_run() -> None:
    first, second, _ = as_json([WITHIN, BEYOND, UNBUDGETED], "two cores")["figures"]
    assert (first["value"], first["runs"], first["reached"]) == (0.2, [0.1, 0.3, 0.2], True)
    assert second["peers"][1] == {
        "name": "lynis",
        "value": None,
        "runs": [],
        "origin": "not installed",
        "ratio": None,
    }
    json.dumps(second)


@pytest.mark.parametrize("word", ["cores", "Python", "load before"])
def test_the_machine_is_described(word: str) -> None:
    assert word in machine()
