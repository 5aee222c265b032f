"""Reference data is the newer of what was shipped and what was put in its place."""

import importlib.resources
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from checks import lifecycle
from checks.reference import VARIABLE, ReferenceDataUnusable, in_force
from collector.cli import app
from collector.errors import Unusable
from collector.reference import TABLES


def shipped(name: str) -> str:
    return (importlib.resources.files(TABLES[name][0]) / name).read_text(encoding="utf-8")


def dated(folder: Path, name: str, day: str) -> Path:
    """Write the shipped table with another date."""
    lines = [
        f"retrieved_on = {day}" if line.startswith("retrieved_on") else line
        for line in shipped(name).splitlines()
    ]
    path = folder / name
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def found() -> tuple[date, Path | None]:
    table, path = in_force("checks", "lifecycle.toml", lifecycle.Table)
    return table.retrieved_on, path


def test_without_a_file_the_shipped_table_is_in_force() -> None:
    assert found()[1] is None


def test_a_newer_file_takes_its_place_and_an_older_one_does_not(folder: Path) -> None:
    path = dated(folder, "lifecycle.toml", "2099-01-01")
    assert found() == (date(2099, 1, 1), path)
    dated(folder, "lifecycle.toml", "2001-01-01")
    assert found()[1] is None


@pytest.mark.parametrize("text", ["not toml", 'licence = "x"', "\ufeffx = 1"])
def test_a_file_that_is_none_is_an_error_and_not_the_shipped_table(folder: Path, text: str) -> None:
    (folder / "lifecycle.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ReferenceDataUnusable, match=r"lifecycle\.toml"):
        found()


@pytest.mark.parametrize("name", list(TABLES))
def test_the_command_tells_what_is_in_force_and_what_could_be(folder: Path, name: str) -> None:
    path = dated(folder, name, "2099-01-01")
    listed = CliRunner().invoke(app, ["reference", "list", "--json"])
    assert str(path) in listed.output
    good = CliRunner().invoke(app, ["reference", "check", str(path)])
    assert "2099-01-01" in good.output
    path.write_text("x = ", encoding="utf-8")
    for words in (["check", str(path)], ["list"], ["check", str(folder / "other.toml")]):
        bad = CliRunner().invoke(app, ["reference", *words])
        assert isinstance(bad.exception, Unusable)
