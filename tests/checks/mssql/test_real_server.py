"""Every check against a real SQL Server, where XUNJIAN_SQL_SERVER names one.

It is the path of a TOML file with what a section of [databases] holds: kind, host, user, password …
(agent/databases/settings.py). Without it these tests are deselected (conftest.py).
"""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.databases.subject import ConfiguredDatabase
from checks.api import Check, Past, State
from checks.discovery import discover
from checks.errors import part
from tests.databases import settings, signed_in
from tests.worse import NOW
from wire.messages import Failure, Reason

CHECKS = {
    name: check
    for name, check in discover().checks.items()
    if "mssql" in (check.target, *check.other_targets)
}
pytestmark = pytest.mark.sql_server


@pytest.fixture(scope="module")
def database() -> Iterator[ConfiguredDatabase]:
    given = Path(os.environ["XUNJIAN_SQL_SERVER"]).read_text(encoding="utf-8")
    with signed_in(settings(**tomllib.loads(given))) as found:
        yield found


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_a_check_gives_facts_or_the_reason_why_not(
    database: ConfiguredDatabase, check: Check[Any]
) -> None:
    facts = part(lambda: probed(check, database))
    if isinstance(facts, Failure):
        # A view or a column that is not there, or of another type, is a mistake of ours.
        assert facts.reason not in (Reason.ERROR, Reason.UNSUPPORTED), facts
        return
    facts = check.decoder.decode(msgspec.json.encode(facts))
    for rule in check.rules:
        verdicts = list(rule.evaluate(facts, rule.thresholds(), Past(NOW)))
        assert verdicts, rule.code
        wrong = [
            each
            for each in verdicts
            if each.state is State.NOT_RUN
            and each.failure is not None
            and each.failure.reason is Reason.ERROR
        ]
        assert wrong == []


def probed(check: Check[Any], database: ConfiguredDatabase) -> Any:
    assert check.probe is not None
    return check.probe(database)
