"""The backup history of SQL Server is read of a database entry as of a backup set."""

from pathlib import Path

import pytest

from agent.databases.engines import mssql
from checks.api import State
from checks.errors import NotPermitted
from checks.mssql.backups import CHECK
from tests.databases import judged, secret_file, settings, signed_in
from tests.sql_server import NOW, Instance, healthy
from tests.tds_server import PASSWORD, USER, Refusal, Row, serving
from tests.worse import NOW as JUDGED_AT


def states(instance: Instance) -> dict[tuple[str, str], State]:
    def answer(query: str) -> list[Row] | Refusal:
        if query.strip() == mssql._VERSION.strip():
            return [{"number": "15.0.4345.5", "release": "Microsoft SQL Server 2019"}]
        if query.startswith("SET "):
            return []
        found = instance.answer(query)
        return found if isinstance(found, Refusal) else list(found)

    with serving() as server, secret_file(PASSWORD) as password:
        server.answer = answer
        given = settings(
            kind="mssql",
            port=server.server_address[1],
            driver="FreeTDS",
            options="Encryption=off",
            user=USER,
            password={"file": password},
        )
        with signed_in(given) as database:
            return {key: verdict.state for key, verdict in judged(CHECK, database).items()}


def test_fresh_backups_are_well_and_one_that_was_never_made_is_critical(tmp_path: Path) -> None:
    assert NOW == JUDGED_AT
    instance = healthy(tmp_path)
    instance.database("never")
    found = states(instance)
    assert found["MSSQL-004", "erp"] is State.OK
    assert found["MSSQL-005", "erp"] is State.OK
    assert found["MSSQL-004", "never"] is State.CRITICAL


def test_a_history_that_may_not_be_read_is_no_history(tmp_path: Path) -> None:
    instance = healthy(tmp_path)
    instance.refused["backupset"] = Refusal(229, "The SELECT permission was denied.", 14)
    with pytest.raises(NotPermitted, match="SELECT permission"):
        states(instance)
