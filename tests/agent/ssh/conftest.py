"""What each test of SSH leaves as it was."""

from collections.abc import Iterator

import pytest

from agent import redaction
from tests.agent.ssh.reaching import GRACE_SECONDS, own_threads
from tests.network import until


@pytest.fixture(autouse=True)
def _forget_secrets() -> Iterator[None]:
    forms, needles = list(redaction._forms), list(redaction._needles)
    yield
    redaction._forms[:], redaction._needles[:] = forms, needles


@pytest.fixture(autouse=True)
def _leave_no_thread() -> Iterator[None]:
    yield
    # One that was waiting for a person looks up every tenth of a second.
    until(lambda: own_threads() == [], GRACE_SECONDS)
