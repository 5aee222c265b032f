"""A workstation, and a folder of the host that is visited."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.agent.remote.visit.hosts import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


@pytest.fixture
def mounted(there: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a file system in memory on the host's folder."""

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(there)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting a tmpfs is refused here")
        return there

    yield mount
    subprocess.run(["umount", "-l", str(there)], capture_output=True, check=False)
