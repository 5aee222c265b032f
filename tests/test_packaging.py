"""A wheel carries everything that runs, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_a_wheel_carries_the_five_packages_with_their_data(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    folders = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert folders == {"wire", "checks", "agent", "collector", "report_templates"}
    for needed in (
        "agent/databases/grants/postgresql.sql",
        "checks/lifecycle.toml",
        "collector/locale/zh_CN/LC_MESSAGES/report.po",
        "collector/migrations/env.py",
        "collector/migrations/versions/0001_first_tables.py",
        "report_templates/report.css",
        "report_templates/report.html",
        "report_templates/report.typ",
        "wire/schema.json",
    ):
        assert needed in names
