"""Windows Server Backup: each fault shows beyond what a healthy history shows.

The JSON is written by hand from the documentation of the cmdlets; nothing of it was recorded on
Windows. As nothing can be proven of such a backup, the best that is said of it is `not proven`: so
a fault has to be told by more than that.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.backups.kind import Source
from agent.backups.kinds import windows
from agent.backups.settings import declaration
from checks.api import Output, Past, State
from checks.backup.restore_points import CHECK
from checks.backup_sets import BackupFacts
from checks.errors import ProbeError, ToolMissing
from tests.backup_sets import settings
from tests.faults.backups.judging import Cases, Outcome

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
Told = dict[str, Any]


def at(hours: float) -> str:
    """Return a date as .NET's round-trip form writes it, with seven digits."""
    return (NOW - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.0000000Z")


def healthy(nights: int = 7) -> Told:
    jobs = [
        {
            "started": at(11 + 24 * night),
            "ended": at(10 + 24 * night),
            "state": "Completed",
            "result": 0,
            "detailed_result": 0,
            "type": "Backup",
        }
        for night in range(nights)
    ]
    sets = [
        {"id": f"v{night}", "made": job["started"], "target": "E:", "label": "Backup 01"}
        for night, job in enumerate(jobs)
    ]
    summary = {
        "last_backup": jobs[0]["started"],
        "last_success": jobs[0]["started"],
        "result": 0,
        "detailed_result": 0,
        "versions": nights,
        "target": "E:",
    }
    return {"summary": summary, "jobs": jobs, "sets": sets}


def source(text: str, exit_code: int = 0, error: ProbeError | None = None) -> Source:
    def run(*command: str, **_more: object) -> Output:
        assert command[0] == "powershell.exe"
        if error is not None:
            raise error
        return Output(text, exit_code, "at line 1")

    return cast("Source", SimpleNamespace(run=run))


def look(answer: Source) -> BackupFacts:
    given = settings(kind="windows", place="localhost", retention_days=5)
    catalogue = windows.KIND.catalogue(answer)
    points = sorted(catalogue.points, key=lambda point: point.started_at, reverse=True)
    return BackupFacts(
        declaration=declaration("server", given),
        points=tuple(points),
        odd=catalogue.odd,
        listed_since=catalogue.listed_since,
        tool=catalogue.tool,
    )


def said(answer: Source) -> str:
    """Return what is said beyond a healthy, unproven history; empty: nothing."""
    try:
        facts = look(answer)
    except ProbeError as error:
        return f"not run: {error.failure()}"
    said: list[str] = []
    for rule in CHECK.rules:
        if rule.code not in ("BAK-001", "BAK-006"):
            continue
        for verdict in rule.evaluate(facts, rule.thresholds(), Past(observed_at=NOW)):
            unproven = verdict.state is State.WARNING and "未校验" in verdict.current.zh
            if verdict.state is not State.OK and not unproven:
                said.append(f"{rule.code} {verdict.state.value}: {verdict.message}")
    return "; ".join(said)


def failed_last(told: Told, **changes: Any) -> None:
    """Let the last night fail: no version, and Windows says so."""
    told["sets"].pop(0)
    told["summary"].update(last_success=at(35), versions=6, **changes)


def later(told: Told, hours: float) -> None:
    for entry in (*told["jobs"], *told["sets"], told["summary"]):
        for name in ("started", "ended", "made", "last_backup", "last_success"):
            if entry.get(name):
                moved = datetime.fromisoformat(entry[name]) - timedelta(hours=hours)
                entry[name] = moved.strftime("%Y-%m-%dT%H:%M:%S.0000000Z")


FAULTS: dict[str, Callable[[Told], object]] = {
    "the last job failed": lambda told: (
        failed_last(told, result=2155348165),
        told["jobs"][0].update(result=2155348165),
    ),
    "it failed, as a negative number": lambda told: (
        failed_last(told, result=2155348165 - 2**32),
        told["jobs"][0].update(result=2155348165 - 2**32),
    ),
    "only the summary says that it failed": lambda told: told["summary"].update(result=2155348165),
    "only the list of jobs says so": lambda told: told["jobs"][0].update(result=2155348165),
    "one volume failed": lambda told: told["jobs"][0].update(detailed_result=2155348249),
    "the summary says that one volume failed": lambda told: told["summary"].update(
        detailed_result=2155348249
    ),
    "the last backup is not the last success": lambda told: failed_last(told),
    "no success was ever": lambda told: (
        told["sets"].clear(),
        told["summary"].update(last_success=None, versions=0),
    ),
    "nothing was ever made": lambda told: (
        told["sets"].clear(),
        told["jobs"].clear(),
        told.update(summary={"versions": 0, "result": 0}),
    ),
    "no backup for two days": lambda told: later(told, 48),
    "no backup for a day": lambda told: later(told, 24),
    "no backup for a year": lambda told: later(told, 24 * 365),
    "dated tomorrow": lambda told: later(told, -34),
    "all versions are gone": lambda told: (
        told["sets"].clear(),
        told["summary"].update(versions=0),
    ),
    "versions were deleted": lambda told: (
        told["sets"].__delitem__(slice(2, None)),
        told["summary"].update(versions=2),
    ),
    "on a share, where only one is kept": lambda told: (
        told["sets"].__delitem__(slice(1, None)),
        told["sets"][0].update(target="\\\\nas\\backup"),
        told["summary"].update(versions=1),
    ),
    "a version without a date": lambda told: told["sets"][0].update(made=None),
    "it has been running since the day before": lambda told: (
        told["sets"].pop(0),
        told["jobs"][0].update(state="Running", ended=None, started=at(40)),
        told["summary"].update(versions=6, last_success=at(59)),
        told["sets"].pop(0),
        told["summary"].update(versions=5),
        told["jobs"].pop(1),
    ),
    "the feature is not installed": lambda told: (
        told.clear(),
        told.update(missing="Get-WBSummary"),
    ),
    "access denied": lambda told: (
        told.clear(),
        told.update(
            failed={
                "kind": "System.UnauthorizedAccessException",
                "result": -2147024891,
                "words": "拒绝访问。",
            }
        ),
    ),
    "the service does not answer": lambda told: (
        told.clear(),
        told.update(failed={"kind": "System.Exception", "result": -2147023838, "words": "?"}),
    ),
    "no summary": lambda told: told.pop("summary"),
    "dates as PowerShell 5 writes them": lambda told: told["sets"][0].update(
        made="/Date(1795165200000)/"
    ),
    "dates of another form": lambda told: told["sets"][0].update(made="20/11/2026 21:00"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told(name: str, cases: Cases) -> None:
    told = healthy()
    FAULTS[name](told)
    words = said(source(json.dumps(told)))
    cases.fault(name, Outcome(not words, words, None, None))


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("nothing printed", source("")),
        ("words instead of JSON", source("Get-WBSummary : 找不到")),
        ("cut off", source(json.dumps(healthy())[:-40])),
        ("a list", source("[1, 2]")),
        ("PowerShell fails", source("", exit_code=1)),
        ("no PowerShell", source("", error=ToolMissing("powershell.exe"))),
    ],
)
def test_what_can_not_be_read_is_not_run(name: str, answer: Source, cases: Cases) -> None:
    words = said(answer)
    assert words.startswith("not run")
    cases.fault(name, Outcome(not words, words, None, None))


HEALTHY: dict[str, Callable[[Told], object]] = {
    "as it is": lambda told: None,
    "before the JSON stands a mark of bytes": lambda told: told.update(note="\ufeff"),
    "one more is being made": lambda told: told["jobs"].insert(
        0, {"started": at(0.2), "state": "Running", "type": "Backup"}
    ),
    "the summary knows the one under way": lambda told: (
        told["jobs"].insert(0, {"started": at(0.2), "state": "Running", "type": "Backup"}),
        told["summary"].update(last_backup=at(0.2)),
    ),
    "a failure a week ago": lambda told: (
        told["jobs"][6].update(result=2155348165),
        told["sets"].pop(6),
        told["summary"].update(versions=6),
    ),
    "a restore failed": lambda told: told["jobs"].insert(
        0, {"started": at(5), "ended": at(4), "type": "Recovery", "result": 5, "state": "Completed"}
    ),
    "dates differ by a minute": lambda told: told["summary"].update(last_success=at(11.02)),
    "fields that nobody knows": lambda told: told["summary"].update(new_field={"a": 1}),
    "no job is listed any more": lambda told: told["jobs"].clear(),
    "numbers are not told": lambda told: told["summary"].pop("versions"),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_history_says_nothing_more(name: str, cases: Cases) -> None:
    told = healthy()
    HEALTHY[name](told)
    words = said(source("\ufeff" + json.dumps(told) + "\r\n"))
    cases.healthy(name, Outcome(not words, words, None, None))


def test_a_single_job_and_version_are_no_list_in_powershell() -> None:
    told = healthy(1)
    told.update(jobs=told["jobs"][0], sets=told["sets"][0])
    facts = look(source(json.dumps(told)))
    assert [point.id for point in facts.points] == ["v0"]


def test_what_does_not_fit_together_is_said() -> None:
    told = healthy()
    told["summary"].update(versions=9)
    told["sets"][0].update(target="\\\\nas\\backup")
    assert look(source(json.dumps(told))).odd == (
        "the summary counts 9 versions, 7 are listed",
        "on a network share only the last version is kept",
    )


def test_an_hresult_is_unsigned() -> None:
    told = healthy()
    failed_last(told, result=-2139619131)
    [last, *_] = look(source(json.dumps(told))).points
    assert last.note == "HRESULT 0x807800C5"


def test_the_script_changes_nothing_and_asks_once() -> None:
    script = windows.SCRIPT
    assert set(re.findall(r"(\w+)-WB\w+", script)) == {"Get"}
    for word in ("Start-", "Remove-", "Set-", "Stop-", "Invoke-", "Out-File", ">>"):
        assert word not in script
