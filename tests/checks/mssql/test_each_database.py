"""What is asked inside each database: bounded, told where something was left out, never stopped."""

from typing import Any

from checks.api import State
from checks.mssql import identities, sizes
from tests.recorded_database import RecordedDatabase
from tests.worse import state_of
from wire.messages import Failure, Reason

NAMES = [f"erp_{number:02}" for number in range(53)]


def recorded(check: Any, query: str, refusing: str = "") -> RecordedDatabase:
    answers: list[dict[str, Any]] = [
        {"query": "DEFINITIONS", "rows": [{"shown": 1}]},
        {"query": "ONLINE", "rows": [{"name": name, "accessible": 1} for name in NAMES]},
        {
            "query": "SIZES",
            "rows": [{"name": name, "data_bytes": 2**30, "log_bytes": 0} for name in NAMES],
        },
    ]
    answers += [
        {"query": query, "database": name, "failure": "timeout", "subject": name}
        if name == refusing
        else {"query": query, "database": name}
        for name in NAMES
    ]
    content = {"engine": "mssql", "version": [16, 0], "answers": answers, "exclude": ["erp_00"]}
    return RecordedDatabase(content, check, None)


def test_the_first_fifty_are_asked_and_the_rest_is_told() -> None:
    facts = identities.probe(recorded(identities.CHECK, "NUMBERS"))
    assert [each.database for each in facts.databases] == NAMES[1:51]
    assert facts.databases_left_out == 2
    [rule] = identities.CHECK.rules
    assert state_of(rule, facts, "*") is State.INFO


def test_sizes_are_known_of_all_and_tables_of_fifty() -> None:
    facts = sizes.probe(recorded(sizes.CHECK, "TABLES"))
    assert [each.name for each in facts.databases] == NAMES[1:]
    assert [each.name for each in facts.databases if each.largest_tables is None] == NAMES[51:]
    [rule] = sizes.CHECK.rules
    assert state_of(rule, facts, "*") is State.INFO
    assert [measure.object for measure in sizes.measures(facts)] == NAMES[1:]


def test_a_database_that_refuses_does_not_stop_the_others() -> None:
    facts = identities.probe(recorded(identities.CHECK, "NUMBERS", refusing="erp_07"))
    numbers = {each.database: each.numbers for each in facts.databases}
    assert numbers.pop("erp_07") == Failure(Reason.TIMEOUT, "erp_07")
    assert set(numbers.values()) == {()}
    [rule] = identities.CHECK.rules
    assert state_of(rule, facts, "erp_07") is State.NOT_RUN
    assert state_of(rule, facts, "erp_08") is State.OK
