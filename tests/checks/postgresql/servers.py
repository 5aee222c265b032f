"""Bringing real PostgreSQL databases into a state."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from scripts.postgresql import Cluster


@contextmanager
def inside(cluster: Cluster, database: str, user: str = "postgres") -> Iterator[Any]:
    """Give a connection to one database, each statement a transaction."""
    with psycopg.connect(
        host="127.0.0.1",
        port=cluster.port,
        user=user,
        password=cluster.password,
        dbname=database,
        autocommit=True,
    ) as connection:
        yield connection


def run(cluster: Cluster, database: str, *statements: str) -> None:
    """Run statements as the superuser; what they counted is told when the connection ends."""
    with inside(cluster, database) as connection:
        for statement in statements:
            connection.execute(statement)


@contextmanager
def database_of(cluster: Cluster) -> Iterator[str]:
    """Give a new empty database."""
    name = cluster.new_database()
    try:
        yield name
    finally:
        cluster.drop_database(name)


@contextmanager
def account(cluster: Cluster, name: str) -> Iterator[str]:
    """Give an account that may do nothing but sign in."""
    cluster.administer(f"CREATE ROLE {name} LOGIN PASSWORD '{cluster.password}'")
    try:
        yield name
    finally:
        cluster.administer(f"DROP ROLE {name}")


def shut_down(cluster: Cluster) -> None:
    """End it in order: everything is flushed."""
    cluster.process.send_signal(signal.SIGINT)
    cluster.process.wait()


def within(seconds: float, ready: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)
