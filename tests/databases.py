"""Real databases as a probe sees them: settings from a few words, signed in over ODBC."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from agent.databases.settings import DatabaseSettings
from agent.databases.subject import ConfiguredDatabase, Session
from agent.host import LocalHost
from checks.api import Check, Past, Verdict
from scripts.postgresql import Cluster
from tests import mariadb
from tests.worse import NOW

NAME = "erp"


def settings(**given: Any) -> DatabaseSettings:
    """Return the settings of a database as TOML would give them."""
    return msgspec.convert(given, DatabaseSettings)


@contextmanager
def signed_in(given: DatabaseSettings) -> Iterator[ConfiguredDatabase]:
    """Give the database of the settings, and sign off at the end."""
    session = Session(NAME, given)
    try:
        yield ConfiguredDatabase(session, LocalHost())
    finally:
        session.close()


@contextmanager
def postgresql(
    cluster: Cluster, database: str = "postgres", user: str = "postgres", **more: Any
) -> Iterator[ConfiguredDatabase]:
    """Give a real PostgreSQL (fixture `postgresql`), by default as its superuser."""
    port = urlsplit(cluster.url("postgres")).port
    with secret_file(cluster.password) as password:
        given = settings(
            kind="postgresql",
            port=port,
            database=database,
            user=user,
            password={"file": password},
            **more,
        )
        with signed_in(given) as found:
            yield found


@contextmanager
def mariadb_database(
    server: mariadb.Server, user: str = "", password: str = "", **more: Any
) -> Iterator[ConfiguredDatabase]:
    """Give a real MariaDB (fixture `mariadb`), by default as its administrator."""
    given: dict[str, Any] = {"kind": "mariadb", "socket": f"{server.folder}/s", **more}
    with secret_file(password or "unused") as file:
        if password:
            given["password"] = {"file": file}
        with signed_in(settings(user=user or server.user, **given)) as found:
            yield found


@contextmanager
def secret_file(text: str) -> Iterator[str]:
    """Give a file that holds a secret as the settings want it."""
    with tempfile.TemporaryDirectory(prefix="xunjian-secret-") as folder:
        file = Path(folder, "secret")
        file.touch(mode=0o600)
        file.write_text(f"{text}\n", encoding="utf-8")
        yield str(file)


def judged(
    check: Check[Any], database: ConfiguredDatabase, past: Past[Any] | None = None
) -> dict[tuple[str, str], Verdict]:
    """Return the verdicts of a check on a real database by code and object."""
    assert check.probe is not None
    facts = check.probe(database)
    # What travels is what was observed.
    facts = check.decoder.decode(msgspec.json.encode(facts))
    return {
        (rule.code, verdict.object): verdict
        for rule in check.rules
        for verdict in rule.evaluate(facts, rule.thresholds(), past or Past(NOW))
    }
