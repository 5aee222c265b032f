"""Run the product's commands as a person does: in a folder, as processes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def collector(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run xunjian-collector in a folder and return what it did."""
    return _run("collector", folder, arguments, environment)


def agent(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run xunjian-agent in a folder and return what it did."""
    return _run("agent", folder, arguments, environment)


def _run(
    module: str, folder: Path, arguments: tuple[str, ...], environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**os.environ, "TZ": "Asia/Shanghai", **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def inspect(folder: Path, *arguments: str, **environment: str) -> dict[str, Any]:
    """Run inspect-here and return its JSON; it must have done its job."""
    result = collector(folder, "inspect-here", "--json", *arguments, **environment)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def is_one_sentence(text: str) -> bool:
    """Return whether a message is one line for a person, without a traceback."""
    lines = text.strip().splitlines()
    return len(lines) == 1 and "Traceback" not in text
