"""Run the agent as a process of its own and follow what it says.

The agent is another program: it is started by its command, told by its settings file, and heard
through the JSON lines that `run --json` prints.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks.api import Text
from collector.errors import InspectionFailed


@dataclass(frozen=True)
class Event:
    """One thing the agent reported."""

    kind: str
    values: dict[str, Any]


def state_of(folder: Path) -> Path:
    """Return where the agent of a folder keeps its state."""
    return (folder / "state").absolute()


def is_enrolled(folder: Path) -> bool:
    """Return whether the agent of a folder has its identity."""
    return (state_of(folder) / "identity" / "enrolled").exists()


def enrol_agent(settings: Path, url: str, code: str, language: str) -> None:
    """Enrol the agent of these settings. Raise InspectionFailed with the agent's own sentence."""
    command = [sys.executable, "-m", "agent", "enrol", url, "--settings", str(settings)]
    done = subprocess.run(
        # The code goes in by a pipe: a list of arguments can be seen by everybody.
        [*command, "--code", "-", "--lang", language, "--json"],
        input=f"{code}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise InspectionFailed(said[-1].removeprefix("xunjian-agent: "))


def write_settings(folder: Path, *, url: str) -> Path:
    """Write the agent's settings and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "agent.toml"
    # JSON's strings are TOML's basic strings, escapes included.
    lines = [
        "[agent]",
        f"state = {json.dumps(str(state_of(folder)))}",
        "",
        "[collector]",
        f"url = {json.dumps(url)}",
        # Asked for by a person: everything is read now, package queries, too, and there is no
        # timer whose inspection could be missed.
        "[run]",
        "heavy_interval_hours = 0",
        "interval_hours = 0",
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def run_agent(settings: Path, only: tuple[str, ...], language: str) -> Iterator[Event]:
    """Yield the agent's events while it runs.

    Raise InspectionFailed with the agent's own sentence if it could not do its job.
    """
    command = [sys.executable, "-m", "agent", "run", "--settings", str(settings), "--json"]
    command += ["--lang", language]
    for pattern in only:
        command += ["--only", pattern]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                values = json.loads(line)
                yield Event(values.pop("event"), values)
            code = process.wait()
        except BaseException:
            process.terminate()
            raise
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace").strip().splitlines()
    if code == 2 or (code != 0 and not said):
        if said:
            # The agent's own sentence, in the language it was asked for.
            raise InspectionFailed(said[-1].removeprefix("xunjian-agent: "))
        raise InspectionFailed(
            Text(
                f"代理异常结束（{code}）：已采集的数据保留在其缓存中，请再次运行本命令。",
                f"The agent ended with {code}: what it had read is kept, run the command again.",
            )
        )
