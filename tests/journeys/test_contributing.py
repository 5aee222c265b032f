"""CONTRIBUTING.md is followed literally: its example runs and appears in docs and report."""

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.journeys.command import agent, inspect

pytestmark = pytest.mark.journey
ROOT = Path(__file__).parent.parent.parent
EXAMPLE = re.compile(r"<!-- example: (?P<name>\S+) -->\n +```\w+\n(?P<text>.*?)\n +```", re.S)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Install the page's example as a package of its own; return its folder."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    examples = {match["name"]: dedent(match["text"]) for match in EXAMPLE.finditer(page)}
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "site_entropy.py").write_text(examples["site_entropy.py"], encoding="utf-8")
    information = folder / "site_entropy-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: site-entropy\nVersion: 1.0\n"
    )
    (information / "entry_points.txt").write_text(examples["entry_points.txt"], encoding="utf-8")
    return os.pathsep.join([str(folder), str(ROOT)])


def test_the_example_runs(plugin: str, tmp_path: Path) -> None:
    result = agent(tmp_path, "check", "site.entropy", "--json", PYTHONPATH=plugin)
    assert result.returncode == 0, result.stderr
    assert "available_bits" in result.stdout


def test_the_example_appears_in_the_documents(plugin: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.generate", "--output", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": plugin}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    page = (tmp_path / "docs/checks/site.md").read_text(encoding="utf-8")
    assert "X-ENT-001 Entropy available" in page
    assert "| warning_bits | 200 | bit | OWN |" in page
    chinese = (tmp_path / "docs/checks/zh-CN/site.md").read_text(encoding="utf-8")
    assert "内核熵池" in chinese


def test_the_example_appears_in_the_report(plugin: str, tmp_path: Path) -> None:
    done = inspect(tmp_path, "--only", "site.entropy", PYTHONPATH=plugin)
    assert done["collected"] == 1
    html = (tmp_path / "var/here/report/report.html").read_text(encoding="utf-8")
    assert "X-ENT-001" in html
    assert "可用熵" in html
