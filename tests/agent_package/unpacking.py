"""The agent's own package for tests: built once, unpacked as a host unpacks it, run without an
environment."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from agent.remote import package

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "build" / "agent-package"
_START = ROOT / "scripts" / "agent_package" / "start.py"
_NO_START = "sys.exit(start())"
MUCH_SECONDS = 120


def build(folder: Path = FOLDER, root: Path = ROOT) -> package.Package:
    """Return the package of a source tree, built if it is not there yet."""
    command = ["scripts/agent-package", str(folder)]
    environment = {**os.environ, "PYTHON": sys.executable}
    environment.pop("PYTHONPATH", None)
    result = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    built = package.load(folder)
    assert built is not None
    return built


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack with the host's own tools, and return the executable."""
    folder.mkdir(parents=True)
    with archive.open("rb") as content:
        subprocess.run(["tar", "xzf", "-", "-C", str(folder)], stdin=content, check=True)
    return folder / "xunjian-agent"


def run(
    executable: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    folder: Path = Path("/"),
) -> subprocess.CompletedProcess[bytes]:
    """Run the package's agent, as `env -i` does if nothing else is said."""
    return subprocess.run(
        [str(executable), *arguments],
        env=environment or {},
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=MUCH_SECONDS,
    )


def with_other_program(executable: Path, copy: Path, program: str) -> Path:
    """Copy an unpacked package, and let it run a program instead of the agent.

    The program runs after all that the package does before it is the agent.
    """
    shutil.copytree(executable.parent, copy)
    library = copy / "lib" / "python311.zip"
    library.unlink()
    start = _START.read_text(encoding="utf-8")
    assert start.count(_NO_START) == 1
    with (
        zipfile.ZipFile(executable.parent / "lib" / "python311.zip") as whole,
        zipfile.ZipFile(library, "w") as changed,
    ):
        for name in whole.namelist():
            if name != "xunjian_start.pyc":
                changed.writestr(name, whole.read(name))
        changed.writestr("xunjian_start.py", start.replace(_NO_START, program))
    return copy / executable.name
