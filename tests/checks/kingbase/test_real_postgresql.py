"""The checks of KingbaseES on a real PostgreSQL that was given what KingbaseES has besides."""

from collections.abc import Iterator

import psycopg
import pytest

from checks.api import State
from checks.kingbase import cluster, instance, settings
from scripts.postgresql import Cluster
from tests import databases
from tests.databases import judged, secret_file, signed_in

LICENCE = """
CREATE FUNCTION sys_catalog.get_license_validdays() RETURNS integer LANGUAGE sql AS 'SELECT 20'
"""


@pytest.fixture
def furnished(postgresql: Cluster) -> Iterator[str]:
    """Give a database with a licence of 20 days."""
    name = postgresql.new_database()
    with psycopg.connect(
        host="127.0.0.1",
        port=postgresql.port,
        user="postgres",
        password=postgresql.password,
        dbname=name,
        autocommit=True,
    ) as connection:
        connection.execute("CREATE SCHEMA sys_catalog")
        connection.execute(LICENCE)
    yield name
    postgresql.drop_database(name)


def test_licence_settings_and_cluster_are_read(postgresql: Cluster, furnished: str) -> None:
    with secret_file(postgresql.password) as password:
        given = databases.settings(
            kind="kingbase",
            port=postgresql.port,
            database=furnished,
            user="postgres",
            password={"file": password},
            driver="PostgreSQL Unicode",
        )
        with signed_in(given) as database:
            found = {
                **judged(instance.CHECK, database),
                **judged(settings.CHECK, database),
                **judged(cluster.CHECK, database),
            }
    assert found["KB-001", ""].state is State.CRITICAL
    assert "20 天" in found["KB-001", ""].current.zh
    # PostgreSQL has no mode.
    assert found["KB-002", ""].state is State.NOT_RUN
    assert found["KB-006", "passwordcheck.enable"].state is State.WARNING
    assert found["KB-007", "log_checkpoints"].state is State.OK
    assert found["KB-005", ""].state is State.NOT_APPLICABLE
