"""What waits goes into encrypted files, all of them or none, and stays here until a receipt."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from pyrage.x25519 import Identity as AgeIdentity

from agent import export as exporting
from agent.bundle_parts import RESERVED_BYTES
from agent.cli import main
from agent.errors import BundleError
from agent.export import Slip, export
from agent.identity import Identity
from agent.spool import Spool
from tests.agent.spooling import (
    AGENT,
    INSPECTION,
    KEY,
    inspected,
    observation,
    random_facts,
    sealed,
)
from tests.bundling import plain_of
from tests.enrolled import COLLECTOR
from wire import bundle
from wire.frames import read_frame

CUSTOMER = "示例公司"


@pytest.fixture
def known() -> Identity:
    return Identity(
        agent=AGENT,
        customer_id="customer-1",
        customer=CUSTOMER,
        site="总部机房",
        host="ERP-DB-01",
        collector_key=COLLECTOR.key.public,
        recipients=(COLLECTOR.recipient,),
        key=KEY,
    )


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    (tmp_path / "state").mkdir()
    opened = Spool(tmp_path / "state")
    yield opened
    opened.close()


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick"


def write(
    spool: Spool, known: Identity, target: Path, part_bytes: int = 2**31, replace: bool = False
) -> Slip | None:
    return export(spool, known, target, part_bytes=part_bytes, replace=replace)


def test_all_that_waits_is_written_and_stays(spool: Spool, known: Identity, stick: Path) -> None:
    sealed(spool, "sealed-before")
    inspected(spool, "a", b"{}")
    inspected(spool, "b", b"{}")
    slip = write(spool, known, stick / "host.inspb")
    assert slip is not None
    assert (slip.batches, len(slip.files), slip.left) == (3, 1, 0)
    assert slip.files[0].bytes == (stick / "host.inspb").stat().st_size
    assert slip.period is not None
    assert slip.period.time_zone == "Asia/Shanghai"
    assert (slip.period.last_at - slip.period.first_at).total_seconds() == 10
    assert len(spool.pending()) == 3
    manifest, frames = plain_of(stick / "host.inspb")
    assert (manifest.batches, manifest.part, manifest.parts) == (3, 1, 1)
    assert (manifest.heads[0].first_seq, manifest.heads[0].last_seq) == (1, 3)
    assert manifest.heads[0].last_digest == spool.batch(spool.pending()[2]).batch.digest
    assert spool.batch(spool.pending()[0]).batch.payload in frames
    assert [path.name for path in stick.iterdir()] == ["host.inspb"]


def test_nothing_in_it_can_be_read_by_others(spool: Spool, known: Identity, stick: Path) -> None:
    secret = "客户机密-ERP-orders"
    inspected(spool, "a", f'{{"a":"{secret}"}}'.encode())
    write(spool, known, stick / "x.inspb")
    content = (stick / "x.inspb").read_bytes()
    for word in (
        secret,
        CUSTOMER,
        "总部机房",
        "ERP-DB-01",
        AGENT,
        "customer-1",
        spool.epoch,
        "erp",
    ):
        assert word.encode() not in content
        assert word.encode("utf-16-le") not in content
    assert COLLECTOR.recipient.encode() not in content
    assert (stick / "x.inspb").stat().st_mode & 0o077 == 0


def test_parts_stand_alone_and_none_is_larger_than_it_may(
    spool: Spool, known: Identity, stick: Path
) -> None:
    for number in range(6):
        sealed(spool, f"i{number}", random_facts(2**20))
    slip = write(spool, known, stick / "host.inspb", part_bytes=RESERVED_BYTES + 3 * 2**19)
    assert slip is not None
    names = [f"host.{number}-of-{len(slip.files)}.inspb" for number in (1, 2, 3)]
    assert len(slip.files) >= 3
    assert sorted(path.name for path in stick.iterdir())[:3] == names
    assert all(each.bytes <= RESERVED_BYTES + 3 * 2**19 for each in slip.files)
    manifests = [plain_of(Path(each.file))[0] for each in slip.files]
    assert len({each.bundle for each in manifests}) == 1
    assert sum(each.batches for each in manifests) == slip.batches == len(spool.pending())
    seqs = []
    for each in slip.files:
        file = (stick / "plain").open("w+b")
        file.write(plain_of(Path(each.file))[1])
        file.seek(0)
        seqs += [read_frame(file).seq for _ in range(each.batches)]
        file.close()
    assert seqs == [place.seq for place in spool.pending()]


def test_nothing_waiting_is_no_file(spool: Spool, known: Identity, stick: Path) -> None:
    assert write(spool, known, stick / "x.inspb") is None
    assert list(stick.iterdir()) == []


def test_a_change_of_keys_alone_is_worth_a_bundle(
    spool: Spool, known: Identity, stick: Path
) -> None:
    slip = write(spool, replace(known, rotation=b"statement"), stick / "x.inspb")
    assert slip is not None
    assert slip.batches == 0
    assert plain_of(stick / "x.inspb")[0].rotations == (b"statement",)


def test_an_interrupted_inspection_goes_along(spool: Spool, known: Identity, stick: Path) -> None:
    spool.open_inspection(INSPECTION)
    spool.add(INSPECTION.id, observation())
    slip = write(spool, known, stick / "x.inspb")
    assert slip is not None
    assert slip.batches == 1


def test_batches_of_an_earlier_enrolment_stay(spool: Spool, known: Identity, stick: Path) -> None:
    sealed(spool, "old")
    slip = write(spool, replace(known, agent="agent-2"), stick / "x.inspb")
    assert slip is None
    inspected(spool, "new", b"{}")
    slip = write(spool, replace(known, agent="agent-2"), stick / "x.inspb")
    assert slip is not None
    assert (slip.batches, slip.left) == (1, 1)


def test_a_file_that_is_there_is_replaced_by_force_only(
    spool: Spool, known: Identity, stick: Path
) -> None:
    sealed(spool, "a")
    target = stick / "x.inspb"
    target.write_bytes(b"of somebody else")
    with pytest.raises(BundleError, match="is there already"):
        write(spool, known, target)
    assert target.read_bytes() == b"of somebody else"
    write(spool, known, target, replace=True)
    assert target.read_bytes().startswith(bundle.MAGIC)
    (stick / "link").symlink_to("nowhere")
    with pytest.raises(BundleError, match="is there already"):
        write(spool, known, stick / "link")


def test_a_part_that_is_there_keeps_all_parts_from_being_written(
    spool: Spool, known: Identity, stick: Path
) -> None:
    for number in range(3):
        sealed(spool, f"i{number}", random_facts(2**20))
    (stick / "x.2-of-3.inspb").write_bytes(b"old")
    with pytest.raises(BundleError, match=r"x\.2-of-3\.inspb is there already"):
        write(spool, known, stick / "x.inspb", part_bytes=RESERVED_BYTES + 2**20)
    assert [path.name for path in stick.iterdir()] == ["x.2-of-3.inspb"]


def test_a_folder_or_a_missing_one_is_a_sentence(
    spool: Spool, known: Identity, stick: Path
) -> None:
    sealed(spool, "a")
    with pytest.raises(BundleError, match="there is no folder"):
        write(spool, known, stick / "nowhere" / "x.inspb")
    with pytest.raises(BundleError, match="is a folder"):
        write(spool, known, stick)


@pytest.mark.parametrize(
    "recipient",
    ["age1qqqqqqqqqqqqqqqq", str(AgeIdentity.generate().to_public())[:-1] + "q"],
    ids=["too short", "wrong checksum"],
)
def test_where_encrypting_fails_there_is_no_file(
    spool: Spool, known: Identity, stick: Path, recipient: str
) -> None:
    sealed(spool, "a")
    with pytest.raises(BundleError, match="encryption key"):
        write(spool, replace(known, recipients=(recipient,)), stick / "x.inspb")
    assert list(stick.iterdir()) == []


@pytest.mark.parametrize("fails", ["fsync", "second part", "replace"])
def test_where_writing_fails_there_is_no_file(
    spool: Spool, known: Identity, stick: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    for number in range(3):
        sealed(spool, f"i{number}", random_facts(2**20))
    calls = 0

    def fail(*_: object) -> None:
        nonlocal calls
        calls += 1
        if fails == "fsync" or calls == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if fails == "replace":
        real = Path.replace

        def failing(self: Path, target: Path) -> Path:
            fail()
            return real(self, target)

        monkeypatch.setattr(Path, "replace", failing)
    else:
        monkeypatch.setattr(exporting.os, "fsync", fail)
    with pytest.raises(BundleError, match="No space left on device") as told:
        write(spool, known, stick / "x.inspb", part_bytes=RESERVED_BYTES + 2**20)
    monkeypatch.undo()
    assert ("x.1-of-3" if fails == "fsync" else "x.2-of-3") in told.value.text.zh
    assert list(stick.iterdir()) == []
    assert len(spool.pending()) == 3


def test_a_part_size_that_can_not_be_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for size in ("0", "-1", "9", "4096"):
        assert main(["export", str(tmp_path / "x.inspb"), f"--part-size={size}"]) == 2
        assert f"不能是 {size}" in capsys.readouterr().err


def test_an_agent_that_is_not_enrolled_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "agent.toml"
    settings.write_text(
        f'[agent]\nstate = "{tmp_path}/state"\n[collector]\nurl = "https://collector.example"\n'
    )
    for words in (["export", "x.inspb"], ["receipt", "x.receipt"]):
        assert main([*words, "--settings", str(settings)]) == 2
        assert "尚未登记" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()
