"""The error log of SQL Server: which lines count, that no words travel, and what a flood is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from checks.api import State
from checks.mssql import error_log
from checks.mssql._log_searches import LineRow, error_of, slow_of
from tests.recorded_database import RecordedDatabase
from tests.worse import state_of

NOW = datetime(2026, 11, 21, 16, tzinfo=UTC)
SECRET = "for user 'zhang-777'"
LINE = {
    "logdate": NOW - timedelta(hours=1),
    "text": f"Error: 18456, Severity: 14, State: 8. {SECRET}",
}


def line(text: str) -> LineRow:
    return LineRow(NOW, text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Error: 824, Severity: 24, State: 2.", (824, 24, 2)),
        ("错误: 18456，严重性: 14，状态: 38。", (18456, 14, 38)),
        ("Error: 3041, Severity: 16, State: 1.", (3041, 16, 1)),
    ],
)
def test_the_heading_of_an_error_is_read_in_both_languages(
    text: str, wanted: tuple[int, int, int]
) -> None:
    entry = error_of(line(text))
    assert entry is not None
    assert (entry.number, entry.severity, entry.state) == wanted


@pytest.mark.parametrize(
    "text", ["Severity: high", "Database backed up: erp", "Error: , Severity: , State: "]
)
def test_other_lines_are_no_errors(text: str) -> None:
    assert error_of(line(text)) is None


def test_frozen_io_of_a_snapshot_is_not_slow_io() -> None:
    assert slow_of(line("I/O is frozen on database erp at 15:00.")) is None
    words = (
        "SQL Server has encountered 2 occurrence(s) of I/O requests taking longer than 15 seconds"
    )
    assert slow_of(line(words)) is not None


def recorded(lines: list[dict[str, Any]]) -> RecordedDatabase:
    begin = [{"logdate": NOW - timedelta(days=90), "text": "(c) Microsoft Corporation."}]
    rows = {"NOW": [{"moment": NOW}], "BEGIN_0": begin, "ERRORS_0": lines, "LOGINS_0": lines}
    names = ["NOW", "BEGIN_0", "ERRORS_0", "CHINESE_ERRORS_0", "LOGINS_0", "SLOW_0", "STALLED_0"]
    answers = [{"query": name, "rows": rows.get(name, [])} for name in names]
    content = {"engine": "mssql", "version": [16, 0], "answers": answers}
    return RecordedDatabase(content, error_log.CHECK, None)


def test_no_words_of_the_log_are_in_the_facts() -> None:
    facts = error_log.probe(recorded([LINE] * 5))
    assert b"zhang" not in msgspec.json.encode(facts)
    assert facts.refused_logins == (error_log.Refused(8, 5),)


def test_more_refused_logins_than_are_read_are_critical_and_not_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(error_log, "MOST_LINES", 10)
    facts = error_log.probe(recorded([LINE] * 11))
    assert facts.flooded
    severe, logins = error_log.CHECK.rules
    assert state_of(logins, facts) is State.CRITICAL
    assert state_of(severe, facts) is State.NOT_RUN
