"""What ELF files want of a system, by binutils' readelf; changed by patchelf and strip."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.agent_package.errors import CannotBuild

FLOOR = (2, 17)
"""glibc of RHEL 7 and its kin, and of all that is newer."""


def highest_glibc(file: Path) -> tuple[int, ...]:
    """Return the highest version of glibc that a file has a symbol of; () if it has none."""
    printed = run("readelf", "--version-info", "--wide", str(file))
    found = re.findall(r"\bName: GLIBC_([0-9.]+)", printed)
    return max((tuple(int(part) for part in each.split(".")) for each in found), default=())


def highest_of_all(folder: Path) -> Mapping[str, tuple[int, ...]]:
    """Return the same of every ELF file in a folder, by its path below the folder."""
    return {
        str(path.relative_to(folder)): highest_glibc(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and is_elf(path)
    }


def is_elf(path: Path) -> bool:
    """Return whether a file is a program or a library."""
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def demand_old_enough(found: Mapping[str, tuple[int, ...]]) -> None:
    """Raise CannotBuild for files that would not run on a system of the floor."""
    too_new = [name for name, version in found.items() if version > FLOOR]
    if too_new:
        raise CannotBuild(f"these need a newer glibc than {spelled(FLOOR)}: {', '.join(too_new)}")


def needed(file: Path) -> Sequence[str]:
    """Return the libraries that a file needs."""
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "--dynamic", "--wide", str(file)))


def strip(file: Path) -> None:
    """Take the names out that only a debugger reads."""
    run("strip", "--strip-unneeded", str(file))


def spelled(version: tuple[int, ...]) -> str:
    """Return a version as it is written; of a file without symbols of glibc a dash."""
    return ".".join(str(part) for part in version) or "-"


def run(*command: str) -> str:
    """Return what a tool prints. Raise CannotBuild if it is not there, or fails."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CannotBuild(
            f"{command[0]} is not installed: scripts/agent-package installs it on Debian"
        ) from error
    if result.returncode != 0:
        raise CannotBuild(f"{command[0]} failed: {result.stderr.strip()[-500:]}")
    return result.stdout
