"""What a bundle brings is stored once, whole or not at all, and answered with a receipt."""

import hashlib
import random
import struct
from itertools import permutations
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select

from agent import enrolment, identity
from agent.spool import Spool
from collector.assessment.models import StoredInspection
from collector.assessment.service import assess_pending
from collector.bundles import refusals
from collector.customers.models import Agent
from collector.database import Database
from collector.enrolment.models import Alarm, AuditEntry
from collector.enrolment.service import approve, revoke, rotate
from collector.errors import BundleRefused
from collector.identity import Identity
from collector.intake.models import ASSESSED, HELD, PENDING
from collector.intake.service import Upload
from tests.bundling import (
    STRANGER,
    Host,
    deliver,
    enrolled_host,
    import_file,
    is_refused,
    plain_of,
    stored,
    written,
)
from tests.collector.sample_checks import CATALOGUE
from tests.enrolled import COLLECTOR
from tests.messages import START
from wire.batch import LIMITS
from wire.bundle import LARGEST_RECEIPT_BYTES, MAGIC
from wire.control import BATCH, RECEIPT, ROTATION, Reach, Receipt, Rotation
from wire.envelope import disclose, enclose
from wire.frames import Frame, packed
from wire.messages import WIRE_VERSION, Standing
from wire.signing import PrivateKey, verify

FRAME = Frame("epoch-1", 1, "0" * 64, b"s" * 64, b"payload")


@pytest.fixture
def host(database: Database, tmp_path: Path) -> Host:
    return enrolled_host(database, tmp_path / "state")


@pytest.fixture
def sealed(host: Host, tmp_path: Path) -> Path:
    """A bundle of three batches."""
    host.inspect(3)
    host.export(tmp_path / "host.inspb")
    return tmp_path / "host.inspb"


def why(database: Database, file: Path, **options: str) -> str:
    """Return the sentence by which a bundle is refused; nothing of it may have been stored."""
    with pytest.raises(BundleRefused) as refused:
        import_file(database, file, **options)
    return refused.value.text.en


def test_what_was_exported_is_stored_to_the_byte_with_its_signature(
    database: Database, host: Host, sealed: Path
) -> None:
    uploads = host.uploads()
    imported = import_file(database, sealed)
    assert (imported.batches, imported.duplicates, imported.forks) == (3, 0, 0)
    assert (imported.customer, imported.site, imported.host) == ("示例公司", "总部机房", "erp-db")
    rows = stored(database)
    assert [(row.epoch, row.seq, row.payload) for row in rows] == [
        (each.epoch, each.seq, each.payload) for each in uploads
    ]
    for row in rows:
        assert (row.bundle, row.delivery, row.state) == (imported.bundle, None, PENDING)
        verify(host.known.key.public, BATCH, row.payload, row.signature)


def test_the_words_are_those_of_the_slip(database: Database, host: Host, tmp_path: Path) -> None:
    host.inspect()
    slip = host.export(tmp_path / "a.inspb")
    imported = import_file(database, tmp_path / "a.inspb")
    assert imported.words == " ".join(slip.files[0].words)
    assert imported.numbers == " ".join(slip.files[0].numbers)
    other = host.export(tmp_path / "b.inspb")
    assert other.files[0].words != slip.files[0].words


def test_the_import_is_on_record(database: Database, sealed: Path) -> None:
    imported = import_file(database, sealed)
    with database.reading() as session:
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "bundle.imported")
        ).one()
    assert (entry.person, imported.bundle in entry.subject) == ("tester", True)
    assert entry.after == {
        "file": "host.inspb",
        "batches": 3,
        "duplicates": 0,
        "forks": 0,
        "rotations": 0,
    }


def test_the_receipt_acknowledges_each_batch_and_is_signed(
    database: Database, host: Host, sealed: Path
) -> None:
    uploads = host.uploads()
    imported = import_file(database, sealed)
    keys = {COLLECTOR.key.id: COLLECTOR.key.public}
    receipt = disclose(imported.receipt, RECEIPT, Receipt, keys, LARGEST_RECEIPT_BYTES)
    assert (receipt.bundle, receipt.agent) == (imported.bundle, host.known.agent)
    assert [(each.epoch, each.seq, each.digest) for each in receipt.acknowledgements] == [
        (each.epoch, each.seq, each.digest) for each in uploads
    ]


@pytest.mark.parametrize("order", list(permutations(("online", "first", "second"))))
def test_copies_of_a_batch_meet_in_every_order(
    database: Database, host: Host, tmp_path: Path, order: tuple[str, ...]
) -> None:
    """Two bundles and an upload of overlapping batches: each batch is stored and judged once."""
    host.inspect(2)
    host.export(tmp_path / "first.inspb")
    host.inspect(2, start=2)
    host.export(tmp_path / "second.inspb")
    uploads = host.uploads()
    for way in (*order, *order):
        if way == "online":
            deliver(database, uploads[1:3])
        else:
            import_file(database, tmp_path / f"{way}.inspb")
    assert sorted(row.digest for row in stored(database)) == sorted(each.digest for each in uploads)
    assert {row.branch for row in stored(database)} == {""}
    assert assess_pending(database, CATALOGUE) == 4
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(StoredInspection)) == 4
        assert session.scalars(select(Alarm)).all() == []


def test_batches_are_judged_in_the_order_in_which_they_were_sealed(
    database: Database, host: Host, tmp_path: Path
) -> None:
    host.inspect(2)
    host.export(tmp_path / "a.inspb")
    spool = Spool(host.state)
    spool.new_epoch()
    spool.close()
    host.inspect(2, start=2)
    host.export(tmp_path / "b.inspb")
    uploads = host.uploads()
    import_file(database, tmp_path / "b.inspb")
    assert [(row.epoch, row.seq) for row in stored(database)] == [
        (each.epoch, each.seq) for each in uploads
    ]


def test_the_same_bundle_again_changes_nothing_and_is_answered_again(
    database: Database, sealed: Path
) -> None:
    first = import_file(database, sealed)
    again = import_file(database, sealed)
    assert (again.batches, again.duplicates) == (3, 3)
    assert again.words == first.words
    assert len(stored(database)) == 3


def test_a_forked_batch_is_kept_beside_the_other_and_alarmed(
    database: Database, host: Host, tmp_path: Path
) -> None:
    host.inspect()
    host.export(tmp_path / "a.inspb")
    (upload,) = host.uploads()
    other = upload.payload + b"x"
    key = host.known.key
    deliver(
        database,
        [
            Upload(
                upload.agent,
                upload.epoch,
                upload.seq,
                other,
                hashlib.sha256(other).hexdigest(),
                START,
                key.id,
                key.sign(BATCH, other),
            )
        ],
    )
    imported = import_file(database, tmp_path / "a.inspb")
    assert imported.forks == 1
    assert len(stored(database)) == 2
    with database.reading() as session:
        assert [alarm.kind for alarm in session.scalars(select(Alarm))] == ["forked"]


def test_what_an_agent_that_is_not_approved_exported_is_held(
    database: Database, tmp_path: Path
) -> None:
    waiting = enrolled_host(database, tmp_path / "state", approved=False)
    waiting.inspect()
    waiting.export(tmp_path / "a.inspb")
    assert import_file(database, tmp_path / "a.inspb").standing is Standing.PENDING
    assert [row.state for row in stored(database)] == [HELD]
    assert assess_pending(database, CATALOGUE) == 0
    with database.writing() as session:
        agent = session.scalars(select(Agent)).one()
        assert approve(session, agent, "tester", START) == 1
    assert assess_pending(database, CATALOGUE) == 1
    assert [row.state for row in stored(database)] == [ASSESSED]


def test_a_key_that_changed_without_a_network_takes_over_by_bundle(
    database: Database, host: Host, tmp_path: Path
) -> None:
    host.inspect()
    host.export(tmp_path / "before.inspb")
    sealed_before = host.uploads()
    enrolment.rotation(host.state, (Reach(sealed_before[0].epoch, sealed_before[0].seq),))
    rotating = Host(host.state, identity.load(host.state))
    assert rotating.known.key.id != host.known.key.id
    rotating.inspect(start=1)
    rotating.export(tmp_path / "after.inspb")
    imported = import_file(database, tmp_path / "after.inspb")
    assert imported.batches == 2
    keys = {COLLECTOR.key.id: COLLECTOR.key.public}
    receipt = disclose(imported.receipt, RECEIPT, Receipt, keys, LARGEST_RECEIPT_BYTES)
    assert [each.key_id for each in receipt.rotated] == [rotating.known.key.id]
    # What the old key wrote before is taken, too, and again, in any order.
    assert import_file(database, tmp_path / "before.inspb").duplicates == 1
    assert import_file(database, tmp_path / "after.inspb").duplicates == 2


def test_a_second_successor_is_refused_alarmed_and_brings_nothing(
    database: Database, host: Host, tmp_path: Path
) -> None:
    thief = PrivateKey.generate()
    stolen = Rotation(
        wire=WIRE_VERSION,
        agent=host.known.agent,
        old_key_id=host.known.key.id,
        public_key=thief.public,
    )
    with database.writing() as session:
        rotate(
            session,
            COLLECTOR,
            host.known.agent,
            enclose(stolen, ROTATION, host.known.key, thief),
            START,
        )
    enrolment.rotation(host.state, ())
    rotating = Host(host.state, identity.load(host.state))
    rotating.inspect()
    rotating.export(tmp_path / "a.inspb")
    assert why(database, tmp_path / "a.inspb") == refusals.WRONG_KEY.en
    assert stored(database) == []
    with database.reading() as session:
        assert [alarm.kind for alarm in session.scalars(select(Alarm))] == ["rotation_refused"]


def test_other_collectors_customers_agents_are_refused_with_a_sentence(
    database: Database, host: Host, sealed: Path, tmp_path: Path
) -> None:
    manifest, frames = plain_of(sealed)
    assert why(database, sealed, customer="另一家公司").startswith("This bundle is of the customer")
    assert import_file(database, sealed, customer="示例公司").batches == 3
    with pytest.raises(BundleRefused, match="another collector"):
        import_file(database, sealed, collector=STRANGER)
    # A collector to whom it was encrypted as well, and whose agent did not mean it.
    double = written(
        tmp_path / "double",
        manifest,
        [frames],
        host,
        recipients=(*manifest.recipients, STRANGER.recipient),
    )
    with pytest.raises(BundleRefused, match="was changed"):
        import_file(database, double, collector=STRANGER)
    key = Identity(PrivateKey.generate(), COLLECTOR.age)
    with pytest.raises(BundleRefused, match="another collector"):
        import_file(database, sealed, collector=key)
    neighbour = enrolled_host(database, tmp_path / "neighbour", customer="另一家公司", name="n")
    changes = {
        "not_known": replace(manifest, agent="nobody"),
        "of_neighbour": replace(manifest, agent=neighbour.known.agent),
        "customer": replace(manifest, customer_id=neighbour.known.customer_id),
        "collector": replace(manifest, collector_key_id="0" * 64),
        "key": replace(manifest, key_id=neighbour.known.key.id),
        "count": replace(manifest, batches=2),
        "more": replace(manifest, batches=4),
        "parts": replace(manifest, part=2),
        "digest": replace(manifest, frames_digest="0" * 64),
        "wire": replace(manifest, wire="2.0"),
    }
    before = len(stored(database))
    for name, changed in changes.items():
        assert is_refused(database, written(tmp_path / name, changed, [frames], host)), name
    assert is_refused(database, written(tmp_path / "signer", manifest, [frames], neighbour))
    assert len(stored(database)) == before


def test_a_revoked_agent_is_refused(database: Database, host: Host, sealed: Path) -> None:
    with database.writing() as session:
        revoke(session, session.scalars(select(Agent)).one(), "given away", "tester", START)
    assert "was revoked" in why(database, sealed)
    assert stored(database) == []


def test_one_wrong_signature_keeps_all_of_it_out(
    database: Database, host: Host, sealed: Path, tmp_path: Path
) -> None:
    manifest, _ = plain_of(sealed)
    uploads = host.uploads()
    frames = [
        packed(Frame(each.epoch, each.seq, each.key_id, each.signature, each.payload))
        for each in uploads
    ]
    frames[2] = packed(
        Frame(uploads[2].epoch, 3, uploads[2].key_id, uploads[1].signature, uploads[2].payload)
    )
    digest = hashlib.sha256(b"".join(frames)).hexdigest()
    file = written(tmp_path / "odd", replace(manifest, frames_digest=digest), frames, host)
    assert "Batch 3 of epoch" in why(database, file)
    assert stored(database) == []


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("epoch", struct.pack(">H", 65535) + packed(FRAME)[2:]),
        ("no epoch", struct.pack(">H", 0) + packed(FRAME)[2 + 7 :]),
        ("odd epoch", packed(Frame("../../etc", 1, "0" * 64, b"s" * 64, b"x"))),
        ("number 0", packed(Frame("epoch-1", 0, "0" * 64, b"s" * 64, b"x"))),
        ("huge number", packed(Frame("epoch-1", 2**63, "0" * 64, b"s" * 64, b"x"))),
        ("no payload", packed(Frame("epoch-1", 1, "0" * 64, b"s" * 64, b""))),
        ("4 GiB", packed(FRAME)[:-11] + struct.pack(">I", 2**32 - 1) + b"payload"),
        ("too large", packed(FRAME)[:-11] + struct.pack(">I", LIMITS.packed_bytes + 1) + b"x"),
        ("cut", packed(FRAME)[:-1]),
        ("more behind", packed(FRAME) + b"x"),
        ("nothing", b""),
    ],
)
def test_a_frame_that_can_not_be_is_refused(
    database: Database, host: Host, sealed: Path, tmp_path: Path, name: str, frame: bytes
) -> None:
    manifest, _ = plain_of(sealed)
    digest = hashlib.sha256(frame).hexdigest()
    changed = replace(manifest, batches=1, frames_digest=digest)
    assert is_refused(database, written(tmp_path / "odd", changed, [frame], host)), name
    assert stored(database) == []


def test_what_is_no_bundle_is_told_apart(database: Database, sealed: Path, tmp_path: Path) -> None:
    content = sealed.read_bytes()
    (tmp_path / "folder").mkdir()
    age = content.index(b"age-encryption.org")
    for name, wrong, sentence in (
        ("empty", b"", "is empty"),
        ("text", b"hello", "no bundle"),
        ("zip", b"PK\x03\x04" * 100, "no bundle"),
        ("magic only", MAGIC, "no bundle"),
        ("future", MAGIC + b"\x02" + content[6:], "newer agent"),
        ("version 0", MAGIC + b"\x00" + content[6:], "no bundle"),
        ("long start", MAGIC + b"\x01\xff\xff\xff\xff" + content[10:], "no bundle"),
        (
            "bomb for age",
            content[:age] + b"age-encryption.org/v1\n-> X25519 " + b"A" * 10**6,
            "cut",
        ),
        ("nested", content[:10] + b"[" * (age - 10) + content[age:], "no bundle"),
    ):
        file = tmp_path / name
        file.write_bytes(wrong)
        assert sentence in why(database, file), name
    assert "no regular file" in why(database, tmp_path / "folder")
    assert "No such file" in why(database, tmp_path / "missing")
    assert stored(database) == []


def test_a_bundle_cut_anywhere_brings_nothing(
    database: Database, sealed: Path, tmp_path: Path
) -> None:
    content = sealed.read_bytes()
    age = content.index(b"age-encryption.org")
    stanza_end = content.index(b"\n--- ")
    lengths = {
        *(0, 1, 5, 6, 9, 10, age - 1, age, age + 1, stanza_end, stanza_end + 20),
        *(stanza_end + 70, len(content) // 2, len(content) - 17, len(content) - 16),
        len(content) - 1,
    }
    file = tmp_path / "cut.inspb"
    for length in sorted(lengths):
        file.write_bytes(content[:length])
        assert is_refused(database, file), length
    file.write_bytes(content + b"\0")
    assert is_refused(database, file)
    assert stored(database) == []


def test_a_thousand_changed_bundles_bring_nothing(
    database: Database, host: Host, tmp_path: Path
) -> None:
    """S8: every flip and truncation is refused, and nothing of any is imported."""
    host.inspect(2)
    host.export(tmp_path / "host.inspb")
    content = (tmp_path / "host.inspb").read_bytes()
    age, body = content.index(b"age-encryption.org"), content.index(b"\n--- ")
    regions = ((0, age), (age, body), (body, len(content)))
    file = tmp_path / "changed.inspb"
    chance = random.Random(20261121)
    refused = 0
    for number in range(1000):
        changed = bytearray(content)
        if number % 10 == 0:
            del changed[chance.randrange(len(content)) :]
        else:
            start, end = regions[number % 3]
            changed[chance.randrange(start, end)] ^= 1 << chance.randrange(8)
        file.write_bytes(changed)
        refused += is_refused(database, file)
    assert (refused, stored(database)) == (1000, [])
    file.write_bytes(content)
    assert import_file(database, file).batches == 2
