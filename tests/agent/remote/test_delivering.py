"""Sessions are handed over whole, whatever died before; nothing is lost, nothing counts twice."""

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from agent import files
from agent.events import Event
from agent.remote import record_file
from agent.remote.bundling import bundle, target_of
from agent.remote.delivering import Outcome, State, deliver
from agent.remote.folder import CLOSING_FILE, KEY, OPENING_FILE, Folder, all_in
from agent.remote.session import open_session
from agent.remote.trust import Trust
from agent.spool import MOST_REFUSALS, Spool
from agent.spool_file import exclusive
from checks.api import Text
from tests.agent.remote.collecting import SmallCollector, collecting
from tests.agent.remote.desk import AGE, permitted, registered
from tests.agent.spooling import INSPECTION, observation
from wire import bundle as bundles
from wire import envelope, record, session_file
from wire.grants import Denial
from wire.record import CommandRun, Ended
from wire.sessions import CLOSING, Closing, Purpose

ADDRESS = "root@erp-db:22"


def hold(known: Trust, *, batches: bool = True, commands: int = 3) -> None:
    """Hold a session with an inspection in its spool."""
    with open_session(known, permitted(known), ADDRESS, Purpose.INSPECT) as session:
        for number in range(commands):
            session.record(CommandRun(f"command {number}"))
        if batches:
            fill(session.folder)


def fill(folder: Folder) -> None:
    folder.state.mkdir(mode=0o700)
    spool = Spool(folder.state)
    spool.open_inspection(INSPECTION)
    spool.add(INSPECTION.id, observation())
    spool.finish(INSPECTION)
    spool.close()


def only(known: Trust) -> Folder:
    (folder,) = all_in(known.home)
    return folder


def handed(known: Trust, told: list[Event] | None = None) -> Outcome | None:
    events: list[Event] = [] if told is None else told
    return deliver(only(known), known, events.append, "en")


def demand_all_there(collector: SmallCollector, known: Trust) -> Closing:
    """Return the end of the session; all of its record has to be at the collector."""
    content = b"".join(collector.parts[number] for number in sorted(collector.parts))
    *_, (last, head) = record.read(BytesIO(content))
    body = collector.closings[-1]
    closing = envelope.disclose(body, CLOSING, Closing, {known.key.id: known.key.public})
    assert (closing.lines, closing.head) == (last.number, head)
    assert isinstance(last.event, Ended)
    return closing


def test_a_session_is_handed_over_and_marked(tmp_path: Path) -> None:
    with collecting() as collector:
        known = registered(tmp_path / "home", url=collector.url)
        collector.engineer = known.key.public
        hold(known)
        outcome = handed(known)
        assert outcome is not None
        assert (outcome.state, outcome.host) == (State.DELIVERED, "erp-db")
        assert demand_all_there(collector, known).ended == "completed"
        (path,) = collector.batches
        assert path.startswith("remote-erp-db/epochs/")
        asked = len(collector.requests)
        again = handed(known)
        assert again is not None
        assert again.done
        assert len(collector.requests) == asked
    folder = only(known)
    assert folder.record.exists()
    assert not folder.state.exists()
    assert not (folder.path / KEY).exists()


def test_each_step_may_fail_and_be_repeated(tmp_path: Path) -> None:
    with collecting() as collector:
        known = registered(tmp_path / "home", url=collector.url)
        collector.engineer = known.key.public
        hold(known)
        left = 0

        def broken(_method: str, _path: str) -> tuple[int, bytes] | None:
            nonlocal left
            left -= 1
            return (418, b"") if left < 0 else None

        collector.broken = broken
        for answers in range(20):
            left = answers
            outcome = handed(known)
            assert outcome is not None
            if outcome.done:
                break
            assert outcome.why is not None
        assert outcome.done
        demand_all_there(collector, known)
        assert len(collector.batches) == 1


def test_without_a_collector_it_stays_and_says_what_to_do(tmp_path: Path) -> None:
    known = registered(tmp_path / "home")
    hold(known)
    outcome = handed(known)
    assert outcome is not None
    assert outcome.state is State.KEPT
    assert outcome.why is not None
    assert "--bundle" in outcome.why.en
    assert only(known).state.exists()


def test_a_collector_that_does_not_take_it_gets_the_record_and_no_batch(tmp_path: Path) -> None:
    with collecting() as collector:
        known = registered(tmp_path / "home", url=collector.url)
        collector.engineer = known.key.public
        hold(known)
        collector.denial, collector.detail = Denial.EXPIRED, "grant ended"
        outcome = handed(known)
        assert outcome is not None
        assert outcome.state is State.REFUSED
        assert outcome.why is not None
        assert "grant ended" in outcome.why.en
        assert collector.batches == {}
        demand_all_there(collector, known)
        collector.denial = None
        taken = handed(known)
        assert taken is not None
        assert taken.done
        assert len(collector.batches) == 1


def test_a_session_under_way_is_left_alone(tmp_path: Path) -> None:
    known = registered(tmp_path / "home")
    hold(known)
    folder = only(known)
    (folder.path / CLOSING_FILE).unlink()
    held_reader, held = os.pipe()
    over_reader, over = os.pipe()
    child = os.fork()
    if child == 0:
        with exclusive(folder.path):
            os.write(held, b"held")
            os.read(over_reader, 1)
        os._exit(0)
    try:
        assert os.read(held_reader, 4) == b"held"
        outcome = handed(known)
        assert outcome is not None
        assert outcome.state is State.UNDER_WAY
        assert folder.read(CLOSING_FILE) is None
    finally:
        os.write(over, b"x")
        os.waitpid(child, 0)
        for end in (held_reader, held, over_reader, over):
            os.close(end)


def killed_at(number: int, work: Callable[[], None]) -> bool:
    """Run the work in a child that dies before its so many-th write; return whether it died.

    Of a line of the record, half is written first.
    """
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    left = number
    replaced, appended = files.replace, record_file.FileOnDisk.append

    def replace(path: Path, content: bytes, *, mode: int = 0o600) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            path.with_name(f".{path.name}.new").write_bytes(content[: len(content) // 2])
            os._exit(9)
        replaced(path, content, mode=mode)

    def append(file: record_file.FileOnDisk, content: bytes) -> int:
        nonlocal left
        left -= 1
        if left < 0:
            appended(file, content[: len(content) // 2])
            os._exit(9)
        return appended(file, content)

    files.replace = replace  # type: ignore[assignment] # in the child alone
    record_file.FileOnDisk.append = append  # type: ignore[method-assign] # in the child alone
    try:
        work()
    finally:
        os._exit(0)


@pytest.mark.parametrize("number", range(12))
def test_wherever_the_workstation_dies_the_session_is_closed(tmp_path: Path, number: int) -> None:
    with collecting() as collector:
        known = registered(tmp_path / "home", url=collector.url)
        collector.engineer = known.key.public
        died = killed_at(number, lambda: hold(known))
        was_opened = (only(known).path / OPENING_FILE).exists()
        assert died == (number < 10)
        outcome = handed(known)
        if not was_opened:
            assert outcome is None
            assert list(all_in(known.home)) == []
            return
        assert outcome is not None
        assert outcome.state is State.DELIVERED, outcome
        closing = demand_all_there(collector, known)
        assert closing.ended == ("interrupted" if number < 9 else "completed")


def test_a_record_that_was_changed_is_told_and_stays(tmp_path: Path) -> None:
    known = registered(tmp_path / "home")
    hold(known, commands=40)
    folder = only(known)
    (folder.path / CLOSING_FILE).unlink()
    content = bytearray(folder.record.read_bytes())
    content[len(content) // 20] ^= 1
    content += b'{"number"' * 200_000
    folder.record.write_bytes(content)
    outcome = handed(known)
    assert outcome is not None
    assert outcome.state is State.DAMAGED
    assert folder.record.read_bytes() == content


def test_a_session_of_another_engineer_is_told(tmp_path: Path) -> None:
    known = registered(tmp_path / "home")
    hold(known)
    (known.home / "key").unlink()
    (known.home / "trust").unlink()
    other = registered(known.home, name="王工")
    outcome = handed(other)
    assert outcome is not None
    assert outcome.state is State.DAMAGED
    assert outcome.why is not None
    assert "张工" in outcome.why.zh


def test_what_lies_without_an_opening_is_not_removed_if_it_is_more(tmp_path: Path) -> None:
    known = registered(tmp_path / "home")
    hold(known)
    (only(known).path / OPENING_FILE).unlink()
    outcome = handed(known)
    assert outcome is not None
    assert outcome.state is State.DAMAGED
    assert only(known).record.exists()


def test_what_was_refused_for_good_is_told_and_stays(tmp_path: Path) -> None:
    with collecting() as collector:
        known = registered(tmp_path / "home", url=collector.url)
        collector.engineer = known.key.public
        hold(known)
        folder = only(known)
        spool = Spool(folder.state)
        assert spool.seal_next("remote-erp-db", folder.key()) == 1
        for _ in range(MOST_REFUSALS):
            spool.refuse(spool.pending()[0], Text.same("no"))
        spool.close()
        for _ in range(2):
            outcome = handed(known)
            assert outcome is not None
            assert outcome.state is State.KEPT
            assert outcome.why is not None
            assert "refused a batch" in outcome.why.en
            assert folder.state.exists()


def test_results_that_are_damaged_are_told_and_stay(tmp_path: Path) -> None:
    with collecting() as collector:
        known = registered(tmp_path / "home", url=collector.url)
        collector.engineer = known.key.public
        hold(known)
        file = only(known).state / "spool.db"
        file.write_bytes(b"garbage" * 1000)
        for _ in range(2):
            outcome = handed(known)
            assert outcome is not None
            assert outcome.state is State.KEPT
            assert outcome.why is not None
            assert "are damaged" in outcome.why.en
        assert len(list(file.parent.glob("spool.db.damaged-*"))) == 1
        demand_all_there(collector, known)


def test_a_bundle_holds_batches_and_record(tmp_path: Path) -> None:
    known = registered(tmp_path / "home")
    hold(known)
    target = tmp_path / "erp.inspb"
    outcome = bundle(only(known), known, target)
    assert outcome is not None
    assert outcome.files == (str(target), str(tmp_path / "erp.inspr"))
    plain = BytesIO()
    with (tmp_path / "erp.inspr").open("rb") as file:
        session_file.read_start(file)
        bundles.decrypt(file, plain, AGE)
    plain.seek(0)
    statements = session_file.read_statements(plain)
    assert statements[0] == only(known).read(OPENING_FILE)
    assert statements[-1] == only(known).read(CLOSING_FILE)
    parts = list(session_file.read_parts(plain))
    assert b"".join(part.payload for part in parts) == only(known).record.read_bytes()
    again = bundle(only(known), known, target)
    assert again is not None
    assert again.files == outcome.files
    assert only(known).state.exists()


def test_a_bundle_replaces_no_file_of_somebody_else(tmp_path: Path) -> None:
    known = registered(tmp_path / "home")
    hold(known)
    target = tmp_path / "erp.inspb"
    target.write_bytes(b"precious")
    outcome = bundle(only(known), known, target)
    assert outcome is not None
    assert outcome.state is State.DAMAGED
    assert target.read_bytes() == b"precious"


def test_a_session_without_batches_is_a_record_alone(tmp_path: Path) -> None:
    known = registered(tmp_path / "home")
    hold(known, batches=False)
    outcome = bundle(only(known), known, tmp_path / "a.inspb")
    assert outcome is not None
    assert outcome.files == (str(tmp_path / "a.inspr"),)


def test_several_sessions_go_to_files_by_host(tmp_path: Path) -> None:
    folder = Folder(Path("/sessions/12345678-0000"))
    assert target_of("/usb/all", folder, "ERP/库", alone=False) == Path(
        "/usb/all.ERP_库-12345678.inspb"
    )
    assert target_of("/usb/erp.inspb", folder, "erp", alone=True) == Path("/usb/erp.inspb")
    assert target_of(str(tmp_path), folder, "erp", alone=True) == tmp_path / ("erp-12345678.inspb")
