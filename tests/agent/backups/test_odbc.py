"""Over pyodbc and FreeTDS, a real driver, to a server of our own: cursors, types, errors."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.backups import odbc
from agent.backups.settings import BackupSettings
from agent.secret import SecretSource
from checks.errors import (
    LoginRefused,
    NotConfigured,
    NotPermitted,
    ProbeError,
    TimedOut,
    ToolMissing,
    UnexpectedOutput,
    Unsupported,
)
from tests.backup_sets import settings, source
from tests.tds_server import PASSWORD, USER, Refusal, Server, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def given(server: Server, tmp_path: Path) -> dict[str, Any]:
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    return {
        "kind": "mssql",
        "place": server.place(),
        "user": USER,
        "password": {"file": str(secret)},
    }


def asked(given: dict[str, Any], state: Path, query: str = "SELECT 1") -> list[odbc.Row]:
    with source(settings(**given), state) as known:
        return list(odbc.rows(known, query))


def test_rows_have_their_columns_names_in_small_letters(
    server: Server, given: dict[str, Any], tmp_path: Path
) -> None:
    server.answer = lambda _query: [
        {"Name": "账套 001", "Bytes": 2**40, "Nothing": None},
        {"Name": None, "Bytes": None, "Nothing": None},
    ]
    assert asked(given, tmp_path) == [
        {"name": "账套 001", "bytes": 2**40, "nothing": None},
        {"name": None, "bytes": None, "nothing": None},
    ]


def test_many_rows_come_whole(server: Server, given: dict[str, Any], tmp_path: Path) -> None:
    server.answer = lambda _query: [{"n": number, "t": "x" * 200} for number in range(5000)]
    assert [row["n"] for row in asked(given, tmp_path)] == list(range(5000))


def test_more_rows_than_are_fit_are_an_error_and_no_part(
    server: Server, given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(odbc, "MOST_ROWS", 10)
    server.answer = lambda _query: [{"n": number} for number in range(11)]
    with pytest.raises(UnexpectedOutput, match="more than 10 rows"):
        asked(given, tmp_path)


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (
            Refusal(229, "SELECT permission was denied on the object 'backupset'", 14),
            NotPermitted,
        ),
        (Refusal(300, "VIEW SERVER STATE permission was denied", 14), NotPermitted),
        (Refusal(916, "The principal is not able to access the database", 14), NotPermitted),
        (Refusal(208, "Invalid object name 'msdb.dbo.backupset'."), Unsupported),
        (Refusal(207, "Invalid column name 'encryptor_type'."), Unsupported),
        (Refusal(1205, "deadlock victim", 13), TimedOut),
        (Refusal(8134, "Divide by zero error encountered."), UnexpectedOutput),
    ],
)
def test_an_error_of_the_server_is_told_by_its_number(
    server: Server,
    given: dict[str, Any],
    tmp_path: Path,
    refusal: Refusal,
    kind: type[ProbeError],
) -> None:
    server.answer = lambda _query: refusal
    with pytest.raises(ProbeError) as caught:
        asked(given, tmp_path)
    assert type(caught.value) is kind
    assert refusal.words in caught.value.detail


def test_a_wrong_password_is_a_refused_login_and_stays_secret(
    given: dict[str, Any], tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("Not-This-One-77")
    wrong.chmod(0o600)
    given["password"] = {"file": str(wrong)}
    with pytest.raises(LoginRefused) as caught:
        asked(given, tmp_path)
    assert "18456" in caught.value.detail
    assert "Not-This-One-77" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_what_writes_is_not_even_sent(
    server: Server, given: dict[str, Any], tmp_path: Path
) -> None:
    server.asked.clear()
    with pytest.raises(Unsupported):
        asked(given, tmp_path, "DELETE FROM msdb.dbo.backupset")
    assert not any("DELETE" in query for query in server.asked)


def test_without_pyodbc_the_tool_is_missing(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyodbc", None)
    with pytest.raises(ToolMissing) as caught:
        asked(given, tmp_path)
    assert caught.value.subject == "pyodbc"


def test_without_its_driver_the_tool_is_missing(given: dict[str, Any], tmp_path: Path) -> None:
    given["place"] = given["place"].replace("FreeTDS", "ODBC Driver 18 for SQL Server")
    with pytest.raises(ToolMissing) as caught:
        asked(given, tmp_path)
    assert caught.value.subject == "ODBC driver"


def test_a_password_in_the_place_is_refused_and_not_shown(
    given: dict[str, Any], tmp_path: Path
) -> None:
    given["place"] += ";Pwd=Plain-Text-88"
    with pytest.raises(NotConfigured) as caught:
        asked(given, tmp_path)
    assert "Plain-Text-88" not in str(caught.value)


def written(tmp_path: Path, **changes: Any) -> str:
    secret = tmp_path / "braces"
    secret.write_text("a}b;c{")
    secret.chmod(0o600)
    plain = BackupSettings(
        kind=settings(kind=changes.pop("kind", "mssql"), place="-").kind,
        place="Server=db1;",
        password=SecretSource(file=str(secret)),
        **changes,
    )
    with source(plain, tmp_path) as known:
        return odbc.connection_string(known)


def test_a_password_may_hold_what_a_connection_string_is_made_of(tmp_path: Path) -> None:
    assert written(tmp_path, user="x") == (
        "Server=db1;UID=x;PWD={a}}b;c{};ApplicationIntent=ReadOnly;"
    )
    assert written(tmp_path, kind="oracle") == "Server=db1;PWD={a}}b;c{};"
