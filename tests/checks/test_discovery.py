"""Checks are found wherever they are installed; what can't be loaded is told."""

import importlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from checks.discovery import discover, names

ROOT = Path(__file__).parent.parent.parent
SAY = (
    "import json, checks.discovery as d; c = d.discover();"
    "print(json.dumps([sorted(c.checks), list(c.errors)]))"
)


def found(*places: Path) -> tuple[list[str], list[str]]:
    """Return ids and loading errors as a process sees them that has these places on its path."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))}
    command = [sys.executable, "-c", SAY]
    result = subprocess.run(
        command, env=environment, cwd="/", capture_output=True, text=True, check=True
    )
    ids, errors = json.loads(result.stdout)
    return ids, errors


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    information = tmp_path / "site_checks-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: site-checks\nVersion: 1.0\n"
    )
    return tmp_path


def plug_in(folder: Path, check_id: str, module: str, text: str) -> None:
    (folder / f"{module}.py").write_text(text, encoding="utf-8")
    names = folder / "site_checks-1.0.dist-info" / "entry_points.txt"
    names.write_text(f"[xunjian.checks]\n{check_id} = {module}\n", encoding="utf-8")


def test_every_module_of_a_chapter_is_found_and_loads() -> None:
    catalogue = discover()
    files = {
        f"{path.parent.name}.{path.stem}"
        for path in (ROOT / "checks").glob("*/*.py")
        if not path.stem.startswith("_")
    }
    assert set(catalogue.checks) == files
    assert catalogue.errors == ()


def test_an_archive_has_the_same_checks_as_a_folder(tmp_path: Path) -> None:
    archive = tmp_path / "agent.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for package in ("wire", "checks"):
            for path in (ROOT / package).rglob("*"):
                if path.suffix in (".py", ".toml"):
                    packed.write(path, path.relative_to(ROOT))
    ids, errors = found(archive)
    assert (ids, errors) == (sorted(discover().checks), [])


def test_a_broken_plug_in_is_an_error_that_is_shown(plugin: Path) -> None:
    plug_in(plugin, "site.broken", "site_broken", "import no_such_module")
    ids, errors = found(plugin, ROOT)
    assert "site.broken" not in ids
    assert len(errors) == 1
    assert "site.broken: site_broken can't be loaded" in errors[0]
    assert "no_such_module" in errors[0]


def test_a_plug_in_without_a_check_is_told(plugin: Path) -> None:
    plug_in(plugin, "site.empty", "site_empty", "CHECK = 1")
    _, errors = found(plugin, ROOT)
    assert errors == ["site.empty: its CHECK is not a checks.api.Check"]


def test_a_second_check_of_the_same_id_is_refused(plugin: Path) -> None:
    plug_in(plugin, "host.uptime", "site_uptime", "from checks.host.uptime import CHECK")
    _, errors = found(plugin, ROOT)
    assert errors == ["host.uptime: another check has this id"]


def test_a_rule_code_that_stands_twice_is_refused(plugin: Path) -> None:
    plug_in(plugin, "site.uptime", "site_uptime", "from checks.host.uptime import CHECK")
    ids, errors = found(plugin, ROOT)
    assert errors == ["site.uptime: rule OS-UPT-001 stands in host.uptime already"]
    assert "host.uptime" in ids


def test_a_chapter_of_a_target_that_nobody_has_is_named_and_not_loaded() -> None:
    catalogue = discover(set())
    assert catalogue.unloaded["backup.restore_points"] == "backup"
    assert not any(check.target != "host" for check in catalogue.checks.values())
    assert set(catalogue.checks) | set(catalogue.unloaded) == set(discover().checks)
    loaded = discover({"backup"})
    assert {"backup.restore_points", "mssql.backups"} <= set(loaded.checks)
    assert not {"host", "backup"} & set(loaded.unloaded.values())


def test_every_check_of_such_a_chapter_has_its_target() -> None:
    for check_id, check in discover().checks.items():
        chapter = importlib.import_module(f"checks.{check_id.partition('.')[0]}")
        name = check_id.partition(".")[2]
        own = (getattr(chapter, "TARGET", "host"),)
        assert (check.target, *check.other_targets) == getattr(chapter, "TARGETS", {}).get(
            name, own
        )


def test_names_are_those_of_all_checks() -> None:
    assert set(names()) == set(discover().checks)
