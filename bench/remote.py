"""A remote inspection on loopback: connect, bring the package, run the light checks, fetch, remove.

The whole command is timed, as an engineer waits for it, with its start and the session's signed
record. The server is Debian's OpenSSH on the same two cores, so that both ends are in the figure.
The peer is the same done by hand with OpenSSH's client: the package through a pipe into tar, the
same checks, the folder removed; without a grant, a record, signatures or anything fetched durably.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.remote.package import find
from bench.figures import Figure, Peer
from checks.discovery import discover
from scripts.openssh import OpenSsh, serving

BUDGET_ONE_SECONDS = 3.0
BUDGET_TWENTY_SECONDS = 15.0
"""Both of the issue that asked for it; no peer publishes such a figure."""

_CUSTOMER = "bench"
_HOSTS = 20
_ADDRESSES = 10
"""Of one server: OpenSSH listens on sixteen at most."""


@dataclass(frozen=True)
class _Place:
    folder: Path
    servers: tuple[OpenSsh, ...]

    @property
    def grant(self) -> str:
        return str(self.folder / "grant.json")

    @property
    def bundle(self) -> str:
        return str(self.folder / f"{time.monotonic_ns()}.inspb")

    def server(self, number: int) -> OpenSsh:
        """Return the server that is this host."""
        return self.servers[(number - 1) // _ADDRESSES]

    def target(self, number: int) -> str:
        """Return a host as the engineer names it: all of 127/8 is this machine."""
        server = self.server(number)
        return f"{server.user}@{_address(number)}:{server.port}"

    def collector(self, *arguments: str) -> str:
        return self._run("collector", *arguments, "--data", str(self.folder))

    def remote(self, *arguments: str) -> str:
        return self._run("agent", "remote", *arguments)

    def _run(self, module: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, "XUNJIAN_REMOTE_FOLDER": str(self.folder / "engineer")},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{module} {arguments[0]}: {done.stderr}")
        return done.stdout


def measure(*, tiny: bool = False) -> list[Figure]:
    """Return the seconds of one host and of twenty side by side. Raise RuntimeError unbuilt."""
    if find() is None:
        raise RuntimeError("there is no agent package: make agent-package")
    hosts = 2 if tiny else _HOSTS
    with tempfile.TemporaryDirectory(prefix="xunjian-bench-") as folder, _servers(hosts) as servers:
        place = _Place(Path(folder), servers)
        _prepare(place, hosts)
        one = _times(1 if tiny else 5, lambda: _one(place))
        by_hand = _times(1 if tiny else 5, lambda: _by_hand(place))
        inventory = _inventory(place, hosts)
        many = _times(1 if tiny else 3, lambda: _many(place, inventory))
    return [
        Figure(
            "remote inspection of one host, light checks, by package",
            one,
            "s",
            BUDGET_ONE_SECONDS,
            note="Client, server and checks on the same two cores; start of the command included.",
            peers=(Peer("ssh and tar by hand", by_hand),),
        ),
        Figure(f"{hosts} hosts side by side", many, "s", BUDGET_TWENTY_SECONDS),
    ]


@contextmanager
def _servers(hosts: int) -> Iterator[tuple[OpenSsh, ...]]:
    with ExitStack() as stack:
        made = []
        for first in range(1, hosts + 1, _ADDRESSES):
            numbers = range(first, min(first + _ADDRESSES, hosts + 1))
            addresses = "\n".join(f"ListenAddress {_address(number)}" for number in numbers)
            made.append(stack.enter_context(serving(shell=True, settings=addresses)))
        yield tuple(made)


def _address(number: int) -> str:
    return f"127.0.1.{number}"


def _prepare(place: _Place, hosts: int) -> None:
    """Register an engineer and make a grant, by the commands that people use."""
    request, answer = str(place.folder / "me.json"), str(place.folder / "trust.json")
    place.remote("register", "--person", "bench", "--request", request)
    added = place.collector("engineer", "add", request, "--answer", answer, "--json")
    words = json.loads(added)["collector_fingerprint"].partition(" (")[0]
    place.remote("register", "--answer", answer, "--fingerprint", words)
    place.collector("customer", "add", _CUSTOMER)
    where = ("--customer", _CUSTOMER, "--site", "site")
    place.collector("site", "add", "site", "--customer", _CUSTOMER, "--time-zone", "UTC")
    named = []
    for number in range(1, hosts + 1):
        place.collector("slot", "add", *where, "--host", f"host{number}")
        key = place.server(number).host_key
        place.collector("host-key", "add", *where, "--host", f"host{number}", key)
        named += ["--host", f"host{number}={_address(number)}"]
    today = datetime.now(UTC).date()
    place.collector(
        *("grant", "add", *where, *named, "--person", "bench", "--scope", "config"),
        *("--from", str(today - timedelta(days=1)), "--to", str(today + timedelta(days=1))),
        *("--reason", "bench", "--signer", "bench", "--output", place.grant),
    )


def _one(place: _Place) -> None:
    target, key = place.target(1), str(place.server(1).key)
    place.remote("inspect", target, "--grant", place.grant, "--key", key, "--bundle", place.bundle)


def _many(place: _Place, inventory: Path) -> None:
    bundle = ("--bundle", place.bundle)
    place.remote("inspect", "--inventory", str(inventory), "--grant", place.grant, *bundle)


def _inventory(place: _Place, hosts: int) -> Path:
    path = place.folder / "hosts.toml"
    numbers = range(1, hosts + 1)
    entries = [
        f'[[host]]\ntarget = "{place.target(number)}"\nkey = "{place.server(number).key}"\n'
        for number in numbers
    ]
    path.write_text("".join(entries))
    return path


def _by_hand(place: _Place) -> None:
    package = find()
    assert package is not None
    server = place.server(1)
    options = [
        *("-q", "-F", "/dev/null", "-i", str(server.key), "-p", str(server.port)),
        *("-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={_known(place)}"),
    ]
    there = f"{server.user}@{_address(1)}"
    script = (
        "umask 077; d=$(mktemp -d) && cd $d && tar xzf - && "
        f"./xunjian-agent check --json {' '.join(_light())} | wc -l; rm -rf $d"
    )
    with package.path.open("rb") as archive:
        printed = subprocess.run(
            ["ssh", *options, there, script], stdin=archive, capture_output=True, check=True
        ).stdout
    if int(printed) != len(_light()):
        raise RuntimeError(f"{printed!r} observations were printed")


def _light() -> list[str]:
    """Return the ids of the checks that `--pack light` runs."""
    return [
        check_id
        for check_id, check in discover().checks.items()
        if check.probe is not None
        and check.target == "host"
        and "linux" in check.systems
        and not (check.heavy or check.sampling)
    ]


def _known(place: _Place) -> Path:
    path = place.folder / "known_hosts"
    path.write_text(f"[{_address(1)}]:{place.server(1).port} {place.server(1).host_key}\n")
    return path


def _times(count: int, work: Callable[[], None]) -> tuple[float, ...]:
    taken = []
    for _ in range(count):
        began = time.monotonic()
        work()
        taken.append(time.monotonic() - began)
    return tuple(taken)
