"""A web ERP by its pack: a real PostgreSQL with two account sets, a real page, up to the report."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from pypdf import PdfReader

from scripts.postgresql import Cluster
from tests.databases import secret_file
from tests.journeys.command import agent, collector, is_one_sentence
from tests.journeys.test_enrolment import done, prepared, serving, slot

pytestmark = pytest.mark.journey
METRIC = (
    '{ kind = "users", title = { zh = "账套数", en = "Account sets" }, '
    'query = "SELECT count(*) AS value FROM public.account_set" }'
)
PAGE = "<html><title>企业管理系统 - 用户登录</title></html>"


class Login(BaseHTTPRequestHandler):
    """The first page of an ERP."""

    def do_GET(self) -> None:
        body = PAGE.encode()
        self.send_response(200 if self.path == "/login" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def web_server() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Login)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def plain(cluster: Cluster, database: str) -> str:
    url = cluster.url(database, "postgres")
    return url.replace("postgresql+psycopg", "postgresql")


class Erp:
    """An ERP's own database, two databases of account sets, one that belongs to none."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.main = cluster.new_database()
        self.books = [f"{self.main}_set_{code}" for code in ("a", "b", "lost")]
        with psycopg.connect(plain(cluster, "postgres"), autocommit=True) as connection:
            for name in self.books:
                connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload] # a name made here
        ends = datetime.now(UTC).date() + timedelta(days=40)
        with psycopg.connect(plain(cluster, self.main)) as connection:
            connection.execute("CREATE TABLE account_set (code text, name text)")
            connection.execute(
                "INSERT INTO account_set VALUES ('a', '总公司'), ('b', '苏州分公司'), "
                "('demo', '演示账套')"
            )
            connection.execute("CREATE TABLE licence (module text, ends date)")
            connection.execute("INSERT INTO licence VALUES ('总账', %s)", (ends,))

    def settings(self, port: int, web: int, password: str, logs: Path) -> str:
        return f"""
[databases.erp]
kind = "postgresql"
port = {port}
database = "{self.main}"
user = "postgres"
password = {{ file = "{password}" }}

[products.erp]
pack = "web-erp"
title = "总部 ERP"
database = "erp"

[products.erp.parameters]
title_zh = "企业管理系统"
ports = ["127.0.0.1:{web}"]
address = "http://127.0.0.1:{web}/login"
marker = "用户登录"
account_sets = "SELECT code, name FROM public.account_set"
database_pattern = "{self.main}_set_<code>"
database_family = "{self.main}_set_*"
licence_query = "SELECT module AS name, ends AS expires FROM public.licence"
log_folders = ["{logs}"]
metrics = [{METRIC}]
"""

    def drop(self) -> None:
        for name in (*self.books, self.main):
            self.cluster.drop_database(name)


@pytest.fixture
def erp(postgresql: Cluster) -> Iterator[Erp]:
    made = Erp(postgresql)
    yield made
    made.drop()


def test_a_web_erp_is_inspected_by_its_pack_and_stands_in_the_report(
    tmp_path: Path, erp: Erp
) -> None:
    environment = {"XUNJIAN_DATABASE_URL": f"sqlite:///{tmp_path}/collector.db"}
    data = ("--data", str(tmp_path))
    prepared(tmp_path, environment)
    opened = slot(tmp_path, environment)
    settings = tmp_path / "agent.toml"
    named = ("--settings", str(settings))
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "erp.log").write_text("INFO 客户甲的订单\nERROR 客户乙的订单\n", encoding="utf-8")
    port = urlsplit(erp.cluster.url("postgres")).port
    assert port is not None
    with (
        serving(tmp_path, environment) as url,
        web_server() as web,
        secret_file(erp.cluster.password) as password,
    ):
        state = ("--state", str(tmp_path / "state"), "--code", opened["code"], "--json")
        told = json.loads(done(agent(tmp_path, "enrol", url, *named, *state)))
        approve = ("agent", "approve", told["agent"][:12])
        done(collector(tmp_path, *approve, *data, **environment))
        bare = settings.read_text(encoding="utf-8")

        settings.write_text(bare + erp.settings(port, web, password, logs), encoding="utf-8")
        done(agent(tmp_path, "run", *named, "--only", "product"))
        found = judged(tmp_path)

        wrong = bare + erp.settings(port, web, password, logs).replace("marker =", "makrer =")
        settings.write_text(wrong, encoding="utf-8")
        refused = agent(tmp_path, "run", *named, "--only", "product")
        assert refused.returncode == 2
        assert is_one_sentence(refused.stderr)
        assert "products.erp.parameters.makrer" in refused.stderr
        assert "marker" in refused.stderr
    report = ("report", "--customer", "示例公司", "--output", str(tmp_path / "out"), *data)
    done(collector(tmp_path, *report, **environment))
    page = next((tmp_path / "out").glob("*.html")).read_text(encoding="utf-8")
    pdf = "".join(
        each.extract_text() for each in PdfReader(next((tmp_path / "out").glob("*.pdf"))).pages
    )
    for words in (
        "总部 ERP",
        "企业管理系统",
        "总公司",
        "苏州分公司",
        "演示账套（演示）",
        "剩余 40 天",
    ):
        assert words in page, words
    for words in ("总部 ERP：账套", "苏州分公司", "HTTP 200"):
        assert words in pdf, words
    assert "通用产品包" in page
    # What is in the logs stays there.
    assert "客户甲" not in page
    assert "客户乙" not in page
    lost, demo = f"{erp.main}_set_lost", f"{erp.main}_set_demo"
    assert found["APP-002", f"http://127.0.0.1:{web}/login"] == "ok"
    assert found["APP-004", f"{erp.main}_set_a"] == "ok"
    assert found["APP-004", lost] == "warning"
    assert found["APP-004", demo] == "critical"
    assert found["APP-005", f"{erp.main}_set_b"] == "ok"
    assert found["APP-003", "总账"] == "warning"
    assert found["APP-015", "demo"] == "warning"
    assert found["APP-013", "账套数"] == "info"
    assert found["APP-001", ""] == "not_run"
    assert found["APP-008", str(logs)] == "ok"


def judged(folder: Path) -> dict[tuple[str, str], str]:
    """Return the state of each verdict of the product by code and object, once there are some."""
    deadline = time.monotonic() + 90
    while True:
        with closing(sqlite3.connect(folder / "collector.db")) as connection:
            rows = connection.execute(
                "SELECT code, object, state FROM verdict WHERE target = 'erp'"
            ).fetchall()
        if rows or time.monotonic() > deadline:
            return {(code, name): state for code, name, state in rows}
        time.sleep(0.5)
