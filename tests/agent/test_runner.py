"""What is planned, in which order it runs, what runs beside what."""

import os
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from agent.errors import PatternUnknown
from agent.host import LocalHost
from agent.planning import Entry, fits, plan
from agent.runner import Started, run
from agent.settings import CheckSettings
from checks.api import Chapter, Check, Host, Struct, Text
from wire.messages import Observation, Reason, Target


class Facts(Struct, frozen=True):
    value: int = 1


def probe(_host: Host) -> Facts:
    return Facts()


SAMPLE: Check[Any] = Check(
    Text("样例", "Sample"), Chapter.HOST, facts=Facts, rules=(), reads=(), probe=probe
)
CHECKS = {
    "host.apples": replace(SAMPLE, heavy=True),
    "host.bananas": replace(SAMPLE, sampling=True),
    "host.cherries": SAMPLE,
    "patch.dates": replace(SAMPLE, deadline_seconds=7),
    "agent.derived": replace(SAMPLE, probe=None, derive=lambda _arrival: Facts()),
    "host.elsewhere": replace(SAMPLE, systems=("windows",)),
    "postgresql.figs": replace(SAMPLE, target="postgresql"),
}


def test_light_checks_come_first_then_sampling_then_heavy() -> None:
    planned = plan(CHECKS, "linux", {})
    assert [job.check_id for job in planned.jobs] == [
        "host.cherries",
        "patch.dates",
        "host.bananas",
        "host.apples",
    ]
    (skipped,) = planned.skipped
    assert (skipped.check, skipped.failure.reason) == ("postgresql.figs", Reason.NOT_CONFIGURED)


def test_nothing_runs_beside_a_sampling_check() -> None:
    running: set[str] = set()
    beside: dict[str, set[str]] = {}
    planned = plan(CHECKS, "linux", {})
    for step in run(planned.jobs, LocalHost(), parallel=4, memory_bytes=2**30):
        if isinstance(step, Started):
            running.add(step.name)
            for check in running:
                beside.setdefault(check, set()).update(running)
        else:
            running.discard(step.check)
    assert beside["host.bananas"] == {"host.bananas"}
    assert beside["host.apples"] == {"host.apples"}
    assert beside["host.cherries"] == {"host.cherries", "patch.dates"}


def test_settings_and_patterns_leave_checks_out_with_the_reason() -> None:
    settings = {
        "host.cherries": CheckSettings(enabled=False),
        "patch.dates": CheckSettings(deadline_seconds=3),
    }
    planned = plan(CHECKS, "linux", settings, ["patch", "host.c*"])
    assert [(job.check_id, job.deadline_seconds) for job in planned.jobs] == [("patch.dates", 3)]
    assert {entry.check: entry.failure.detail for entry in planned.skipped} == {
        "host.apples": "pattern",
        "host.bananas": "pattern",
        "host.cherries": "settings",
        "postgresql.figs": "pattern",
    }


def test_a_pattern_is_an_id_a_chapter_or_a_glob() -> None:
    assert fits("host.volumes", "host.volumes")
    assert fits("host.volumes", "host")
    assert fits("host.volumes", "*.vol*")
    assert not fits("host.volumes", "hos")


def test_a_pattern_for_nothing_names_the_nearest() -> None:
    with pytest.raises(PatternUnknown, match=r"did you mean host\.cherries\?"):
        plan(CHECKS, "linux", {}, ["host.chery"])
    with pytest.raises(PatternUnknown, match=r"did you mean patch\?"):
        plan(CHECKS, "linux", {}, ["patches"])


def test_every_job_gives_one_observation_even_with_one_at_a_time() -> None:
    planned = plan(CHECKS, "linux", {})
    steps = list(run(planned.jobs, LocalHost(), parallel=1, memory_bytes=2**30))
    observed = [step.check for step in steps if isinstance(step, Observation)]
    assert observed == [job.check_id for job in planned.jobs]


def _nothing() -> None:
    pass


def test_entries_that_share_have_one_child() -> None:
    process = replace(SAMPLE, target="query", probe=lambda port: port)
    entries = [
        Entry(
            Target("query", name), "x", lambda _host, _seconds: Facts(os.getpid()), _nothing, share
        )
        for name, share in (("a", "one"), ("b", "one"), ("c", "other"), ("d", ""))
    ]
    jobs = plan({"external.sql": process}, "linux", {}, entries=entries).jobs
    found = {
        step.target.name: msgspec.json.decode(step.facts)["value"]
        for step in run(jobs, LocalHost(), parallel=2, memory_bytes=2**30)
        if isinstance(step, Observation) and isinstance(step.facts, msgspec.Raw)
    }
    assert found["a"] == found["b"]
    assert len(set(found.values())) == 3


def test_a_target_check_runs_once_for_each_entry_of_its_target_and_kinds() -> None:
    sample = replace(SAMPLE, target="backup", target_kinds=("files",), probe=lambda port: port)
    sets = {"backup.sets": sample}

    def entry(name: str, kind: str, target: str = "backup") -> Entry:
        return Entry(Target(target, name), kind, lambda _host, seconds: Facts(int(seconds)))

    entries = (entry("erp", "files"), entry("crm", "files"), entry("old", "restic"))
    planned = plan(sets, "linux", {}, (), (), (*entries, entry("erp", "files", "mssql")))
    assert [each.target.name for each in planned.planned] == ["crm", "erp"]
    steps = run(planned.jobs, LocalHost(), parallel=1, memory_bytes=2**30)
    observed = [step for step in steps if isinstance(step, Observation)]
    assert [each.target.name for each in observed] == ["crm", "erp"]
    assert all(each.failure is None for each in observed)


class Opened:
    """An entry whose port notes in a file what happens to it in which process."""

    def __init__(self, notes: Path, slow: Collection[str] = ()) -> None:
        self.notes = notes
        self.slow = slow

    def note(self, what: str) -> None:
        with self.notes.open("a") as file:
            file.write(f"{what} {os.getpid()}\n")

    def entry(self) -> Entry:
        target = Target("postgresql", "erp")
        return Entry(target, "postgresql", self.port, close=lambda: self.note("closed"))

    def port(self, _host: Host, _seconds: float) -> "Opened":
        return self

    def reading(self, name: str) -> Callable[["Opened"], Facts]:
        def read(opened: "Opened") -> Facts:
            opened.note(name)
            if name in opened.slow:
                time.sleep(60)
            return Facts()

        return read

    def observe(self, *names: str) -> dict[str, Reason | None]:
        """Run checks of these names on the entry; return why each has no facts."""
        checks = {
            f"postgresql.{name}": replace(
                SAMPLE, target="postgresql", probe=self.reading(name), deadline_seconds=0.5
            )
            for name in names
        }
        planned = plan(checks, "linux", {}, entries=(self.entry(),))
        steps = run(planned.jobs, LocalHost(), parallel=4, memory_bytes=2**30)
        observed = [step for step in steps if isinstance(step, Observation)]
        assert [each.check for each in observed] == sorted(checks)
        return {
            each.check.partition(".")[2]: each.failure.reason if each.failure else None
            for each in observed
        }

    def noted(self) -> list[tuple[str, str]]:
        lines = self.notes.read_text().splitlines()
        return [(line.split()[0], line.split()[1]) for line in lines]


def test_the_checks_of_a_database_share_one_child_that_closes_it_at_the_end(
    tmp_path: Path,
) -> None:
    opened = Opened(tmp_path / "notes")
    assert opened.observe("apples", "bananas", "cherries") == dict.fromkeys(
        ("apples", "bananas", "cherries")
    )
    noted = opened.noted()
    assert [what for what, _ in noted] == ["apples", "bananas", "cherries", "closed"]
    assert len({process for _, process in noted}) == 1


def test_a_check_of_a_database_that_hangs_does_not_stop_the_others(tmp_path: Path) -> None:
    opened = Opened(tmp_path / "notes", slow=("bananas",))
    found = opened.observe("apples", "bananas", "cherries")
    assert found == {"apples": None, "bananas": Reason.TIMEOUT, "cherries": None}
    noted = opened.noted()
    assert [what for what, _ in noted] == ["apples", "bananas", "cherries", "closed"]
    assert noted[1][1] != noted[2][1]


def test_a_database_that_never_answers_is_given_up_after_the_second_check(tmp_path: Path) -> None:
    names = ("apples", "bananas", "cherries", "dates")
    opened = Opened(tmp_path / "notes", slow=names)
    assert opened.observe(*names) == {
        "apples": Reason.TIMEOUT,
        "bananas": Reason.TIMEOUT,
        "cherries": Reason.UNREACHABLE,
        "dates": Reason.UNREACHABLE,
    }
    assert [what for what, _ in opened.noted()] == ["apples", "bananas"]


def test_a_check_runs_on_the_entries_of_its_other_targets_too() -> None:
    both = replace(SAMPLE, target="backup", target_kinds=("mssql",), other_targets=("mssql",))
    entries = tuple(
        Entry(Target(target, name), kind, lambda _host, _seconds: None)
        for target, name, kind in (
            ("backup", "files", "files"),
            ("backup", "history", "mssql"),
            ("mssql", "erp", "mssql"),
            ("mysql", "shop", "mysql"),
        )
    )
    planned = plan({"mssql.backups": both}, "linux", {}, entries=entries)
    assert [each.target.name for each in planned.planned] == ["erp", "history"]
