"""A receipt lets go of what the collector has, of nothing else, however often it comes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent import enrolment, identity
from agent.errors import BundleError
from agent.receipts import take_in
from agent.spool import Spool
from collector.database import Database, open_database
from tests.bundling import Host, enrolled_host, import_file
from tests.enrolled import COLLECTOR
from wire.bundle import LARGEST_RECEIPT_BYTES
from wire.control import RECEIPT, Receipt
from wire.envelope import disclose, enclose
from wire.signing import PrivateKey

KEYS = {COLLECTOR.key.id: COLLECTOR.key.public}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/collector.db")
    yield opened
    opened.close()


@pytest.fixture
def host(database: Database, tmp_path: Path) -> Host:
    return enrolled_host(database, tmp_path / "state")


def receipt_of(database: Database, host: Host, folder: Path, count: int = 2) -> Receipt:
    """Export, import, and return the receipt."""
    host.inspect(count)
    host.export(folder / "host.inspb", replace=True)
    body = import_file(database, folder / "host.inspb").receipt
    return disclose(body, RECEIPT, Receipt, KEYS, LARGEST_RECEIPT_BYTES)


def signed(file: Path, receipt: Receipt, key: PrivateKey = COLLECTOR.key) -> str:
    file.write_bytes(enclose(receipt, RECEIPT, key))
    return str(file)


def test_what_is_confirmed_is_deleted_once(database: Database, host: Host, tmp_path: Path) -> None:
    receipt = receipt_of(database, host, tmp_path)
    host.inspect(1, start=2)
    file = signed(tmp_path / "r", receipt)
    spool = Spool(host.state)
    spool.seal_next(host.known.agent, host.known.key)
    taken = take_in(spool, host.state, file)
    assert (taken.confirmed, taken.known, taken.waiting) == (2, 0, 1)
    epoch = spool.epoch
    again = take_in(spool, host.state, file)
    assert (again.confirmed, again.known, again.waiting) == (0, 2, 1)
    assert spool.epoch == epoch
    spool.close()


def test_another_digest_deletes_nothing(database: Database, host: Host, tmp_path: Path) -> None:
    receipt = receipt_of(database, host, tmp_path)
    wrong = tuple(replace(each, digest="0" * 64) for each in receipt.acknowledgements)
    spool = Spool(host.state)
    taken = take_in(
        spool, host.state, signed(tmp_path / "r", replace(receipt, acknowledgements=wrong))
    )
    assert (taken.confirmed, taken.waiting) == (0, 2)
    spool.close()


def test_a_fork_begins_a_new_epoch_once(database: Database, host: Host, tmp_path: Path) -> None:
    receipt = receipt_of(database, host, tmp_path)
    forked = tuple(replace(each, forked=True) for each in receipt.acknowledgements)
    file = signed(tmp_path / "r", replace(receipt, acknowledgements=forked))
    spool = Spool(host.state)
    before = spool.epoch
    taken = take_in(spool, host.state, file)
    assert (taken.forked, taken.confirmed) == (True, 2)
    after = spool.epoch
    assert after != before
    assert not take_in(spool, host.state, file).forked
    assert spool.epoch == after
    spool.close()


def test_receipts_of_others_change_nothing(database: Database, host: Host, tmp_path: Path) -> None:
    receipt = receipt_of(database, host, tmp_path)
    folder = tmp_path / "folder"
    folder.mkdir()
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(LARGEST_RECEIPT_BYTES + 1)
    good = Path(signed(tmp_path / "good", receipt)).read_bytes()
    flipped = tmp_path / "flipped"
    flipped.write_bytes(good.replace(b'"sig":"', b'"sig":"AAAA', 1))
    cut = tmp_path / "cut"
    cut.write_bytes(good[:-10])
    spool = Spool(host.state)
    for file, sentence in (
        (signed(tmp_path / "other", replace(receipt, agent="other")), "of another host"),
        (signed(tmp_path / "forged", receipt, PrivateKey.generate()), "no receipt signed"),
        (str(tmp_path / "host.inspb"), "no receipt signed"),
        (str(flipped), "no receipt signed"),
        (str(cut), "no receipt signed"),
        (str(empty), "no receipt signed"),
        (str(large), "no receipt signed"),
        (str(folder), "Is a directory"),
        (str(tmp_path / "missing"), "No such file"),
    ):
        with pytest.raises(BundleError, match=sentence):
            take_in(spool, host.state, file)
    assert len(spool.pending()) == 2
    spool.close()


def test_a_new_key_is_confirmed_by_receipt_and_an_old_receipt_does_no_harm(
    database: Database, host: Host, tmp_path: Path
) -> None:
    enrolment.rotation(host.state, ())
    rotating = Host(host.state, identity.load(host.state))
    receipt = receipt_of(database, rotating, tmp_path)
    first = signed(tmp_path / "first", receipt)
    spool = Spool(host.state)
    assert take_in(spool, host.state, first).key_confirmed
    known = identity.load(host.state)
    assert (known.key.id, known.rotation) == (rotating.known.key.id, None)
    assert not take_in(spool, host.state, first).key_confirmed
    # Another change is under way: what confirms the first one does not confirm it.
    enrolment.rotation(host.state, ())
    assert not take_in(spool, host.state, first).key_confirmed
    assert identity.load(host.state).rotation is not None
    spool.close()
