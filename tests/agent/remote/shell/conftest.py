"""Servers for shells."""

from collections.abc import Iterator

import pytest

from agent import redaction
from scripts.openssh import OpenSsh, serving
from tests.agent.remote.shell.desk import PLAIN_SHELL


@pytest.fixture(autouse=True)
def _forget_secrets() -> Iterator[None]:
    forms, needles = list(redaction._forms), list(redaction._needles)
    yield
    redaction._forms[:], redaction._needles[:] = forms, needles


@pytest.fixture(scope="session")
def shell_server() -> Iterator[OpenSsh]:
    """Run an OpenSSH server that gives the user's own shell."""
    with serving(shell=True, settings=PLAIN_SHELL, as_nobody=False) as running:
        yield running
