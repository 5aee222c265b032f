"""The executable of the package.

It is the one that Panda3D's wheel for manylinux2014 carries to start frozen programs: CPython 3.11,
statically linked, all of its functions exported for extension modules. Its own `main` only runs
programs that were appended to it, so a small library of ours, which it needs first, stands in front
of `main` (start.c says how).
"""

import sysconfig
from pathlib import Path

from scripts.agent_package.errors import CannotBuild
from scripts.agent_package.linking import run
from scripts.agent_package.wheels import change

NAME = "xunjian-agent"
_LIBRARY = "libxunjian.so"
_SOURCE = Path(__file__).with_name("start.c")


def make(wheels: Path, into: Path) -> None:
    """Put the executable and its library into the folder of the package. Raise CannotBuild."""
    _compile(into / "lib" / _LIBRARY)
    executable = into / NAME
    executable.write_bytes((wheels / "panda3d/panda3d_tools/deploy-stub").read_bytes())
    executable.chmod(0o755)
    # Of libstdc++ nothing is used, and a small system may be without it.
    options = ["--remove-needed", "libstdc++.so.6", "--add-needed", _LIBRARY]
    change(wheels, executable, *options, "--force-rpath", "--set-rpath", "$ORIGIN/lib")


def _compile(library: Path) -> None:
    headers = [sysconfig.get_path(name) for name in ("include", "platinclude")]
    if not any(Path(folder, "Python.h").is_file() for folder in headers):
        raise CannotBuild(f"Python.h is not in {headers[0]}: install python3-dev")
    options = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-Os", "-s", "-shared", "-fPIC"]
    options += ["-nostdlib", "-fno-stack-protector", "-fno-builtin", "-Wl,--build-id=none"]
    options += [f"-Wl,-soname,{_LIBRARY}", "-Wl,-z,now", *(f"-I{folder}" for folder in headers)]
    run("gcc", *options, "-o", str(library), str(_SOURCE))
