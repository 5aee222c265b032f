"""What tests of several parts share: servers that run as long as the tests do."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from scripts.openssh import OpenSsh, serving
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


@pytest.fixture(scope="session")
def ssh_server() -> Iterator[OpenSsh]:
    """Run an OpenSSH server with a shell."""
    with serving(shell=True) as running:
        yield running


@pytest.fixture(scope="session")
def sftp_server() -> Iterator[OpenSsh]:
    """Run an OpenSSH server that gives SFTP alone, in a chroot where the tests are root."""
    with serving(shell=False) as running:
        yield running


@pytest.fixture(scope="session")
def other_volume() -> Iterator[Path]:
    """Give a folder on another volume than that of pytest's folders."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
        pytest.skip("/dev/shm is no volume of its own here")
    folder = Path(tempfile.mkdtemp(prefix="xunjian-test-", dir=memory))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
