"""Visits over real OpenSSH servers: whole, cut, and by a forced command."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent import events
from agent.errors import CannotStart, RemoteError
from agent.remote import package
from agent.remote.authorized_key import line_of
from agent.remote.visit import Kind, Visited, by_forced, by_package, survey
from agent.ssh.connecting import connect
from agent.ssh.connection import Connection, Limits, Server
from agent.ssh.credentials import Credentials
from checks.errors import ProbeError
from scripts.openssh import OpenSsh, allow, make_key, serving
from tests.agent.remote.visit.hosts import Desk, demand_clean, packed, starter, visited
from tests.network import CLEAR, Line, Way, relaying
from wire.batch import open_batch
from wire.record import BatchFetched

_CUTS_TO_HOST = (100, 1500, 2500, 4000, 6000, 8000, 12_000, 60_000, 200_000, 320_000)
_CUTS_FROM_HOST = (100, 1000, 1800, 2200, 2600, 3000, 3600, 4400, 5200, 6400)


@pytest.fixture(scope="module")
def server() -> Iterator[OpenSsh]:
    """A host; commands run as the tests' own user, who can read this source tree."""
    with serving(shell=True, as_nobody=False) as running:
        yield running


@contextmanager
def connected(
    running: OpenSsh, port: int | None = None, key: Path | None = None
) -> Iterator[Connection]:
    there = Server("127.0.0.1", running.user, running.host_key, port or running.port)
    limits = Limits(greeting=5, sign_in=5, request=5, silence=5)
    credentials = Credentials(key_file=key or running.key)
    with connect(there, credentials=credentials, limits=limits) as connection:
        yield connection


def test_a_whole_visit_over_ssh(desk: Desk, there: Path, server: OpenSsh) -> None:
    with connected(server) as connection:
        found = survey(connection, desk.recorded.append)
        assert (found.kind, found.system, found.executable) == (Kind.POSIX, "Linux", True)
        assert found.user_id == os.geteuid()
        done = visited(connection, desk, packed(desk.folder), there)
        demand_clean(there, 0)
    assert (done.collected, done.batches, desk.pending()) == (2, 1, 1)


def test_a_shell_that_greets_is_passed_over(desk: Desk, there: Path) -> None:
    greeting = "echo '*** 欢迎 ***'; printf 'no end of line'; echo complaint >&2\n"
    with (
        serving(shell=True, as_nobody=False, greeting=greeting) as running,
        connected(running) as connection,
    ):
        assert survey(connection, desk.recorded.append).kind is Kind.POSIX
        assert visited(connection, desk, packed(desk.folder), there).batches == 1
        demand_clean(there, 0)


def test_an_account_without_a_shell_is_told(desk: Desk) -> None:
    settings = "ForceCommand echo This account is currently not available."
    with (
        serving(shell=True, as_nobody=False, settings=settings) as running,
        connected(running) as connection,
    ):
        found = survey(connection, desk.recorded.append)
    assert found.kind is Kind.UNKNOWN
    assert found.words == "This account is currently not available."


def test_a_host_that_nobody_may_change_is_visited_as_nobody(desk: Desk) -> None:
    """The real package, unpacked and run by a user without any rights."""
    real = package.find()
    if real is None:
        pytest.skip("no agent package is built (make agent-package)")
    told: list[events.Event] = []
    with serving(shell=True) as running, connected(running) as connection:
        found = survey(connection, desk.recorded.append)
        folder = Path(found.temporary_folder)
        before = set(folder.glob(".xunjian-*"))
        order = desk.order(patterns=(), light=True)
        visit = desk.visit(connection, order=order, report=told.append)
        done = by_package(visit, real, found)
        assert set(folder.glob(".xunjian-*")) <= before
    assert done.batches == len(desk.events(BatchFetched)) == desk.pending() == 1
    assert done.collected > 8
    assert done.left == ""
    inspection = open_batch(desk.kept[0].batch.payload).header.inspection
    assert inspection.agent_version == real.version
    assert inspection.checks_digest == real.checks_digest


@pytest.mark.parametrize(
    ("way", "cuts"), [("to_server", _CUTS_TO_HOST), ("to_client", _CUTS_FROM_HOST)]
)
@pytest.mark.parametrize("ending", ["close", "reset"])
def test_a_line_that_is_cut_leaves_nothing_and_harms_nothing(
    desk: Desk, there: Path, server: OpenSsh, way: str, cuts: tuple[int, ...], ending: str
) -> None:
    brought = packed(desk.folder)
    broken = whole = 0
    for cut in cuts:
        fate = Line(ending=ending, **{way: Way(cut_after=cut)})
        with relaying(server.port, lambda _number, fate=fate: fate) as relay:
            began = time.monotonic()
            try:
                with connected(server, relay.port) as connection:
                    visited(connection, desk, brought, there)
                whole += 1
            except (ProbeError, CannotStart, RemoteError):
                broken += 1
            assert time.monotonic() - began < 20
        demand_clean(there, 3)
        if desk.kept:
            assert desk.pending() == len({each.batch.digest for each in desk.kept})
    assert broken >= len(cuts) - 2
    kept = len(desk.kept)
    with (
        relaying(server.port, lambda _number: CLEAR) as relay,
        connected(server, relay.port) as connection,
    ):
        assert visited(connection, desk, brought, there).batches == 1
    assert desk.pending() == kept + 1


@pytest.fixture
def forced(server: OpenSsh, tmp_path: Path) -> Path:
    """A key that can inspect and nothing else, as the administrator would have installed it."""
    program = tmp_path / "xunjian-agent"
    program.write_text(starter())
    program.chmod(0o755)
    public = make_key(tmp_path / "other")
    line = line_of(public.encode(), "key.pub", str(program))
    options = line[: line.index(" ssh-ed25519 ")]
    return allow(server, f"forced-{time.monotonic_ns()}", options=options)


def test_a_forced_command_inspects(desk: Desk, server: OpenSsh, forced: Path) -> None:
    with connected(server, key=forced) as connection:
        assert survey(connection, desk.recorded.append).kind is Kind.FORCED
        done: Visited = by_forced(desk.visit(connection))
    assert (done.collected, done.batches, done.left) == (2, 1, "")
    remote = open_batch(desk.kept[0].batch.payload).header.inspection.remote
    assert remote is not None
    assert remote.mode == "forced"


@pytest.mark.parametrize("command", ["rm -rf {0}", "touch {0}/made", "sh -c 'touch {0}/made'", ""])
def test_a_forced_command_runs_nothing_that_is_asked_for(
    desk: Desk, there: Path, server: OpenSsh, forced: Path, command: str
) -> None:
    (there / "kept").write_text("kept")
    with connected(server, key=forced) as connection:
        running = connection.start(command.format(there), subject="asked")
        assert b'"say":"hello"' in (running.receive(20) or b"")
        running.end_input()
        while running.receive(5) is not None:
            pass
        running.close()
    assert [path.name for path in there.iterdir()] == ["kept"]


def test_a_forced_command_takes_no_package(
    desk: Desk, there: Path, server: OpenSsh, forced: Path
) -> None:
    with connected(server, key=forced) as connection:
        found = survey(connection, desk.recorded.append)
        assert found.kind is Kind.FORCED
        with pytest.raises(CannotStart):
            by_package(desk.visit(connection), packed(desk.folder), found)
    assert list(there.iterdir()) == []
