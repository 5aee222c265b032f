"""Measure commands: processor time of the whole tree, peak memory of its largest process."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

_LAUNCHER = [sys.executable, "-I", "-S", str(Path(__file__).parent / "launcher.py")]
_UNAVAILABLE = (126, 127)


class Usage(Struct, frozen=True):
    """What one command took, its ended children included."""

    cpu_seconds: float
    """User and system."""
    wall_seconds: float
    peak_bytes: int
    """Of the largest process of the tree, as the kernel keeps it (ru_maxrss)."""
    code: int


def measure(
    command: Sequence[str],
    *,
    codes: Sequence[int] | None = (0,),
    environment: Mapping[str, str] | None = None,
) -> Usage:
    """Run a command to its end.

    Raise RuntimeError if its exit code is not one of `codes`; None takes any but a shell's
    "there is no such command".
    """
    done = subprocess.run(
        [*_LAUNCHER, *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} can't be started: {done.stderr.decode()[-500:]}")
    usage = msgspec.json.decode(done.stdout, type=Usage)
    wrong = usage.code in _UNAVAILABLE if codes is None else usage.code not in codes
    if wrong:
        said = done.stderr.decode("utf-8", "replace")[-500:]
        raise RuntimeError(f"{' '.join(command)} ended with {usage.code}: {said}")
    return usage


def measure_server(command: Sequence[str], url: str, *, within_seconds: float = 20) -> Usage:
    """Start a server, ask `url` once with success, stop it; return what all of that took it."""
    with subprocess.Popen(
        [*_LAUNCHER, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        ends = time.monotonic() + within_seconds
        try:
            while not _answers(url):
                if time.monotonic() > ends:
                    raise RuntimeError(f"{command[0]} did not answer {url}")
                time.sleep(0.05)
        finally:
            process.terminate()
        return msgspec.json.decode(process.stdout.read(), type=Usage)


def peak_of_tree(
    command: Sequence[str],
    *,
    every_seconds: float = 0.02,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Return the peak of all processes of a command together, in bytes (memory_of_tree).

    Sampled, so short peaks may be missed; sampling itself takes time, so that this is a run of its
    own.
    """
    peak = 0
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:
        while process.poll() is None:
            peak = max(peak, memory_of_tree(process.pid))
            time.sleep(every_seconds)
    return peak


def memory_of_tree(root: int) -> int:
    """Return what a process and its descendants have resident now, in bytes.

    Their own pages count once, however many of them share them after a fork; of the files they
    have mapped (libraries, mostly the same ones) only the largest part counts.
    """
    pages = [_pages(process) for process in _tree(root)]
    return sum(own for own, _ in pages) + max(mapped for _, mapped in pages)


def high_water_bytes(process: int | Literal["self"]) -> int:
    """Return the most memory that a running process has had resident (VmHWM)."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"the kernel does not say what process {process} peaked at")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.read()) and answer.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def _tree(root: int) -> list[int]:
    found = [root]
    for process in found:
        try:
            children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
        except OSError:
            continue
        found += [int(child) for child in children.split()]
    return found


def _pages(process: int) -> tuple[int, int]:
    """Return bytes of a process's own pages, shared ones by share, and of mapped files."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0, 0
    values = dict(line.split()[:2] for line in text.splitlines()[1:])
    resident, anonymous = int(values["Rss:"]), int(values["Anonymous:"])
    return int(values["Pss_Anon:"]) * 1024, (resident - anonymous) * 1024


def environment() -> dict[str, str]:
    """Return the environment in which the product's own commands are found."""
    here = str(Path(__file__).parent.parent)
    known = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{known}" if known else here}
