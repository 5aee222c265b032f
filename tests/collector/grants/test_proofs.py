"""A change may begin only with a backup that is proved good: what counts, and all that does not."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from checks.backup_sets import Form, Level, PointState, Result, Role
from collector.backups.evidence import Look
from collector.customers.models import Agent, Host
from collector.database import Database
from collector.enrolment.models import AuditEntry
from collector.enrolment.service import revoke
from collector.errors import Unusable
from collector.grants.documents import LARGEST_DOCUMENT_BYTES, add_document
from collector.grants.proofs import Found, look_for, proof_for
from collector.intake.models import StoredBatch
from tests.collector.backups.place import send
from tests.collector.backups.sample import at, declaration, look, point, proof, proofs
from tests.collector.place import Place
from tests.enrolled import enrolled
from wire.messages import Failure, Reason
from wire.sessions import Proof
from wire.signing import PrivateKey

NOW = at(21, 10)
"""The night's restore point was begun at 02:00 and ended at 02:20."""
VERIFIED = look(at(21, 5), point(20), proved=proofs(20, 28))


def proved(database: Database, place: Place, now: datetime = NOW) -> Proof | None:
    with database.reading() as session:
        return proof_for(session, place.customer_id, place.host_id, now)


def lacking(database: Database, place: Place, now: datetime = NOW) -> str:
    with database.reading() as session:
        found: Found = look_for(session, place.customer_id, place.host_id, now)
    assert found.best is None
    return "; ".join(each.en for each in found.lacking)


def documented(database: Database, place: Place, when: datetime, **changes: Any) -> str:
    known: dict[str, Any] = {"name": "恢复验证.pdf", "document": b"%PDF", "note": "RMAN 恢复验证"}
    with database.writing(alone=True) as session:
        host = session.get_one(Host, (place.customer_id, place.host_id))
        given = known | {"person": "王工", "now": NOW} | changes
        return add_document(session, host, proved_at=when, **given).digest


def test_a_host_without_backups_has_no_proof(database: Database, place: Place) -> None:
    assert proved(database, place) is None
    assert lacking(database, place) == ""


def test_a_restore_point_that_was_read_to_its_end_is_one(database: Database, place: Place) -> None:
    send(database, place, [VERIFIED])
    found = proved(database, place)
    assert found is not None
    assert (found.customer_id, found.host_id) == (place.customer_id, place.host_id)
    assert (found.kind, found.proved_at, found.issued_at) == ("observation", at(21, 4), NOW)
    assert "erp-20.dump" in found.subject
    assert "erp-db / erp" in found.subject
    with database.reading() as session:
        assert found.evidence == session.scalars(select(StoredBatch.digest)).one()


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (look(at(21, 5), point(20)), "not read in time"),
        (look(at(21, 5), point(20), proved=proofs(20, 28, result=Result.FAILED)), "failed"),
        (look(at(21, 5), point(20), proved=proofs(20, 28, result=Result.UNPROVEN)), "could not"),
        (
            look(at(21, 5), point(20), proved=proofs(20, 28, result=Result.SAMPLED)),
            "",
        ),
        (
            look(
                at(21, 5),
                point(20),
                proved=(proof("erp-20.dump", Level.STRUCTURE, at(21, 4), coverage=0.99),),
            ),
            "",
        ),
        (look(at(21, 5), point(20), proved=proofs(20, 28, Level.OFFSITE)), "not read in time"),
        (look(at(21, 5), point(20, state=PointState.FAILED), proved=proofs(20, 28)), "erp-20"),
        (look(at(21, 5), point(20, state=PointState.EMPTY), proved=proofs(20, 28)), "empty"),
        (look(at(21, 5), point(20, state=PointState.GROWING), proved=proofs(20, 28)), "no restore"),
        (look(at(21, 5), point(20, state=PointState.GONE), proved=proofs(20, 28)), "gone"),
        (look(at(21, 5), point(20, form=Form.LOG), proved=proofs(20, 28)), "no restore point"),
        (look(at(21, 5), proved=proofs(20, 28)), "no restore point"),
        (
            look(
                at(21, 5),
                point(20, form=Form.DIFFERENTIAL, base="erp-18.dump"),
                proved=proofs(20, 28),
            ),
            "erp-18.dump",
        ),
        (
            look(at(21, 5), point(20), proved=proofs(20, 28), of=declaration(minimum_bytes=2**31)),
            "erp-20.dump",
        ),
        (
            look(at(21, 5), point(20), proved=proofs(20, 28), of=declaration(objects=("a", "b"))),
            "a: ",
        ),
        (Look(at(21, 5), Failure(Reason.PERMISSION, "/backup")), "no look at"),
    ],
)
def test_what_is_merely_there_never_counts(
    database: Database, place: Place, seen: Look, why: str
) -> None:
    send(database, place, [seen])
    assert proved(database, place) is None
    assert why in lacking(database, place)


def test_copies_of_other_hosts_backups_prove_nothing_of_this_one(
    database: Database, place: Place
) -> None:
    copies = declaration(role=Role.OFFSITE)
    send(database, place, [look(at(21, 5), point(20), proved=proofs(20, 28), of=copies)])
    assert proved(database, place) is None


def test_the_day_ends_24_hours_after_point_and_proof(database: Database, place: Place) -> None:
    send(database, place, [VERIFIED])
    # The point was begun at 02:00, the proof is of 04:00, as the look of 05:00 told.
    assert proved(database, place, at(22, 2)) is not None
    assert proved(database, place, at(22, 2) + timedelta(seconds=1)) is None
    assert proved(database, place, at(22, 5)) is None
    assert proved(database, place, at(21, 3)) is None, "before it was proved"


def test_a_point_that_is_young_with_a_proof_that_is_not_does_not_count(
    database: Database, place: Place
) -> None:
    """A clock that was set: the proof seems to be of 25 hours ago, the point of an hour ago."""
    young = point(20, 33)
    send(database, place, [look(at(21, 9.5), young, proved=proofs(20, 9))])
    assert proved(database, place) is None


def test_a_proof_is_not_younger_than_the_look_that_first_told_of_it(
    database: Database, place: Place
) -> None:
    """The host's clock is hours ahead, and nothing tells that."""
    ahead = look(at(21, 5), point(20), proved=proofs(20, 33))
    send(database, place, [ahead])
    found = proved(database, place)
    assert found is not None
    assert found.proved_at <= at(21, 5)


def test_a_verification_that_failed_after_a_good_one_takes_it_back(
    database: Database, place: Place
) -> None:
    send(database, place, [VERIFIED])
    bad = proof("erp-20.dump", Level.STRUCTURE, at(21, 8), Result.FAILED, detail="crc")
    send(
        database,
        place,
        [look(at(21, 8.5), point(20), proved=(*proofs(20, 28, Level.HASHED), bad))],
        start=2,
    )
    assert proved(database, place) is None
    assert "crc" in lacking(database, place)
    assert proved(database, place, at(21, 9)) is None


def test_a_newer_restore_point_that_is_damaged_takes_the_older_one_back(
    database: Database, place: Place
) -> None:
    newer = point(21, 8)
    bad = (*proofs(20, 28), *proofs(21, 9, result=Result.FAILED))
    send(database, place, [look(at(21, 9.5), newer, point(20), proved=bad)])
    assert proved(database, place) is None


def test_a_newer_restore_point_that_waits_for_its_reading_takes_nothing_back(
    database: Database, place: Place
) -> None:
    newer = point(21, 8)
    send(database, place, [look(at(21, 9.5), newer, point(20), proved=proofs(20, 28))])
    found = proved(database, place)
    assert found is not None
    assert "erp-20.dump" in found.subject


def test_a_set_that_can_not_be_looked_at_any_more_proves_nothing(
    database: Database, place: Place
) -> None:
    send(database, place, [VERIFIED])
    send(database, place, [Look(at(21, 9), Failure(Reason.PERMISSION, "/backup"))], start=2)
    assert proved(database, place) is None
    assert "no look at" in lacking(database, place)


def test_a_restore_point_that_went_away_proves_nothing(database: Database, place: Place) -> None:
    send(database, place, [VERIFIED])
    send(database, place, [look(at(21, 9))], start=2)
    assert proved(database, place) is None


def test_another_hosts_backup_is_no_proof(database: Database, place: Place) -> None:
    other = enrolled(database, host="other", key=PrivateKey.generate())
    send(database, place, [VERIFIED])
    assert proved(database, other) is None
    assert documented(database, place, at(21, 9))
    assert proved(database, other) is None


def test_the_word_of_an_agent_that_was_revoked_does_not_count(
    database: Database, place: Place
) -> None:
    send(database, place, [VERIFIED])
    with database.writing() as session:
        agent = session.get_one(Agent, (place.customer_id, place.agent))
        revoke(session, agent, "stolen", "tester", NOW)
    assert proved(database, place) is None
    assert "not trusted" in lacking(database, place)


def test_each_declared_object_needs_its_own_proof(database: Database, place: Place) -> None:
    both = declaration(objects=("a", "b"))
    points = (point(20, object="a"), point(20, id="b-20.dump", object="b", started_at=at(21, 3)))
    one = proofs(20, 28)
    send(database, place, [look(at(21, 5), *points, proved=one, of=both)])
    assert proved(database, place) is None
    two = (*one, proof("b-20.dump", Level.STRUCTURE, at(21, 8)))
    send(database, place, [look(at(21, 9), *points, proved=two, of=both)], start=2)
    found = proved(database, place)
    assert found is not None
    assert found.proved_at == at(21, 4), "the older of the two"
    assert "b-20.dump" in found.subject


def test_a_whole_set_that_was_checked_counts(database: Database, place: Place) -> None:
    ended = point(20).ended_at
    assert ended is not None
    just_before = proof("", Level.STRUCTURE, ended - timedelta(minutes=1))
    send(database, place, [look(at(21, 5), point(20), proved=(just_before,))])
    assert proved(database, place) is None
    whole = proof("", Level.STRUCTURE, at(21, 4))
    send(database, place, [look(at(21, 6), point(20), proved=(whole,))], start=2)
    assert proved(database, place) is not None


@pytest.mark.parametrize(("hours", "counts"), [(23, True), (24, True), (24.001, False)])
def test_a_document_counts_for_24_hours(
    database: Database, place: Place, hours: float, counts: bool
) -> None:
    when = NOW - timedelta(hours=1)
    digest = documented(database, place, when)
    found = proved(database, place, when + timedelta(hours=hours))
    assert (found is not None) is counts
    if found is not None:
        assert (found.kind, found.proved_at, found.evidence) == ("uploaded", when, digest)
        assert "RMAN 恢复验证（恢复验证.pdf，王工）" in found.subject
    with database.reading() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "proof.added")).one()
    assert entry.after is not None
    assert entry.after["sha256"] == digest


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"when": NOW + timedelta(seconds=1)}, "future"),
        ({"when": NOW - timedelta(hours=25)}, "24 hours"),
        ({"when": NOW, "note": "  "}, "--note"),
        ({"when": NOW, "document": b""}, "0 bytes"),
        ({"when": NOW, "document": bytes(LARGEST_DOCUMENT_BYTES + 1)}, "20 MiB"),
    ],
)
def test_a_document_that_can_not_count_is_not_taken(
    database: Database, place: Place, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(Unusable, match=words):
        documented(database, place, **changes)
    assert proved(database, place) is None


def test_the_newest_of_both_kinds_is_given(database: Database, place: Place) -> None:
    send(database, place, [VERIFIED])
    documented(database, place, at(21, 3))
    newest = proved(database, place)
    assert newest is not None
    assert newest.kind == "observation"
    documented(database, place, at(21, 9))
    newest = proved(database, place)
    assert newest is not None
    assert newest.kind == "uploaded"


def test_no_document_outlives_a_failure_that_came_after_it(
    database: Database, place: Place
) -> None:
    documented(database, place, at(21, 3))
    bad = look(at(21, 5), point(20), proved=proofs(20, 28, result=Result.FAILED))
    send(database, place, [bad])
    assert proved(database, place) is None
    assert "nothing that was proved before it counts" in lacking(database, place)
    documented(database, place, at(21, 9))
    found = proved(database, place)
    assert found is not None
    assert found.proved_at == at(21, 9)


def test_what_is_not_approved_yet_proves_nothing(database: Database) -> None:
    waiting = enrolled(database, approved=False)
    send(database, waiting, [VERIFIED])
    assert proved(database, waiting) is None
