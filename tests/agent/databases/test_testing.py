"""`database test` says for each check what will run and what is missing."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, Raw

from agent.cli import main
from agent.databases.testing import outcome_of
from agent.errors import SettingsError
from agent.settings import load
from checks.api import (
    Chapter,
    Check,
    Failure,
    Rule,
    Struct,
    Text,
    Thresholds,
    not_applicable,
    not_run,
    ok,
)
from checks.discovery import names
from wire.messages import Cost, Observation, Reason


class Facts(Struct, frozen=True):
    accounts: int | Failure = 1


def accounts(facts: Facts, _thresholds: Thresholds, _past: Any) -> Any:
    if isinstance(facts.accounts, Failure):
        yield not_run("a", facts.accounts)
        yield not_run("b", facts.accounts)
    else:
        yield ok("", Text("", ""), Text("", ""))


def growth(_facts: Facts, _thresholds: Thresholds, _past: Any) -> Any:
    yield not_run("", Failure(Reason.NO_HISTORY))
    yield not_applicable("", Text("", ""))


def rule(code: str, evaluate: Any) -> Rule[Any, Any]:
    return Rule(code, Text(code, code), Text("", ""), Text("", ""), 1, Thresholds, evaluate)


CHECK: Check[Any] = Check(
    Text("样例", "Sample"),
    Chapter.DATABASE,
    facts=Facts,
    rules=(rule("X-001", accounts), rule("X-002", growth)),
    reads=(),
    probe=lambda _: Facts(),
)


def observation(facts: Facts | None, failure: Failure | None = None) -> Observation:
    return Observation(
        check="postgresql.sample",
        observed_at=datetime(2026, 11, 22, tzinfo=UTC),
        monotonic_seconds=1,
        cost=Cost(0, 0.5, 0),
        facts=Raw(msgspec.json.encode(facts)) if facts else UNSET,
        failure=failure,
    )


def test_a_check_that_reads_all_it_wants_misses_nothing() -> None:
    found = outcome_of("postgresql.sample", CHECK, observation(Facts()))
    assert (found.runs, found.rows, found.missing) == (True, 2, ())


def test_a_part_that_was_refused_is_named_once_by_its_row() -> None:
    refused = Failure(Reason.PERMISSION, "pg_authid")
    found = outcome_of("postgresql.sample", CHECK, observation(Facts(refused)))
    assert found.runs
    assert [(row.code, row.failure) for row in found.missing] == [("X-001", refused)]


def test_a_check_without_facts_misses_all() -> None:
    failure = Failure(Reason.LOGIN, "127.0.0.1")
    found = outcome_of("postgresql.sample", CHECK, observation(None, failure))
    assert not found.runs
    assert [row.failure for row in found.missing] == [failure]


def test_what_can_not_be_on_this_server_is_not_missing() -> None:
    failure = Failure(Reason.NOT_APPLICABLE, "Galera")
    assert outcome_of("x.y", CHECK, observation(None, failure)).missing == ()


def test_a_database_has_another_name_than_a_backup_set_of_its_engine(tmp_path: Path) -> None:
    settings = tmp_path / "agent.toml"
    settings.write_text(
        """
        [collector]
        url = "https://collector.example"
        [backups.erp]
        kind = "mssql"
        place = "Driver={FreeTDS};Server=db1"
        [databases.erp]
        kind = "mssql"
        """,
        encoding="utf-8",
    )
    with pytest.raises(SettingsError, match="erp"):
        load(str(settings), names())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ('kind = "postgresql"\nport = 1', "127.0.0.1:1"),
        ('kind = "oracle"\nservice = "erp"', "ODBC driver"),
        ('kind = "postgresql"\ndriver = "/nowhere/driver.so"', "/nowhere/driver.so"),
        (
            'kind = "mariadb"\nuser = "x"\npassword = { file = "/nowhere/secret" }',
            "/nowhere/secret",
        ),
    ],
)
def test_without_a_way_in_there_is_one_sentence_and_not_one_for_each_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, words: str
) -> None:
    settings = tmp_path / "agent.toml"
    settings.write_text(
        f'[collector]\nurl = "https://collector.example"\n[databases.erp]\n{given}\n',
        encoding="utf-8",
    )
    assert main(["database", "test", "erp", "--settings", str(settings)]) == 2
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    assert said.err.count("\n") == 1
    assert words in said.err
