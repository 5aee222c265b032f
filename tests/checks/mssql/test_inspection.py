"""A whole inspection of an instance by the agent's runner, in its child process, over both drivers.

The rows are those of one situation of each check, written by hand; no SQL Server was asked.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from agent.databases.entries import entries
from agent.host import LocalHost
from agent.planning import plan
from agent.runner import run
from agent.settings import Collector, Settings
from checks.discovery import discover
from tests.agent.databases.test_sql_server import DRIVERS
from tests.checks.mssql.test_by_driver import SITUATIONS, rows_of
from tests.databases import secret_file, settings
from tests.recorded_database import _names
from tests.tds_server import PASSWORD, USER, Hang, Refusal, Server, serving
from wire.messages import Observation, Reason, Target

CHOSEN = {
    "mssql.availability": "well",
    "mssql.configuration": "well",
    "mssql.error_log": "well",
    "mssql.identities": "well",
    "mssql.jobs": "well",
    "mssql.latency": "well",
    "mssql.limits": "standard",
    "mssql.security": "well",
    "mssql.sessions": "quiet",
    "mssql.sizes": "growing",
    "mssql.waits": "well",
}


def answers() -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the rows of each query and database; where situations differ, of the first."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for situation in SITUATIONS:
        if CHOSEN.get(f"mssql.{situation.path.parent.name}") == situation.path.stem:
            for answer in situation.content["database"]["answers"]:
                key = answer["query"], answer.get("database", "")
                found.setdefault(key, rows_of(answer.get("rows", [])))
    return found


@pytest.fixture(params=list(DRIVERS))
def inspected(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Settings]]:
    with serving() as server, secret_file(PASSWORD) as secret:
        server.answer = partial(answered, server, answers(), _names("checks.mssql"))
        given = settings(
            kind="mssql",
            port=server.port,
            user=USER,
            password={"file": secret},
            exclude=["test*"],
            query_seconds=1,
            **DRIVERS[request.param](),
        )
        yield server, Settings(Collector(url="https://xunjian.example"), databases={"erp": given})


def answered(
    server: Server, known: dict[tuple[str, str], Any], names: dict[str, str], query: str
) -> Any:
    if query not in names:
        return [{"number": "15.0.4345.5", "release": "Microsoft SQL Server 2019"}]
    inside = "" if server.inside[-1] == "master" else server.inside[-1]
    return known[names[query], inside]


def observations(given: Settings) -> dict[str, Observation]:
    known = discover().checks
    planned = plan({name: known[name] for name in CHOSEN}, "linux", {}, entries=entries(given))
    steps = run(planned.jobs, LocalHost(), parallel=2, memory_bytes=2**30)
    return {step.check: step for step in steps if isinstance(step, Observation)}


def test_every_check_brings_facts_over_one_connection(inspected: tuple[Server, Settings]) -> None:
    server, given = inspected
    found = observations(given)
    assert set(found) == set(CHOSEN)
    assert {name: each.failure for name, each in found.items() if each.failure} == {}
    assert {each.target for each in found.values()} == {Target("mssql", "erp")}
    assert server.signed_in == 1
    known = discover().checks
    for name, each in found.items():
        known[name].decoder.decode(each.facts)


def test_a_view_that_hangs_costs_its_own_check_and_no_other(
    inspected: tuple[Server, Settings],
) -> None:
    server, given = inspected
    whole = server.answer
    server.answer = lambda query: Hang() if "sys.configurations" in query else whole(query)
    found = observations(given)
    failed = {name: each.failure.reason for name, each in found.items() if each.failure}
    assert failed == {"mssql.configuration": Reason.TIMEOUT}
    assert server.broken_off == 1


def test_a_refused_account_is_the_reason_of_every_check(inspected: tuple[Server, Settings]) -> None:
    server, given = inspected
    server.refused_login = Refusal(18487, "Login failed: the password has expired.", 14)
    found = observations(given)
    reasons = {each.failure.reason for each in found.values() if each.failure}
    assert len(found) == len(CHOSEN)
    assert reasons == {Reason.LOGIN}
