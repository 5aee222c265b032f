"""Random sessions: the bytes in the record are those on the wire, both ways, and those shown."""

import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from agent.ssh.connection import Connection
from scripts.openssh import OpenSsh, serving
from tests.agent.remote.shell.desk import (
    received,
    recording,
    sent,
    signed_in,
    sitting,
    wait_for,
)
from wire import record

CONNECTIONS = 4
SIDE_BY_SIDE = 8
"""Sessions at once, two channels on each connection."""
PEER = Path(__file__).with_name("peer.py")


@contextmanager
def capturing(kept: Path) -> Iterator[OpenSsh]:
    """Run a server on which every shell is one that keeps what comes and goes."""
    kept.mkdir()
    command = f"ForceCommand exec {sys.executable} -I -S {PEER} {kept}\nMaxSessions 100"
    with serving(shell=True, settings=command) as server:
        yield server


def one_session(connection: Connection, kept: Path, folder: Path, number: int) -> int:
    """Hold one random session, compare everything, and return its bytes."""
    chance = random.Random(number)
    terminal = chance.random() < 0.5
    size_in = chance.choice((0, 1, 10, 300, 5_000, 60_000))
    size_out = chance.choice((0, 1, 10, 3_000, 50_000, 400_000))
    code = chance.randrange(256)
    typed = chance.randbytes(size_in)
    if terminal:  # there ~ at the start of a line is for us
        typed = typed.replace(b"~", b"-")
    order = f"s{number} {size_in} {size_out} {number} {code}\n".encode()
    path = folder / f"{number}.record"
    with (
        recording(path) as recorder,
        sitting(connection, recorder.write, terminal=terminal) as desk,
    ):
        desk.until(b"ready\n", 60)
        desk.type(order)
        left = typed
        while left:
            step = chance.choice((1, 10, 1000, 4000))
            desk.type(left[:step])
            left = left[step:]
            if chance.random() < 0.1:
                time.sleep(chance.random() / 100)
        outcome = desk.result(60)
        wait_for(lambda: len(desk.shown) >= 6 + size_out)
    assert (outcome.how, outcome.exit_code) == ("completed", code)
    on_the_wire = (kept / f"s{number}.in").read_bytes(), (kept / f"s{number}.out").read_bytes()
    assert on_the_wire[0] == order + typed
    assert sent(path) == on_the_wire[0]
    assert received(path) == on_the_wire[1] == bytes(desk.shown)
    with path.open("rb") as file:
        *_, (last, head) = record.read(file)
    assert (recorder.lines, recorder.head) == (last.number, head)
    path.unlink()
    return len(on_the_wire[0]) + len(on_the_wire[1])


def hold_sessions(numbers: range, folder: Path) -> int:
    """Hold sessions side by side and return how many bytes went through."""
    kept = folder / "kept"
    with capturing(kept) as server, ExitStack() as stack:
        connections = [stack.enter_context(signed_in(server)) for _ in range(CONNECTIONS)]
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            futures = [
                pool.submit(one_session, connections[number % CONNECTIONS], kept, folder, number)
                for number in numbers
            ]
            return sum(future.result() for future in futures)


def test_the_record_has_the_bytes_of_five_hundred_random_sessions(tmp_path: Path) -> None:
    assert hold_sessions(range(500), tmp_path) > 10_000_000
