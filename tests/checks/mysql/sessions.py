"""Sessions that do to a MariaDB what applications do: hold transactions, wait, deadlock."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from agent.databases.connecting import odbc
from checks.api import State, Verdict
from tests import mariadb

DEADLINE_SECONDS = 20.0


@contextmanager
def session(server: mariadb.Server, *statements: str) -> Iterator[Any]:
    """Give an open connection as the administrator, once the statements have been run."""
    connection = odbc().connect(
        f"DRIVER=MariaDB Unicode;SOCKET={server.folder}/s;UID={server.user};", autocommit=True
    )
    try:
        for statement in statements:
            connection.execute(statement).close()
        yield connection
    finally:
        with suppress(odbc().Error):
            connection.close()


@contextmanager
def running(connection: Any, statement: str) -> Iterator[threading.Thread]:
    """Let a statement that waits run beside the block; its error, if any, is expected."""

    def run() -> None:
        with suppress(odbc().Error):
            connection.execute(statement).close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive(), f"still waiting: {statement}"


def eventually(look: Callable[[], Verdict], *states: State) -> Verdict:
    """Look until a verdict has one of the states. Raise AssertionError at the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        verdict = look()
        if verdict.state in states:
            return verdict
        assert time.monotonic() < deadline, verdict
        # Asked more often than ten times a second, InnoDB shows the same transactions for ever.
        time.sleep(0.2)
