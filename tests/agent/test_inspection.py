"""One inspection, the agent as a process of its own, a collector over HTTP."""

import json
import signal
from pathlib import Path

import pytest

from tests.agent.workbench import Site, answering, collecting
from wire.messages import Reason


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.checks({"sample.one": "pass", "sample.two": "pass", "sample.bad": "raise KeyError('x')"})
    return site


def test_every_planned_check_gives_one_observation_that_arrives(site: Site) -> None:
    with collecting() as collector:
        site.url = collector.url
        finished = site.run()
    assert finished.exit_code == 0, finished.errors
    (batch,) = collector.batches()
    assert sorted(entry.check for entry in batch.observations) == [
        "sample.bad",
        "sample.one",
        "sample.two",
    ]
    by_check = {entry.check: entry for entry in batch.observations}
    assert bytes(by_check["sample.one"].facts) == b'{"value":"read"}'  # type: ignore[arg-type]
    failure = by_check["sample.bad"].failure
    assert failure is not None
    assert (failure.reason, failure.subject, failure.detail) == (Reason.ERROR, "KeyError", "'x'")
    assert by_check["sample.one"].cost.wall_seconds > 0
    inspection = batch.header.inspection
    assert {entry.check for entry in inspection.planned} == set(by_check)
    assert inspection.finished_at is not None
    assert inspection.cost.cpu_seconds > 0
    assert batch.rejected == ()
    assert site.status()["pending_batches"] == 0


def test_events_tell_the_run_from_plan_to_end(site: Site) -> None:
    with collecting() as collector:
        site.url = collector.url
        finished = site.run()
    assert finished.values[0] == {"event": "planned", "total": 3}
    assert {value["check"] for value in finished.events("started")} == {
        "sample.one",
        "sample.two",
        "sample.bad",
    }
    observed = finished.events("observed")
    assert [value["done"] for value in observed] == [1, 2, 3]
    assert {value["check"]: value["failure"] for value in observed} == {
        "sample.one": None,
        "sample.two": None,
        "sample.bad": "error",
    }
    assert finished.events("sealed") == [{"event": "sealed", "batches": 1}]
    assert finished.events("uploaded") == [{"event": "uploaded", "seq": 1, "duplicate": False}]
    end = finished.values[-1]
    assert (end["event"], end["collected"], end["total"], end["pending"]) == ("finished", 2, 3, 0)


def test_batches_of_following_runs_are_chained(site: Site) -> None:
    with collecting() as collector:
        site.url = collector.url
        site.run()
        site.run()
    first, second = (batch.header for batch in collector.batches())
    assert (first.seq, second.seq) == (1, 2)
    assert first.previous is None
    assert second.previous is not None
    assert first.epoch == second.epoch


def test_disabled_and_unselected_checks_are_told_with_the_reason(site: Site) -> None:
    with collecting() as collector:
        site.url = collector.url
        settings = site.configure('[checks."sample.two"]\nenabled = false')
        site.agent(
            "run", "--settings", str(settings), "--only", "sample.two", "--only", "sample.one"
        )
    inspection = collector.batches()[0].header.inspection
    assert [entry.check for entry in inspection.planned] == ["sample.one"]
    skipped = {entry.check: entry.failure for entry in inspection.skipped}
    assert skipped["sample.two"].reason == Reason.NOT_SELECTED
    assert skipped["sample.two"].detail == "settings"
    assert skipped["sample.bad"].detail == "pattern"


def test_without_a_collector_the_data_are_kept_and_go_up_later(site: Site) -> None:
    finished = site.run()
    assert finished.exit_code == 1
    (kept,) = finished.events("kept")
    assert kept["seq"] == 1
    assert "TCP" in kept["why"]
    assert site.status()["pending_batches"] == 1
    with collecting() as collector:
        site.url = collector.url
        site.configure()
        assert site.run().exit_code == 0
    assert [batch.header.seq for batch in collector.batches()] == [1, 2]


def test_a_refused_batch_does_not_hold_up_the_others_and_is_sent_twice_at_most(site: Site) -> None:
    refusal = answering(422, json.dumps({"detail": "facts don't fit"}).encode())
    with collecting(refusal, refusal) as collector:
        site.url = collector.url
        first = site.run()
        assert first.exit_code == 1
        assert "facts don't fit" in first.events("kept")[0]["why"]
        second = site.run()
        assert [event["seq"] for event in second.events("kept")] == [1]
        assert [event["seq"] for event in second.events("uploaded")] == [2]
        third = site.run()
    assert third.exit_code == 0
    assert [seq for _, seq in collector.requests] == [1, 1, 2, 3]
    (refused,) = site.status()["refused"]
    assert (refused["seq"], refused["times"]) == (1, 2)
    assert "facts don't fit" in refused["why"]


def test_an_unknown_pattern_names_the_nearest_and_ends_with_2(site: Site) -> None:
    settings = str(site.configure())
    finished = site.agent("run", "--settings", settings, "--only", "sample.onw", "--lang", "en")
    assert finished.exit_code == 2
    assert "did you mean sample.one?" in finished.errors
    assert len(finished.errors.splitlines()) == 1


def test_two_runs_at_once_are_refused(site: Site) -> None:
    site.checks({"sample.slow": "time.sleep(30)"})
    settings = str(site.configure())
    first = site.start("run", "--json", "--settings", settings, "--only", "sample")
    try:
        assert first.stdout is not None
        while "started" not in first.stdout.readline():
            pass
        second = site.run()
        assert second.exit_code == 2
        assert str(site.state) in second.errors
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=10)
        assert first.returncode == 1
    finally:
        first.kill()
        first.communicate()


def test_check_needs_neither_settings_nor_collector(site: Site) -> None:
    shown = site.agent("check", "sample", "--lang", "en")
    assert shown.exit_code == 0
    assert "sample.one  Sample" in shown.output
    assert "value: read" in shown.output
    assert "not read: error while reading: KeyError ('x')" in shown.output
    as_json = site.agent("check", "sample.one", "--json")
    (value,) = as_json.values
    assert value["facts"] == {"value": "read"}
    listed = site.agent("check", "--list", "sample")
    assert "sample.two  样例" in listed.output
    assert "nothing" in listed.output
    assert site.agent("check", "nothing.like.it").exit_code == 2


def test_status_before_the_first_run_makes_no_spool(site: Site) -> None:
    settings = str(site.configure())
    finished = site.agent("status", "--settings", settings)
    assert finished.exit_code == 0
    assert not (site.state / "spool.db").exists()
    assert str(site.state) in finished.output


def test_the_state_folder_is_the_owners_alone(site: Site) -> None:
    site.state.mkdir(mode=0o755)
    site.run()
    assert site.state.stat().st_mode & 0o777 == 0o700
