"""Build the package: `python -m scripts.agent_package [FOLDER]` (build/agent-package).

The result stands in the folder as xunjian-agent-<version>-linux-x86_64.tar.gz with a manifest
beside it (agent/remote/package.py). Nothing is done where it is there, made of the same.
"""

import argparse
import fcntl
import hashlib
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from agent import VERSION
from agent.errors import AgentError
from agent.remote import package
from agent.surroundings import checks_digest
from scripts.agent_package import archive, contents, launcher, licences, linking, wheels
from scripts.agent_package.errors import CannotBuild

CACHE = contents.ROOT / "build" / "agent-package-cache"
_SHOWN = 5


def main() -> int:
    """Build, and print what came out."""
    parser = argparse.ArgumentParser(prog="agent-package", description=__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, default=contents.ROOT / "build" / "agent-package"
    )
    folder: Path = parser.parse_args().folder
    try:
        _demand_machine()
        CACHE.mkdir(parents=True, exist_ok=True)
        with _alone():
            built = _build(folder)
    except CannotBuild as error:
        print(f"agent-package: {error}", file=sys.stderr)
        return 2
    print(f"agent-package: {built.path}")
    print(f"  {built.bytes / 1e6:.1f} MB, {built.files} files, glibc {built.glibc} or newer")
    return 0


def _demand_machine() -> None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise CannotBuild(
            f"it is built on Linux x86_64, not on {sys.platform} {platform.machine()}"
        )
    if sys.version_info[:2] != (3, 11) or sys.implementation.name != "cpython":
        raise CannotBuild(
            f"CPython 3.11 compiles the modules, this is {sys.version.split()[0]}: "
            "set PYTHON to the path of one"
        )


@contextmanager
def _alone() -> Iterator[None]:
    """Let nobody else build meanwhile."""
    with (CACHE / "lock").open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(folder: Path) -> package.Package:
    made_of = folder / "inputs"
    inputs = _inputs()
    try:
        present = package.load(folder)
    except AgentError:
        present = None
    if present is not None and made_of.exists() and made_of.read_text("ascii") == inputs:
        return present
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    brought = wheels.unpacked(CACHE)
    digest = checks_digest(())
    with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
        content = Path(temporary, "content")
        (content / "lib").mkdir(parents=True)
        contents.put(brought, content, digest)
        launcher.make(brought, content)
        licences.put(brought, content)
        highest = linking.highest_of_all(content)
        _print_highest(highest)
        linking.demand_old_enough(highest)
        target = folder / package.archive_name(VERSION)
        count = archive.pack(content, target)
    data = target.read_bytes()
    manifest = package.Manifest(
        version=VERSION,
        system="linux",
        machine="x86_64",
        glibc=linking.spelled(max(highest.values())),
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        files=count,
        checks_digest=digest,
    )
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    (folder / package.manifest_name(VERSION)).write_bytes(text + b"\n")
    made_of.write_text(inputs, encoding="ascii")
    built = package.load(folder)
    assert built is not None, "it was written a moment ago"
    return built


def _inputs() -> str:
    """Return a digest of all that the package is made of."""
    digest = hashlib.sha256(sys.version.encode())
    files = [wheels.LOCK, *sorted(Path(__file__).parent.glob("*.*"))]
    for name in contents.OURS:
        files += sorted(
            path
            for path in (contents.ROOT / name).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        )
    for file in files:
        digest.update(f"{file.relative_to(contents.ROOT)} ".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _print_highest(highest: Mapping[str, tuple[int, ...]]) -> None:
    print(f"agent-package: highest GLIBC symbol of {len(highest)} ELF files, the worst {_SHOWN}:")
    worst = sorted(highest, key=lambda name: highest[name], reverse=True)
    for name in worst[:_SHOWN]:
        print(f"  {linking.spelled(highest[name]):6} {name}")


if __name__ == "__main__":
    sys.exit(main())
