"""Servers for shells."""

from collections.abc import Iterator

import pytest

from scripts.openssh import OpenSsh, serving
from tests.agent.remote.shell.desk import PLAIN_SHELL


@pytest.fixture(scope="session")
def shell_server() -> Iterator[OpenSsh]:
    """Run an OpenSSH server that gives the user's own shell."""
    with serving(shell=True, settings=PLAIN_SHELL) as running:
        yield running
