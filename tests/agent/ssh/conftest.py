"""What each test of SSH leaves as it was."""

from collections.abc import Iterator

import pytest

from agent import redaction
from tests.agent.ssh.reaching import own_threads


@pytest.fixture(autouse=True)
def _forget_secrets() -> Iterator[None]:
    forms, needles = list(redaction._forms), list(redaction._needles)
    yield
    redaction._forms[:], redaction._needles[:] = forms, needles


@pytest.fixture(autouse=True)
def _leave_no_thread() -> Iterator[None]:
    yield
    assert own_threads() == []
