"""A visit by package to this host, through a shell of its own."""

from pathlib import Path

import pytest

from tests.agent.remote.visit import hosts
from tests.agent.remote.visit.hosts import Desk, demand_clean, local_line, packed, visited
from wire import envelope
from wire.batch import open_batch
from wire.record import BatchFetched, CommandEnded, CommandRun, FileMoved
from wire.sessions import SESSION_KEY, SessionKey
from wire.signing import key_id


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


def test_a_visit_brings_runs_fetches_and_leaves_nothing(desk: Desk, there: Path) -> None:
    package = packed(desk.folder)
    with local_line() as line:
        found = visited(line, desk, package, there)
    demand_clean(there, 0)
    assert (found.collected, found.total, found.batches, found.left) == (2, 2, 1, "")
    (sealed,) = desk.kept
    batch = open_batch(sealed.batch.payload)
    assert {entry.check for entry in batch.observations} == set(hosts.LIGHT)
    assert all(entry.failure is None for entry in batch.observations)
    remote = batch.header.inspection.remote
    assert remote is not None
    assert (remote.session, remote.mode) == ("session-1", "package")
    assert batch.header.inspection.id == found.inspection
    assert batch.header.agent == "remote-erp-db"
    assert desk.pending() == 1
    (statement,) = desk.statements
    said = envelope.opened(envelope.read(statement), SESSION_KEY, SessionKey)
    keys = {sealed.key_id: said.public_key, hosts.SESSION_KEY.id: hosts.SESSION_KEY.public}
    envelope.check(envelope.read(statement), keys)
    assert sealed.key_id == key_id(said.public_key)
    (moved,) = desk.events(FileMoved)
    assert (moved.direction, moved.bytes, moved.digest) == ("to", package.bytes, package.sha256)
    (fetched,) = desk.events(BatchFetched)
    assert fetched.digest == sealed.batch.digest
    assert len(desk.events(CommandRun)) == len(desk.events(CommandEnded)) == 5
    assert [event.exit_code for event in desk.events(CommandEnded)][-2:] == [0, None]
