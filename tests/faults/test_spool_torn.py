"""R4: a log of SQLite torn anywhere leaves an exact prefix of what was committed."""

import os
import random
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from itertools import takewhile
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import replace

from agent.spool import Place, Spool
from agent.spool_database import SpoolDatabase
from checks.api import Text
from tests.agent.spooling import (
    AGENT,
    INSPECTION,
    KEY,
    acknowledgement,
    inspected,
    observation,
    random_facts,
)

PAGE = 4096
HEADER, FRAME_HEADER = 32, 24
FRAME = FRAME_HEADER + PAGE
TABLES = ("inspections", "observations", "batches", "gaps", "notes", "remembered")

State = tuple[tuple[object, ...], ...]


class History(Struct, frozen=True):
    """A spool that was never closed: its file, its log, and what each commit left."""

    folder: Path
    states: tuple[State, ...]
    """In order, the empty file first."""
    ends: tuple[int, ...]
    """Size of the log after each state."""


def content(connection: sqlite3.Connection) -> State:
    known = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    return tuple(
        row
        for table in TABLES
        if table in known
        for row in connection.execute(f"SELECT '{table}', * FROM {table} ORDER BY 2")
    )


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Live through two inspections that are sealed, refused, acknowledged, split and reset."""
    folder = tmp_path_factory.mktemp("torn") / "state"
    folder.mkdir()
    states: list[State] = []
    ends: list[int] = []
    log = folder / "spool.db-wal"

    def watch() -> None:
        with closing(sqlite3.connect(folder / "spool.db")) as connection:
            state = content(connection)
        if not states or state != states[-1]:
            states.append(state)
            ends.append(log.stat().st_size)

    spool = Spool(folder)
    watch()
    with pytest.MonkeyPatch.context() as patch:
        write = SpoolDatabase.write

        def watched(database: SpoolDatabase, action: object) -> object:
            value = write(database, action)  # type: ignore[arg-type,var-annotated] # any action
            watch()
            return value

        patch.setattr(SpoolDatabase, "write", watched)
        for name in ("one", "two"):
            inspected(spool, name, *(random_facts(size) for size in (100, 3000, 9000)), b"{}")
        spool.seal_next(AGENT, KEY)
        first = Place(spool.epoch, 1)
        spool.refuse(first, Text("不", "no"))
        spool.split(first, 5000, AGENT, KEY)
        spool.acknowledge(acknowledgement(spool, spool.pending()[0]))
        spool.new_epoch()
        spool.seal_next(AGENT, KEY)
        spool.open_inspection(replace(INSPECTION, id="three"))
        spool.add("three", observation(random_facts(500)))
    kept = folder.parent / "kept"
    shutil.copytree(folder, kept)
    spool.close()
    return History(kept, tuple(states), tuple(ends))


def frames(log: bytes) -> int:
    return (len(log) - HEADER) // FRAME


def torn(log: bytes, count: int, seed: int) -> Iterator[tuple[bytes, int]]:
    """Yield (a torn log, how much of it is as it was) at each class of boundary, then at random."""
    chance = random.Random(seed)
    cuts = [0, 1, HEADER - 1, HEADER, HEADER + 1, len(log)]
    for frame in range(frames(log)):
        start = HEADER + frame * FRAME
        cuts += [start + FRAME_HEADER // 2, start + FRAME_HEADER, start + FRAME // 2]
        cuts += [start + FRAME - 1, start + FRAME, start + FRAME + 1]
    tails = [b"", b"\0" * PAGE, b"\xff" * FRAME]
    for number in range(count):
        cut = cuts[number] if number < len(cuts) else chance.randrange(len(log) + 1)
        kind = number % 5
        if kind < 3:
            tail = tails[kind]
        elif kind == 3:
            tail = chance.randbytes(chance.randrange(1, 3 * FRAME))
        else:  # an old frame, as in a log that is written over from its start
            start = HEADER + chance.randrange(frames(log)) * FRAME
            tail = log[start : start + FRAME]
        # A tail may by chance go on as the log did: zeros, mostly.
        pairs = zip(tail, log[cut:], strict=False)
        alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        yield log[:cut] + tail, min(cut, len(log)) + alike


def check(history: History, place: Path, count: int, seed: int) -> None:
    log = (history.folder / "spool.db-wal").read_bytes()
    assert frames(log) > len(history.states) > 12
    assert list(history.ends) == sorted(history.ends)  # the log was never begun anew
    # A header whose check sum fits, as the format says: two magic numbers for the byte order.
    assert struct.unpack(">I", log[:4])[0] in (0x377F0682, 0x377F0683)
    for torn_log, whole in torn(log, count, seed):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        shutil.copy(history.folder / "spool.db", place)
        (place / "spool.db-wal").write_bytes(torn_log)
        spool = Spool(place)
        assert spool.set_aside is None
        with closing(sqlite3.connect(place / "spool.db")) as connection:
            state = content(connection)
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        spool.close()
        committed = sum(end <= whole for end in history.ends)
        if committed:
            assert state == history.states[committed - 1], whole
        else:
            # Not even the tables stood: a new spool was made, with an epoch of its own.
            assert [row[0] for row in state] == ["notes"], whole


def test_a_torn_log_leaves_a_prefix_of_what_was_committed(history: History, tmp_path: Path) -> None:
    check(history, tmp_path / "state", 500, seed=1)


@pytest.mark.faults
@pytest.mark.timeout(1200)
def test_thousands_of_torn_logs(history: History, tmp_path: Path) -> None:
    check(history, tmp_path / "state", 5000, seed=int.from_bytes(os.urandom(4), "big"))
