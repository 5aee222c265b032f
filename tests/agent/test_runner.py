"""What is planned, in which order it runs, what runs beside what."""

import os
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from agent.errors import PatternUnknown
from agent.host import LocalHost
from agent.runner import Entry, Started, fits, plan, run
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
