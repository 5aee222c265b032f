"""What one inspection takes on the customer's host, beside other programs that look at a host.

The agent runs by its command line, as a timer would start it: plan, probes in child processes,
spool, sealing, upload to a collector on loopback that acknowledges. Everything is counted, the
start of Python and the child processes included.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bench.base_install import install
from bench.figures import Figure, Origin, Peer
from bench.peers import host_peers, package_peer
from bench.processes import Usage, environment, peak_of_tree
from bench.processes import measure as measured
from bench.small_collector import acknowledging, enrol
from checks.discovery import discover

CHECKMK_CPU_SECONDS = 0.41
"""Checkmk 1.6's shell agent, measured for this project (design, §9); not in Debian 12."""
BUDGET_CPU_SECONDS = 0.20
BUDGET_PEAK_MEBIBYTES = 40

_MEBIBYTE = 2**20
_TINY = ("host.uptime", "host.memory")
_NOTE = (
    "xunjian-agent run in a base install, all light checks, spooled durably, signed and "
    "handed over for a signed acknowledgement. CPU is user + system of the whole tree; peak is the "
    "largest process."
)
_PACKAGES = "heavy checks alone (--only), nothing cached; the agent runs them on a schedule."


def measure(*, tiny: bool = False) -> list[Figure]:
    """Return CPU seconds and memory of the light checks, of the heavy ones, and of the peers."""
    light, heavy = _light_and_heavy()
    with tempfile.TemporaryDirectory(prefix="xunjian-bench-") as folder, acknowledging() as url:
        agent = _Agent(Path(folder), url)
        chosen = _TINY if tiny else light
        agent.run(chosen)  # the spool is made, byte code and page cache are warm
        runs = [agent.run(chosen) for _ in range(1 if tiny else 5)]
        together = agent.peak(chosen)
        peers = host_peers(tiny=tiny)
        figures = [
            Figure(
                "agent run, light checks: CPU",
                _cpu(runs),
                "s",
                BUDGET_CPU_SECONDS,
                note=_NOTE,
                peers=(
                    Peer("Checkmk 1.6 shell agent", (CHECKMK_CPU_SECONDS,), Origin.EARLIER),
                    *(Peer(name, _cpu(usages), _origin(usages)) for name, usages in peers),
                ),
            ),
            Figure(
                "the same against half of Checkmk's agent",
                _cpu(runs),
                "s",
                CHECKMK_CPU_SECONDS / 2,
                note="Checkmk's 0.41 s is an earlier figure, of another day on a like machine.",
            ),
            Figure(
                "agent run, light checks: peak memory",
                _peak(runs),
                "MiB",
                BUDGET_PEAK_MEBIBYTES,
                note=_NOTE,
                peers=tuple(Peer(name, _peak(usages), _origin(usages)) for name, usages in peers),
            ),
            Figure(
                "the same, all its processes together",
                (together / _MEBIBYTE,),
                "MiB",
                note=(
                    "Own pages of each process, mapped files of one; sampled every 20 ms in a run "
                    "of its own."
                ),
            ),
        ]
        if tiny:
            return figures
        packages = [agent.run(heavy, fresh=True) for _ in range(3)]
        name, usages = package_peer()
        return [
            *figures,
            Figure(
                "agent run, package queries: CPU",
                _cpu(packages),
                "s",
                note=_PACKAGES,
                peers=(Peer(name, _cpu(usages), _origin(usages)),),
            ),
            Figure(
                "agent run, package queries: peak memory",
                _peak(packages),
                "MiB",
                note=_PACKAGES,
                peers=(Peer(name, _peak(usages), _origin(usages)),),
            ),
        ]


class _Agent:
    """An agent set up in a folder, run by its command line."""

    def __init__(self, folder: Path, url: str) -> None:
        self._python = install(folder / "base")
        self._state = folder / "state"
        self._settings = folder / "agent.toml"
        self._settings.write_text(
            f"[agent]\nstate = {json.dumps(str(self._state))}\n\n"
            f"[collector]\nurl = {json.dumps(url)}\n",
            encoding="utf-8",
        )
        enrol(self._state)

    def run(self, checks: Iterable[str], *, fresh: bool = False) -> Usage:
        """Run it once; `fresh` without anything kept from earlier runs."""
        if fresh:
            shutil.rmtree(self._state)
            enrol(self._state)
        return measured(self._command(checks), environment=environment())

    def peak(self, checks: Iterable[str]) -> int:
        """Return the peak of all processes together, in bytes."""
        return peak_of_tree(self._command(checks), environment=environment())

    def _command(self, checks: Iterable[str]) -> list[str]:
        command = [str(self._python), "-I", "-m", "agent", "run"]
        command += ["--settings", str(self._settings)]
        return [*command, *(word for check in checks for word in ("--only", check))]


def _light_and_heavy() -> tuple[list[str], list[str]]:
    here = {
        check_id: check
        for check_id, check in discover().checks.items()
        if check.probe is not None and check.target == "host" and "linux" in check.systems
    }
    return (
        [check_id for check_id, check in here.items() if not check.heavy],
        [check_id for check_id, check in here.items() if check.heavy],
    )


def _column(usages: Sequence[Usage], value: Callable[[Usage], float]) -> tuple[float, ...]:
    return tuple(value(usage) for usage in usages)


def _cpu(usages: Sequence[Usage]) -> tuple[float, ...]:
    return _column(usages, lambda usage: usage.cpu_seconds)


def _peak(usages: Sequence[Usage]) -> tuple[float, ...]:
    return _column(usages, lambda usage: usage.peak_bytes / _MEBIBYTE)


def _origin(usages: Sequence[Usage]) -> Origin:
    return Origin.MEASURED if usages else Origin.ABSENT
