"""The package, built once for all tests of it."""

from pathlib import Path

import pytest

from agent.remote.package import Package
from tests.agent_package import unpacking


@pytest.fixture(scope="session")
def built() -> Package:
    """Return the package of this source tree."""
    return unpacking.build()


@pytest.fixture(scope="session")
def executable(built: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the executable of the unpacked package."""
    return unpacking.unpack(built.path, tmp_path_factory.mktemp("package") / "unpacked")
