"""An agentless inspection of this machine over a real SSH server, as `nobody` sees it."""

import platform
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent import veto
from agent.errors import PatternUnknown, RecordLost, RemoteError
from agent.events import CheckObserved, Event, PlanMade
from agent.host import LocalHost
from agent.remote.agentless.posix_host import PosixHost, posix_host
from agent.remote.agentless.taking import take_agentless
from agent.remote.order import Order
from agent.spool import Spool
from checks.api import Scope, Text
from checks.discovery import discover
from checks.errors import ProbeError
from scripts.openssh import OpenSsh, serving
from tests.agent.remote.agentless.hosts import GREETING, connected
from tests.agent.spooling import AGENT, KEY, opened
from tests.unprivileged import as_nobody
from wire.grants import Coverage
from wire.messages import Inspection, Observation, Reason, Remote
from wire.record import CommandEnded, CommandRun
from wire.record import Event as Kept

CHECKS = discover().checks
QUICK = ("host", "patch.dnf", "patch.reboot")
"""Without apt, which takes seconds for a user who may keep no cache."""
AGENTLESS = {check_id for check_id, check in CHECKS.items() if check.agentless}
STABLE = ("host.release", "host.mounts", "host.services", "host.file_system_errors", "patch.dnf")
REMOTE = Remote(session="session-1", grant="grant-1", person="张工", mode="agentless")


def order(*scopes: Scope, **changed: Any) -> Order:
    given: dict[str, Any] = {
        "agent": "agent-1",
        "remote": REMOTE,
        "coverage": Coverage(scopes or (Scope.METADATA, Scope.CONFIG)),
    }
    return Order(**(given | changed))


@pytest.fixture(scope="module")
def server() -> Iterator[OpenSsh]:
    with serving(shell=True, greeting=GREETING) as running:
        yield running


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path)
    yield spool
    spool.close()


def sealed(spool: Spool) -> tuple[Inspection, dict[str, Observation]]:
    """Return what the one inspection in the spool would be sent as."""
    spool.seal_next(AGENT, KEY)
    (batch,) = opened(spool)
    return batch.header.inspection, {one.check: one for one in batch.observations}


def probed_here(check_id: str) -> object:
    def ask() -> object:
        probe = CHECKS[check_id].probe
        assert probe is not None
        try:
            return msgspec.json.decode(msgspec.json.encode(probe(LocalHost())))
        except ProbeError as error:
            return msgspec.json.decode(msgspec.json.encode(error.failure()))

    return as_nobody(ask)


def test_the_facts_are_those_of_an_installed_agent_and_the_rest_needs_one(
    server: OpenSsh, spool: Spool
) -> None:
    events: list[Event] = []
    with connected(server) as connection:
        host = posix_host(connection, lambda _event: None)
        inspection, collected, total = take_agentless(
            host, order(), spool, events.append, threading.Event()
        )
    kept, readings = sealed(spool)
    assert kept == inspection
    assert set(readings) == AGENTLESS
    assert total == len(AGENTLESS)
    assert collected == sum(one.failure is None for one in readings.values()) >= 3
    for check_id in STABLE:
        one = readings[check_id]
        found = msgspec.json.decode(msgspec.json.encode(one.failure or one.facts))
        assert found == probed_here(check_id), check_id
    skipped = {each.check: each.failure.reason for each in inspection.skipped}
    assert skipped["host.memory"] is skipped["host.volumes"] is Reason.NEEDS_AGENT
    assert skipped["postgresql.settings"] is Reason.NOT_CONFIGURED
    assert set(skipped) | AGENTLESS == {
        check_id for check_id, check in CHECKS.items() if check.probe and "linux" in check.systems
    }
    assert isinstance(events[0], PlanMade)
    assert len([each for each in events if isinstance(each, CheckObserved)]) == total


def test_the_inspection_tells_of_the_host_and_of_the_session(server: OpenSsh, spool: Spool) -> None:
    with connected(server) as connection:
        host = posix_host(connection, lambda _event: None)
        told, _, _ = take_agentless(
            host, order(patterns=("host.release",)), spool, lambda _: None, threading.Event()
        )
    assert told.remote == REMOTE
    assert told.host.hostname == platform.node()
    assert told.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert told.host.system == "linux"
    assert told.finished_at is not None
    assert told.cost.cpu_seconds == 0
    assert told.cost.wall_seconds > 0
    assert told.interval_seconds == 0


def test_what_the_grant_does_not_cover_is_not_asked(server: OpenSsh, spool: Spool) -> None:
    kept: list[Kept] = []
    with connected(server) as connection:
        host = posix_host(connection, kept.append)
        told, _, _ = take_agentless(
            host, order(Scope.METADATA, patterns=QUICK), spool, lambda _: None, threading.Event()
        )
    lacking = {each.check: each.failure for each in told.skipped}
    assert lacking["host.mounts"].reason is Reason.NOT_GRANTED
    assert lacking["host.mounts"].subject == "config"
    ran = [each.command for each in kept if isinstance(each, CommandRun)]
    assert any("/etc/os-release" in command for command in ran)
    assert not any("/etc/fstab" in command or "/etc/passwd" in command for command in ran)
    assert len(ran) == len([each for each in kept if isinstance(each, CommandEnded)])


def test_a_light_pack_leaves_the_heavy_ones_out(server: OpenSsh, spool: Spool) -> None:
    with connected(server) as connection:
        host = posix_host(connection, lambda _event: None)
        told, _, _ = take_agentless(
            host, order(light=True), spool, lambda _: None, threading.Event()
        )
    assert {each.check for each in told.planned} == {
        each for each in AGENTLESS if not CHECKS[each].heavy
    }
    skipped = {each.check: each.failure for each in told.skipped}
    assert (skipped["patch.apt"].reason, skipped["patch.apt"].detail) == (
        Reason.NOT_SELECTED,
        "light",
    )


def test_what_the_settings_name_needs_the_agent_and_its_secrets_stay_alone(
    server: OpenSsh, spool: Spool, tmp_path: Path
) -> None:
    from agent.settings import load
    from tests.agent.workbench import Site

    called = tmp_path / "called"
    site = Site(tmp_path / "site")
    site.folder.mkdir()
    path = site.configure(
        '[databases.erp]\nkind = "postgresql"\nuser = "x"\n'
        f'password = {{ command = ["/usr/bin/touch", "{called}"] }}'
    )
    everything = order(*Scope, patterns=("host.release", "postgresql"))
    with connected(server) as connection:
        host = posix_host(connection, lambda _event: None)
        told, _, _ = take_agentless(
            host, everything, spool, lambda _: None, threading.Event(), load(str(path))
        )
    skipped = {each.check: each.failure.reason for each in told.skipped}
    assert skipped["postgresql.settings"] is Reason.NEEDS_AGENT
    assert not called.exists()


def test_a_stop_leaves_an_interrupted_inspection(server: OpenSsh, spool: Spool) -> None:
    stop = threading.Event()

    def report(event: Event) -> None:
        if isinstance(event, CheckObserved) and event.done == 2:
            stop.set()

    with connected(server) as connection, pytest.raises(KeyboardInterrupt):
        take_agentless(
            posix_host(connection, lambda _: None), order(patterns=QUICK), spool, report, stop
        )
    kept, readings = sealed(spool)
    assert kept.finished_at is None
    assert len(readings) == 2


def test_a_record_that_is_lost_ends_it_before_the_next_command(
    server: OpenSsh, spool: Spool
) -> None:
    kept: list[Kept] = []

    def full(event: Kept) -> None:
        if len(kept) == 40:
            raise RecordLost(Text("磁盘已满", "the disk is full"))
        kept.append(event)

    with connected(server) as connection, pytest.raises(RecordLost):
        take_agentless(
            posix_host(connection, full),
            order(patterns=QUICK),
            spool,
            lambda _: None,
            threading.Event(),
        )
    inspection, _ = sealed(spool)
    assert inspection.finished_at is None
    assert len(kept) == 40


def test_a_line_that_is_lost_leaves_what_was_read_and_says_so_of_the_rest(
    server: OpenSsh, spool: Spool
) -> None:
    with connected(server) as connection:

        def report(event: Event) -> None:
            if isinstance(event, CheckObserved) and event.done == 3:
                connection.transport.close()

        host = posix_host(connection, lambda _: None)
        _, collected, _ = take_agentless(
            host, order(patterns=QUICK), spool, report, threading.Event()
        )
    _, readings = sealed(spool)
    lost = [one for one in readings.values() if one.failure is not None]
    assert len(readings) == len(AGENTLESS) - 1
    assert len([one for one in lost if one.failure.reason is Reason.UNREACHABLE]) == 6  # type: ignore[union-attr]
    assert collected <= 3


class Vetoed(PosixHost):
    """The host, with a veto of its administrator's."""

    content = b""

    def exists(self, path: str) -> bool:
        return path == veto.PATH or super().exists(path)

    def read_bytes(self, path: str, *, limit_bytes: int = 2**20) -> bytes:
        if path == veto.PATH:
            return self.content
        return super().read_bytes(path, limit_bytes=limit_bytes)


@pytest.mark.parametrize("content", [b"off = true", b"upload = false", b"off = maybe"])
def test_the_hosts_administrator_may_forbid_it(
    server: OpenSsh, spool: Spool, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Vetoed, "content", content)
    with connected(server) as connection:
        host = Vetoed(posix_host(connection, lambda _: None)._asking)
        with pytest.raises((RemoteError, veto.VetoError), match=r"veto\.toml"):
            take_agentless(host, order(), spool, lambda _: None, threading.Event())
    assert spool.counts().inspections == 0


def test_the_hosts_administrator_may_forbid_a_check(
    server: OpenSsh, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Vetoed, "content", b'checks = ["patch", "host.accounts"]')
    with connected(server) as connection:
        host = Vetoed(posix_host(connection, lambda _: None)._asking)
        told, _, _ = take_agentless(host, order(), spool, lambda _: None, threading.Event())
    assert {each.check for each in told.planned} == {
        each for each in AGENTLESS if not each.startswith("patch.") and each != "host.accounts"
    }


def test_a_pattern_that_fits_no_check_is_refused(server: OpenSsh, spool: Spool) -> None:
    with connected(server) as connection, pytest.raises(PatternUnknown):
        take_agentless(
            posix_host(connection, lambda _: None),
            order(patterns=("nosuch",)),
            spool,
            lambda _: None,
            threading.Event(),
        )
