"""The agent as a customer's host has it: the base install, without the collector's libraries.

What is installed beside a program costs it time: msgspec loads typing_extensions where it is
there, and every distribution is looked at for plug-ins. So the agent is measured in an environment
of its own, made of the very files that are installed here.
"""

import compileall
import shutil
import sysconfig
import venv
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PACKAGES = ("wire", "checks", "agent")


def install(folder: Path) -> Path:
    """Make the environment in a folder and return its Python."""
    venv.create(folder, symlinks=True)
    version = sysconfig.get_python_version()
    place = folder / "lib" / f"python{version}" / "site-packages"
    for name in _needed("xunjian"):
        installed = distribution(name)
        for file in installed.files or ():
            source = Path(str(installed.locate_file(file)))
            if ".." in file.parts or not source.is_file():
                continue
            target = place / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, place / package)
    compileall.compile_dir(str(place), quiet=2)
    return folder / "bin" / "python"


def _needed(root: str) -> set[str]:
    """Return the names of all distributions that one needs, without its extras and itself."""
    found: set[str] = set()
    waiting = [root]
    while waiting:
        try:
            requirements = distribution(waiting.pop()).requires or []
        except PackageNotFoundError:  # for another system
            continue
        for text in requirements:
            requirement = Requirement(text)
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if wanted and requirement.name not in found:
                found.add(requirement.name)
                waiting.append(requirement.name)
    return found
