"""What tests of several parts share: database servers that run as long as the tests do."""

from collections.abc import Iterator

import pytest

from scripts.postgresql import Cluster, cluster
from tests import mariadb as throw_away


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """Run one PostgreSQL for each process of tests, started when the first of them asks."""
    with cluster() as running:
        yield running


@pytest.fixture(scope="session")
def mariadb() -> Iterator[throw_away.Server]:
    """Run one MariaDB for each process of tests, started when the first of them asks."""
    with throw_away.server() as running:
        yield running
