"""From a query in the agent's settings to the page of the report, with the words declared there."""

import re
import sqlite3
import time
from pathlib import Path

import pytest

from scripts.postgresql import Cluster
from tests.databases import secret_file
from tests.journeys.command import agent
from tests.journeys.test_backups import CUSTOMER, Site
from tests.journeys.test_enrolment import done, serving

pytestmark = pytest.mark.journey
QUERIES = """
[queries.waiting]
database = "erp"
title = "待过账凭证"
query = '''
SELECT column1 AS ledger, column2 AS n
FROM (VALUES ('001 总部', 3), ('002 华东', 70)) AS waiting
'''
columns = { ledger = "text", n = "integer" }
object = "ledger"
value = "n"
unit = "张"
warning = 50
message = "{object} 积压 {value}"
remedy = "请财务人员过账"
priority = 1

[queries.refused]
database = "erp"
title = "口令表"
query = "SELECT count(*) AS n FROM app.nothing"
columns = { n = "integer" }
value = "n"
critical = 1
"""


def test_a_declared_query_is_judged_and_reported(postgresql: Cluster, tmp_path: Path) -> None:
    environment = {"XUNJIAN_DATABASE_URL": f"sqlite:///{tmp_path}/collector.db"}
    site = Site(tmp_path, environment)
    with secret_file(postgresql.password) as password, serving(tmp_path, environment) as url:
        settings = site.enrol(
            url,
            "erp-db",
            f'\n[databases.erp]\nkind = "postgresql"\nport = {postgresql.port}\n'
            f'user = "postgres"\npassword = {{ file = "{password}" }}\n{QUERIES}',
        )
        done(agent(tmp_path, "run", "--settings", settings, "--only", "external"))
        stored = verdicts(tmp_path / "collector.db")
    assert stored == {
        ("EXT-SQL-001", "waiting", "001 总部", "ok"),
        ("EXT-SQL-001", "waiting", "002 华东", "warning"),
        ("EXT-SQL-002", "refused", "", "not_run"),
    }
    done(site.collector("report", "--customer", CUSTOMER, "--output", "out"))
    html = (tmp_path / "out/report.html").read_text("utf-8")
    text = re.sub("<[^>]*>|\u200b", "", html)
    assert "待过账凭证：002 华东 积压 70 张。处置：请财务人员过账" in text
    assert "待过账凭证：3 张" in text
    assert "VALUES" not in text


def verdicts(file: Path) -> set[tuple[str, str, str, str]]:
    """Return code, target, object and state of what was judged, when something was.

    The rules of other priorities say of a query that there is nothing for them to judge.
    """
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        connection = sqlite3.connect(file)
        found = connection.execute(
            "SELECT code, target, object, state FROM verdict"
            " WHERE code LIKE 'EXT-%' AND state <> 'not_applicable'"
        ).fetchall()
        connection.close()
        if found:
            return set(found)
        time.sleep(0.1)
    raise AssertionError("no verdict came")
