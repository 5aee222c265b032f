"""Every situation of SQL Server once more, over the wire: the same rows through both real drivers.

What the recorded rows show without a driver (tests/situations) is shown here with the port that a
customer's server is asked through: types, NULL, USE, errors. No SQL Server was asked.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from checks.api import Check
from checks.discovery import discover
from checks.errors import ProbeError
from tests.agent.databases.test_sql_server import DRIVERS
from tests.databases import secret_file, settings, signed_in
from tests.recorded_database import _names
from tests.situation import ROOT, Situation, expected_failure, situations
from tests.tds_server import PASSWORD, USER, Refusal, Server, serving

REFUSALS = {
    "permission": Refusal(229, "The SELECT permission was denied on the object.", 14),
    "timeout": Refusal(1222, "Lock request time out period exceeded."),
    "unsupported": Refusal(208, "Invalid object name."),
    "unreachable": Refusal(976, "The target database is participating in an availability group."),
    "error": Refusal(8134, "Divide by zero error encountered."),
}
SITUATIONS = [
    each
    for each in situations()
    if each.path.relative_to(ROOT).parts[0] == "mssql"
    and each.check.target == "mssql"
    and "database" in each.content
    and not {"files", "commands", "given"} & set(each.content)
    and "failure" not in each.content["database"]
    # How long signing in takes is the driver's own.
    and each.content["database"].get("login_seconds", 0) < 1
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def secret() -> Iterator[str]:
    with secret_file(PASSWORD) as file:
        yield file


def test_every_check_of_databases_is_among_them() -> None:
    found = discover().checks
    wanted = {name for name, check in found.items() if check.target == "mssql"}
    assert wanted == {f"mssql.{each.path.parent.name}" for each in SITUATIONS}


@pytest.mark.parametrize("driver", list(DRIVERS))
@pytest.mark.parametrize(
    "situation", SITUATIONS, ids=lambda each: f"{each.path.parent.name}/{each.path.stem}"
)
def test_a_driver_gives_the_facts_that_the_rows_give(
    server: Server, secret: str, situation: Situation, driver: str
) -> None:
    content = situation.content["database"]
    server.answer = answering(server, content, situation.check)
    given = settings(
        kind="mssql",
        port=server.port,
        user=USER,
        password={"file": secret},
        exclude=content.get("exclude", []),
        **DRIVERS[driver](),
    )
    assert situation.check.probe is not None
    with signed_in(given) as database:
        try:
            observed: Any = situation.check.probe(database)
        except ProbeError as error:
            observed = error.failure()
    wanted = expected_failure(situation)
    if wanted is not None:
        assert observed.reason == wanted.reason
        return
    assert isinstance(observed, situation.check.facts), observed
    sent = situation.check.decoder.decode(msgspec.json.encode(observed))
    judged = sorted((code, v.object, v.state.value) for code, v in situation.judge(sent))
    assert judged == sorted(
        (entry["code"], entry.get("object", ""), entry["state"])
        for entry in situation.content["verdicts"]
    )


def answering(server: Server, content: Mapping[str, Any], check: Check[Any]) -> Any:
    """Return what answers a situation's queries, in the database that they are asked in."""
    names = _names(check.facts.__module__.rpartition(".")[0])

    def answer(query: str) -> Any:
        if query not in names:
            assert "@@VERSION" in query, query  # the port's own question
            version = ".".join(str(number) for number in content["version"])
            return [{"number": version, "release": f"Microsoft SQL Server {version}"}]
        inside = "" if server.inside[-1] == "master" else server.inside[-1]
        for given in content["answers"]:
            if given["query"] == names[query] and given.get("database", inside) == inside:
                if "failure" in given:
                    return REFUSALS[given["failure"]]
                return rows_of(given.get("rows", []))
        raise AssertionError(f"no answer for {names[query]} in {inside!r}")

    return answer


def rows_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows as the server has them: NULL where a column is missing, moments without zone."""
    columns = {column: None for row in rows for column in row} or {"nothing": None}
    return [
        {**columns, **{name: without_zone(value) for name, value in row.items()}} for row in rows
    ]


def without_zone(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value
