"""A connection that is cut anywhere: what was read stays, the rest says why, no fact is made up."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.errors import AgentError
from agent.remote.agentless.posix_host import posix_host
from agent.remote.agentless.taking import take_agentless
from agent.remote.recording import unrecorded
from agent.secret import Secret
from agent.spool import Spool
from agent.ssh.connecting import connect
from agent.ssh.connection import Limits, Server
from checks.errors import ProbeError
from scripts.openssh import OpenSsh, serving
from tests.agent.remote.agentless.test_taking import order
from tests.agent.spooling import AGENT, KEY, opened
from tests.network import Line, Way, relaying
from wire.messages import Reason

PACK = ("host.release", "host.clock", "host.mounts")
PLACES = {
    "close": range(750, 15_001, 750),
    "reset": range(3_000, 15_001, 4_000),
    "silence": (8_000, 13_000),
}
"""Bytes that come back, from the greeting on to the last check."""
LIMITS = Limits(connect=2, greeting=2, sign_in=2, request=2, silence=2, keep_alive=1)


@pytest.fixture(scope="module")
def server() -> Iterator[OpenSsh]:
    with serving(shell=True) as running:
        yield running


def inspected(server: OpenSsh, folder: Path, line: Line) -> tuple[dict[str, bytes], list[Reason]]:
    """Return the facts and the reasons of what had none."""
    folder.mkdir()
    spool = Spool(folder)
    try:
        with relaying(server.port, lambda _number: line) as relay:
            there = Server("127.0.0.1", server.user, server.host_key, relay.port)
            key = Secret(server.key.read_text())
            try:
                with connect(there, key=key, limits=LIMITS) as connection:
                    host = posix_host(connection, unrecorded)
                    take_agentless(
                        host, order(patterns=PACK), spool, lambda _: None, threading.Event()
                    )
            except (ProbeError, AgentError):
                pass  # it was cut before there was an inspection, or while the line was closed
        spool.finish_interrupted()
        spool.seal_next(AGENT, KEY)
        readings = [one for batch in opened(spool) for one in batch.observations]
    finally:
        spool.close()
    facts = {one.check: bytes(one.facts) for one in readings if one.failure is None}  # type: ignore[arg-type]
    return facts, [one.failure.reason for one in readings if one.failure is not None]


@pytest.mark.parametrize("ending", ["close", "reset", "silence"])
def test_a_line_that_is_cut_anywhere_makes_up_no_fact(
    server: OpenSsh, tmp_path: Path, ending: str
) -> None:
    whole, none = inspected(server, tmp_path / "whole", Line())
    assert set(whole) == set(PACK)
    assert not none

    places = PLACES[ending]
    interrupted = 0
    for number, place in enumerate(places):
        began = time.monotonic()
        line = Line(to_client=Way(cut_after=place), ending=ending)
        facts, failures = inspected(server, tmp_path / str(number), line)
        assert time.monotonic() - began < 12
        assert {check: whole[check] for check in facts} == facts, place
        assert set(failures) <= {Reason.UNREACHABLE, Reason.TIMEOUT}
        interrupted += bool(failures)
    assert interrupted >= 2
