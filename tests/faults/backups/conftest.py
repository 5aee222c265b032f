"""What the tests of backup faults share."""

import pytest

from tests.faults.backups.judging import Cases


@pytest.fixture
def cases(request: pytest.FixtureRequest) -> Cases:
    """Count the cases of a test."""
    return Cases(request)
