"""Heavy checks: read once in a while, used again as they were read, void as soon as in doubt."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.agent.workbench import Site, collecting
from wire.messages import Observation


class Heavy(Site):
    """A site with one heavy check that counts how often it was really read."""

    @property
    def watched(self) -> Path:
        return self.folder / "watched"

    @property
    def counter(self) -> Path:
        return self.folder / "counter"

    def install(self, then: str = "") -> None:
        body = f"open({str(self.counter)!r}, 'a').write('x'); {then}"
        options = f"heavy=True, fresh_while=({str(self.watched)!r},)"
        self.checks({"sample.heavy": body, "sample.light": "pass"}, {"sample.heavy": options})

    @property
    def readings(self) -> int:
        return len(self.counter.read_text())

    def cached(self) -> list[Any]:
        observed = self.run().events("observed")
        return [event.get("cached") for event in observed if event["check"] == "sample.heavy"]


@pytest.fixture
def site(tmp_path: Path) -> Heavy:
    site = Heavy(tmp_path)
    site.install()
    return site


def heavy(observations: tuple[Observation, ...]) -> Observation:
    (found,) = (one for one in observations if one.check == "sample.heavy")
    return found


def test_the_second_run_uses_the_reading_of_the_first_and_says_so(site: Heavy) -> None:
    with collecting() as collector:
        site.url = collector.url
        first, second = site.run(), site.run()
    assert site.readings == 1
    one, two = (heavy(batch.observations) for batch in collector.batches())
    assert one == two
    (event,) = [e for e in second.events("observed") if e["check"] == "sample.heavy"]
    assert event["cached"] == one.observed_at.isoformat().replace("+00:00", "Z")
    assert all("cached" not in event for event in first.events("observed"))
    assert second.values[-1]["collected"] == second.values[-1]["total"] == 2
    assert "sample.heavy" not in [event["check"] for event in second.events("started")]
    inspection = collector.batches()[1].header.inspection
    assert two.observed_at < inspection.started_at
    assert {entry.check for entry in inspection.planned} == {"sample.heavy", "sample.light"}


def test_a_person_reads_of_when_the_facts_are(site: Heavy) -> None:
    site.run()
    settings = str(site.configure())
    shown = site.agent("run", "--settings", settings, "--only", "sample", "--lang", "en").output
    assert "sample.heavy not read again: the facts of 20" in shown
    assert "sample.light done" in shown


def test_check_always_reads(site: Heavy) -> None:
    site.run()
    site.agent("check", "sample.heavy")
    assert site.readings == 2


def test_an_interval_of_0_reads_every_time(site: Heavy) -> None:
    site.configure("[run]\nheavy_interval_hours = 0")
    assert site.cached() + site.cached() == [None, None]
    assert site.readings == 2


def test_a_change_of_a_watched_path_voids_the_reading(site: Heavy) -> None:
    site.run()
    site.watched.touch()
    assert site.cached() == [None]
    assert site.cached() != [None]
    site.watched.unlink()
    assert site.cached() == [None]
    assert site.readings == 3


def test_other_sources_of_a_check_void_the_reading(site: Heavy) -> None:
    site.run()
    site.install("pass")
    assert site.cached() == [None]


def stored(site: Heavy) -> dict[str, Any]:
    with sqlite3.connect(site.state / "spool.db") as connection:
        ((line,),) = connection.execute("SELECT line FROM remembered").fetchall()
    return json.loads(line)


def store(site: Heavy, **changed: object) -> None:
    line = json.dumps(stored(site) | changed).encode()
    with sqlite3.connect(site.state / "spool.db") as connection:
        connection.execute("UPDATE remembered SET line = ?", (line,))


@pytest.mark.parametrize(
    "changed",
    [
        {"observed_at": "2026-01-01T00:00:00Z"},
        {"observed_at": "2099-01-01T00:00:00Z"},
        {"monotonic_seconds": 1e11},
        {"monotonic_seconds": "damaged"},
    ],
    ids=["too old", "from the future", "after this boot", "damaged"],
)
def test_a_reading_that_is_not_surely_young_is_not_used(
    site: Heavy, changed: dict[str, object]
) -> None:
    site.run()
    store(site, **changed)
    assert site.cached() == [None]
    assert site.cached() != [None]


def test_another_boot_voids_the_reading(site: Heavy) -> None:
    site.run()
    with sqlite3.connect(site.state / "spool.db") as connection:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        statement = "UPDATE remembered SET circumstances = replace(circumstances, ?, 'other')"
        assert connection.execute(statement, (boot,)).rowcount == 1
    assert site.cached() == [None]


def test_a_reading_that_failed_is_not_used_again(site: Heavy) -> None:
    site.install("raise OSError('no')")
    assert site.cached() + site.cached() == [None, None]
    assert site.readings == 2


def test_facts_of_which_a_part_failed_are_not_used_again(site: Heavy) -> None:
    site.install(
        "from checks.errors import TimedOut; from msgspec import defstruct; "
        "return defstruct('Partly', ['part'])([TimedOut('rpm').failure()])"
    )
    assert site.cached() + site.cached() == [None, None]
    assert site.readings == 2
