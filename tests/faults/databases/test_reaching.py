"""A database that can't be reached or refuses: the right reason within the deadline, in time.

Through the runner, the settings and the real drivers. What the drivers do by themselves is told
in the engines' modules; that they end at all is what is tested here.
"""

import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest

from agent.databases.entries import entries
from agent.host import LocalHost
from agent.planning import plan
from agent.runner import run
from agent.settings import Collector, Settings
from checks.api import Chapter, Check, Struct, Text
from checks.databases import Database, Instance, instance_of
from scripts.postgresql import Cluster, cluster
from tests import databases, mariadb
from tests.network import free_port, until
from tests.tds_server import PASSWORD, USER, Refusal, serving
from wire.messages import Observation, Reason

DEADLINE_SECONDS = 8.0
LOGIN_SECONDS = 2


class Facts(Struct, frozen=True):
    instance: Instance


class Rows(Struct, frozen=True):
    rows: int


def _sample(facts: type[Struct], probe: Callable[[Database], Any], target: str) -> Check[Any]:
    return Check(
        Text("样例", "Sample"),
        Chapter.DATABASE,
        facts=facts,
        rules=(),
        reads=(),
        probe=probe,
        target=target,
        deadline_seconds=DEADLINE_SECONDS,
    )


def inspected(query: str = "SELECT 1 AS one", **given: Any) -> dict[str, Reason | None]:
    """Run two checks on a database of the settings; return why each has no facts."""
    settings = Settings(
        Collector("https://collector.example"),
        databases={"erp": databases.settings(login_seconds=LOGIN_SECONDS, **given)},
    )
    [entry] = entries(settings)
    target = entry.target.kind
    checks = {
        f"{target}.instance": _sample(Facts, lambda port: Facts(instance_of(port)), target),
        f"{target}.question": _sample(Rows, lambda port: Rows(len(port.rows(query))), target),
        f"{target}.third": _sample(
            Rows, lambda port: Rows(len(port.rows("SELECT 1 AS a"))), target
        ),
    }
    planned = plan(checks, "linux", {}, entries=(entry,))
    steps = run(planned.jobs, LocalHost(), parallel=2, memory_bytes=2**30)
    return {
        step.check.partition(".")[2]: step.failure.reason if step.failure else None
        for step in steps
        if isinstance(step, Observation)
    }


def everywhere(reason: Reason) -> dict[str, Reason]:
    return dict.fromkeys(("instance", "question", "third"), reason)


@contextmanager
def port_that(answers: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen on a port and do this to whoever connects."""
    listening = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                line, _ = listening.accept()
                kept.append(line)
                answers(line)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for line in kept:
            line.close()
        thread.join()


def silent(_line: socket.socket) -> None:
    """Accept, and never say a word."""


def resetting(line: socket.socket) -> None:
    """Send RST, as a firewall or a dying server does."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


KINDS = ["postgresql", "kingbase", "mariadb", "mysql", "mssql"]


def of_kind(kind: str) -> dict[str, Any]:
    # KingbaseES is reached through PostgreSQL's driver here: its own can't be had.
    return {"kind": kind, "user": "x", "host": "127.0.0.1"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("answers", [silent, resetting])
def test_a_port_that_says_nothing_or_resets_is_unreachable(
    kind: str, answers: Callable[[socket.socket], None]
) -> None:
    with port_that(answers) as port:
        assert inspected(**of_kind(kind), port=port) == everywhere(Reason.UNREACHABLE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_closed_port_is_unreachable(kind: str) -> None:
    assert inspected(**of_kind(kind), port=free_port()) == everywhere(Reason.UNREACHABLE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_host_that_has_no_address_is_unreachable(kind: str) -> None:
    given = of_kind(kind) | {"host": "no-such-host.invalid"}
    assert inspected(**given) == everywhere(Reason.UNREACHABLE)


@pytest.mark.parametrize("kind", ["oracle", "dameng"])
def test_an_engine_whose_driver_is_not_installed_says_so(kind: str) -> None:
    given = of_kind(kind) | ({"service": "erp"} if kind == "oracle" else {})
    assert inspected(**given) == everywhere(Reason.MISSING_TOOL)


def test_a_driver_that_is_no_file_is_missing() -> None:
    given = of_kind("postgresql") | {"driver": "/nowhere/psqlodbcw.so"}
    assert inspected(**given) == everywhere(Reason.MISSING_TOOL)


def test_postgresql_refuses_wrong_and_expired_passwords_and_absent_databases(
    postgresql: Cluster,
) -> None:
    postgresql.administer(
        "CREATE ROLE late LOGIN PASSWORD 'Late-Secret-1' VALID UNTIL '2020-01-01'"
    )
    try:
        for user, password, database in (
            ("postgres", "Not-This-One-77", "postgres"),
            ("late", "Late-Secret-1", "postgres"),
            ("postgres", postgresql.password, "nothing_here"),
        ):
            with databases.secret_file(password) as file:
                given = {"user": user, "password": {"file": file}, "database": database}
                found = inspected(kind="postgresql", port=postgresql.port, **given)
            assert found == everywhere(Reason.LOGIN), (user, database)
    finally:
        postgresql.administer("DROP ROLE late")


def test_a_refused_account_is_tried_once_only(postgresql: Cluster) -> None:
    tries: list[bytes] = []

    def refusing(line: socket.socket) -> None:
        tries.append(line.recv(4096))
        if tries[-1][4:8] == struct.pack(">I", 80877103):  # asks for TLS
            line.sendall(b"N")
            tries[-1] = line.recv(4096)
        words = b'SFATAL\0C28P01\0Mpassword authentication failed for user "x"\0\0'
        line.sendall(b"E" + struct.pack(">I", len(words) + 4) + words)
        line.close()

    with port_that(refusing) as port:
        assert inspected(**of_kind("postgresql"), port=port) == everywhere(Reason.LOGIN)
    assert len(tries) == 1


@contextmanager
def not_ready(own: Cluster) -> Iterator[None]:
    """Start a stopped cluster that comes up without taking connections."""
    process = subprocess.Popen(own.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: not port_is_free(own.port), 20)
        yield
    finally:
        process.terminate()
        process.wait()


def port_is_free(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) != 0


def test_a_postgresql_that_takes_no_connections_yet_is_unreachable() -> None:
    with cluster() as own:
        own.stop()
        (own.folder / "data" / "standby.signal").touch()
        with (own.folder / "data" / "postgresql.auto.conf").open("a") as settings:
            settings.write("hot_standby = off\nwal_level = replica\n")
        with not_ready(own), databases.secret_file(own.password) as file:
            account = {"user": "postgres", "password": {"file": file}}
            found = inspected(kind="postgresql", port=own.port, **account)
    assert found == everywhere(Reason.UNREACHABLE)


def test_mariadb_refuses_wrong_and_expired_passwords(mariadb: mariadb.Server) -> None:
    mariadb.run(
        "CREATE USER late@localhost IDENTIFIED BY 'Late-Secret-1' PASSWORD EXPIRE;"
        "CREATE USER here@localhost IDENTIFIED BY 'Good-Secret-1';"
    )
    try:
        for user, password in (("here", "Not-This-One-77"), ("late", "Late-Secret-1")):
            with databases.secret_file(password) as file:
                account = {"user": user, "password": {"file": file}}
                found = inspected(kind="mariadb", socket=f"{mariadb.folder}/s", **account)
            assert found == everywhere(Reason.LOGIN), user
    finally:
        mariadb.run("DROP USER late@localhost; DROP USER here@localhost;")


def test_sql_server_refuses_wrong_passwords_and_bad_queries_alone_fail() -> None:
    with serving() as server, databases.secret_file("Not-This-One-77") as wrong:
        given = of_kind("mssql") | {
            "user": USER,
            "port": server.server_address[1],
            "driver": "FreeTDS",
            "options": "Encryption=off",
        }
        assert inspected(**given, password={"file": wrong}) == everywhere(Reason.LOGIN)
        server.answer = lambda query: (
            Refusal(229, "The SELECT permission was denied on the object 'x'.", 14)
            if "refused" in query
            else [{"number": "15.0.4345.5", "release": "Microsoft SQL Server 2019"}]
        )
        with databases.secret_file(PASSWORD) as right:
            found = inspected("SELECT a FROM refused", **given, password={"file": right})
    assert found == {"instance": None, "question": Reason.PERMISSION, "third": None}


@pytest.mark.parametrize("hang", ["SELECT pg_sleep(60)", "SELECT * FROM locked"])
def test_a_query_of_postgresql_that_hangs_times_out_and_the_others_run(
    postgresql: Cluster, hang: str
) -> None:
    name = postgresql.new_database()
    try:
        with (
            databases.secret_file(postgresql.password) as file,
            psycopg.connect(
                postgresql.url(name).replace("+psycopg", ""), autocommit=True
            ) as holder,
        ):
            holder.execute("CREATE TABLE public.locked (a int)")
            holder.execute("BEGIN")
            holder.execute("LOCK TABLE public.locked IN ACCESS EXCLUSIVE MODE")
            account = {"user": "postgres", "password": {"file": file}, "database": name}
            found = inspected(
                hang.replace("FROM locked", "FROM public.locked"),
                kind="postgresql",
                port=postgresql.port,
                query_seconds=3,
                **account,
            )
            holder.execute("ROLLBACK")
    finally:
        postgresql.drop_database(name)
    assert found == {"instance": None, "question": Reason.TIMEOUT, "third": None}


def test_a_query_of_mariadb_that_hangs_times_out_and_the_others_run(
    mariadb: mariadb.Server,
) -> None:
    account = {"user": mariadb.user, "socket": f"{mariadb.folder}/s"}
    found = inspected("SELECT SLEEP(60)", kind="mariadb", query_seconds=2, **account)
    assert found == {"instance": None, "question": Reason.TIMEOUT, "third": None}
