"""What an inspection costs the customer's database server: its own processor time, in seconds.

All checks that have a P1 row, on an instance with 2,000 tables, through the agent's runner and the
real drivers: PostgreSQL and MariaDB from Debian. Beside them what people run today for the
same questions: check_postgres and MySQLTuner.
"""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil
import psycopg

from agent.databases.entries import entries
from agent.databases.settings import DatabaseSettings
from agent.host import LocalHost
from agent.planning import plan
from agent.runner import run
from agent.settings import Collector, Settings
from bench.figures import Figure, Origin, Peer
from checks.discovery import discover
from scripts.postgresql import Cluster, cluster
from tests import mariadb
from wire.messages import Observation

SERVER_SECONDS = 1.0
"""Issue 5: all P1 checks of one instance with 2,000 tables."""
_TABLES, _RUNS = 2000, 5
_PATIENCE_SECONDS = 120
"""For MySQLTuner, which reads every table of information_schema."""
_NOT_HERE = ("postgresql.log", "mysql.error_log", "mysql.galera")
"""A throw-away server has no cluster and writes no log file."""
_QUESTIONS = (
    "backends",
    "txn_wraparound",
    "autovac_freeze",
    "sequence",
    "replicate_row",
    "query_time",
    "txn_idle",
    "prepared_txns",
    "last_vacuum",
    "settings_checksum",
    "bloat",
)
"""Of check_postgres: those that ask what our P1 and P2 rows ask."""


def measure(*, tiny: bool = False) -> list[Figure]:
    """Return seconds of the server's processor for PostgreSQL and for MariaDB."""
    tables, runs = (50, 1) if tiny else (_TABLES, _RUNS)
    return [*_postgresql(tables, runs), *_mariadb(tables, runs)]


def _postgresql(tables: int, runs: int) -> Iterator[Figure]:
    with cluster() as server, _secret(server.password) as secret:
        _fill_postgresql(server, tables)
        account = {"user": "postgres", "password": {"file": secret}, "database": "erp"}
        settings = _settings(kind="postgresql", port=server.port, **account)
        peers = (Peer("check_postgres, 11 questions", *_check_postgres(server, runs)),)
        for title, first in (("P1", True), ("all", False)):
            yield Figure(
                f"PostgreSQL, {tables:,} tables: {title} checks, the server's processor",
                tuple(
                    _spent(server.process.pid, lambda: _inspect(settings, first))  # noqa: B023 - called at once
                    for _ in range(runs)
                ),
                "s",
                SERVER_SECONDS if first else None,
                peers=peers,
            )


def _mariadb(tables: int, runs: int) -> Iterator[Figure]:
    with mariadb.server() as server:
        server.run(
            "CREATE DATABASE erp; USE erp;"
            + "".join(
                f"CREATE TABLE t{number} (id int AUTO_INCREMENT PRIMARY KEY, a int, b varchar(50));"
                f"INSERT INTO t{number} (a, b) VALUES (1, 'x');"
                for number in range(tables)
            )
        )
        settings = _settings(kind="mariadb", socket=f"{server.folder}/s", user=server.user)
        peers = (Peer("MySQLTuner, once, at most 120 s", *_mysqltuner(server)),)
        for title, first in (("P1", True), ("all", False)):
            yield Figure(
                f"MariaDB, {tables:,} tables: {title} checks, the server's processor",
                tuple(
                    _spent(server.pid, lambda: _inspect(settings, first))  # noqa: B023 - called at once
                    for _ in range(runs)
                ),
                "s",
                SERVER_SECONDS if first else None,
                peers=peers,
            )


def _fill_postgresql(server: Cluster, tables: int) -> None:
    server.administer("CREATE DATABASE erp")
    url = server.url("erp", "postgres").replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        for number in range(tables):
            connection.execute(
                f"CREATE TABLE t{number} (id serial PRIMARY KEY, a int, b text);"
                f"INSERT INTO t{number} (a, b) SELECT n, 'x' FROM generate_series(1, 20) AS n"
            )
        connection.execute("ANALYZE")


def _inspect(settings: Settings, first: bool) -> None:
    """Run the checks of the one entry; a check that fails would make the figure a lie."""
    found = entries(settings)
    checks = {
        name: check
        for name, check in discover({found[0].target.kind}).checks.items()
        if not first or any(rule.priority == 1 for rule in check.rules)
    }
    jobs = [job for job in plan(checks, "linux", {}, entries=found).jobs if job.entry]
    assert jobs, "no check of this engine"
    for step in run(jobs, LocalHost(), parallel=2, memory_bytes=2**30):
        if isinstance(step, Observation) and step.failure is not None:
            assert step.check in _NOT_HERE, (step.check, step.failure)


def _check_postgres(server: Cluster, runs: int) -> tuple[tuple[float, ...], Origin]:
    tool = Path("/usr/bin/check_postgres")
    if not tool.exists():
        return (), Origin.ABSENT
    environment = os.environ | {"PGPASSWORD": server.password}

    def ask() -> None:
        for question in _QUESTIONS:
            place = ("--host=127.0.0.1", f"--port={server.port}", "--dbuser=postgres", "--db=erp")
            subprocess.run(
                (str(tool), f"--action={question}", *place),
                capture_output=True,
                check=False,
                env=environment,
            )

    return tuple(_spent(server.process.pid, ask) for _ in range(runs)), Origin.MEASURED


def _mysqltuner(server: mariadb.Server) -> tuple[tuple[float, ...], Origin]:
    tool = Path("/usr/bin/mysqltuner")
    if not tool.exists():
        return (), Origin.ABSENT

    # It finds a socket by the client's own settings only.
    client = server.folder / "client.cnf"
    client.write_text(f"[client]\nsocket={server.folder}/s\nuser={server.user}\n")

    def ask() -> None:
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(
                (str(tool), f"--defaults-file={client}", "--noask"),
                capture_output=True,
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=_PATIENCE_SECONDS,
            )

    return (_spent(server.pid, ask),), Origin.MEASURED


def _spent(process: int, work: Callable[[], None]) -> float:
    """Return the seconds of processor that a server and its children took while this was done."""
    before = _processor_seconds(process)
    work()
    return _processor_seconds(process) - before


def _processor_seconds(process: int) -> float:
    tree = psutil.Process(process)
    total = 0.0
    for each in (tree, *tree.children(recursive=True)):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
        if each.pid == process:
            # Sessions that have ended are the postmaster's now.
            total += times.children_user + times.children_system
    return total


def _settings(**given: Any) -> Settings:  # noqa: ANN401 - what TOML would give
    database = msgspec.convert(given, DatabaseSettings)
    return Settings(Collector("https://collector.example"), databases={"erp": database})


@contextmanager
def _secret(text: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="xunjian-bench-") as folder:
        file = Path(folder, "secret")
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
        yield str(file)
