"""What tests of several parts share: a PostgreSQL that runs as long as the tests do."""

from collections.abc import Iterator

import pytest

from scripts.postgresql import Cluster, cluster


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """Run one PostgreSQL for each process of tests, started when the first of them asks."""
    with cluster() as running:
        yield running
