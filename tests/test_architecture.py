"""The sentences about imports hold, and a wrong import breaks one."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("wire", "checks", "agent", "collector", "report_templates")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def contracts(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    environment = {"PYTHONPATH": str(tree), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("agent/errors.py", "import collector.errors", "Agent and collector never meet"),
        ("wire/batch.py", "import checks.api", "wire is the bottom"),
        ("checks/api.py", "import jinja2", "stays free of web, ORM and template libraries"),
        ("checks/host/uptime.py", "import checks.patch.reboot", "don't import one another"),
    ],
)
def test_a_wrong_import_breaks_its_contract(
    tree: Path, module: str, line: str, contract: str
) -> None:
    path = tree / module
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    result = contracts(tree)
    assert result.returncode == 1
    broken = [said for said in result.stdout.splitlines() if said.endswith("BROKEN")]
    assert any(contract in said for said in broken), result.stdout


def test_every_chapter_stands_in_the_contract_of_independence() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = {
        module
        for contract in settings["tool"]["importlinter"]["contracts"]
        if "one another" in contract["name"]
        for module in contract["modules"]
    }
    chapters = {f"checks.{path.parent.name}" for path in (ROOT / "checks").glob("*/__init__.py")}
    assert chapters == listed
