"""What tests of several parts share: database servers that run as long as the tests do."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain

import pytest

from scripts.postgresql import Cluster, cluster
from tests import mariadb as throw_away


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many faulty backups passed for good ones, and good ones for faulty."""
    counted = Counter(
        entry
        for report in chain(*terminalreporter.stats.values())
        if getattr(report, "when", "") == "call"
        for entry in report.user_properties
    )
    for kind, wrong in (("backup fault", "false ok"), ("backup healthy", "false alarms")):
        if right_or_wrong := counted[kind, True] + counted[kind, False]:
            missed = counted[kind, False]
            terminalreporter.write_line(f"{kind}s: {right_or_wrong}, {wrong}: {missed}")


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
