"""Offsite, verified, restored: only what was proven is ok."""

from datetime import date

import pytest

from checks.backup_sets import Copy, CopyState, Form, Level, Offsite, OffsiteBy, OffsiteLeg, Result
from collector.backups.calendar import calendar
from collector.backups.counterparts import counterpart
from collector.backups.days import Day
from collector.backups.evidence import Look, evidence_of
from tests.collector.backups.sample import (
    DAY,
    OFFSITE,
    ZONE,
    at,
    days,
    declaration,
    legs,
    look,
    offsite,
    point,
    proof,
    proofs,
)
from wire.messages import Failure, Reason

AGREED = declaration(offsite=OFFSITE)
SOON, OVER = at(21, 12), at(21, 22)
"""Within the twelve hours after the local deadline of 09:00, and after them."""
SAME = proof("erp-20.dump", Level.OFFSITE, at(21, 11))


def offsite_leg(*looks: Look, now: object = OVER) -> tuple[str, str]:
    (day,) = days(*looks, of=AGREED, now=now)  # type: ignore[arg-type] # a moment
    return day.offsite.state.value, day.offsite.why.zh


def seen(when: object, *, state: CopyState = CopyState.SAME_SIZE, proved: bool = False) -> Look:
    return look(
        when,  # type: ignore[arg-type] # a moment
        point(20),
        proved=(SAME,) if proved else (),
        of=AGREED,
        offsite=offsite(when, 20, state=state),  # type: ignore[arg-type] # a moment
    )


def test_a_copy_is_ok_only_when_its_bytes_were_compared() -> None:
    assert offsite_leg(seen(SOON), now=SOON)[0] == "pending"
    assert offsite_leg(seen(OVER))[0] == "unverified"
    assert offsite_leg(seen(OVER, proved=True))[0] == "ok"


@pytest.mark.parametrize(
    ("state", "over"),
    [
        (CopyState.MISSING, "missing"),
        (CopyState.PENDING, "missing"),
        (CopyState.SIZE_DIFFERS, "mismatch"),
        (CopyState.EMPTY, "mismatch"),
    ],
)
def test_a_copy_that_is_not_whole_has_until_its_hours_are_over(state: CopyState, over: str) -> None:
    assert offsite_leg(seen(SOON, state=state), now=SOON)[0] == "pending"
    assert offsite_leg(seen(OVER, state=state))[0] == over
    assert offsite_leg(seen(SOON, state=state))[0] == "unknown"
    # That it had been proven before it went away in its time does not help.
    assert offsite_leg(seen(SOON, proved=True), seen(OVER, state=state))[0] == over


def test_how_long_the_other_side_keeps_copies_is_another_matter() -> None:
    later = at(25, 9)
    assert offsite_leg(seen(OVER, proved=True), seen(later, state=CopyState.MISSING))[0] == "ok"
    assert offsite_leg(seen(OVER), seen(later, state=CopyState.MISSING))[0] != "ok"


def test_a_copy_of_other_bytes_is_a_mismatch() -> None:
    other = proof(
        "erp-20.dump", Level.OFFSITE, at(21, 11.5), Result.FAILED, detail="sha256 differs"
    )
    damaged = look(OVER, point(20), proved=(SAME, other), of=AGREED, offsite=offsite(OVER, 20))
    state, why = offsite_leg(damaged)
    assert (state, "sha256 differs" in why) == ("mismatch", True)


def test_a_sample_is_never_as_good_as_all() -> None:
    part = proof("erp-20.dump", Level.OFFSITE, at(21, 11), Result.SAMPLED, coverage=0.12)
    half = proof("erp-20.dump", Level.OFFSITE, at(21, 11), coverage=0.5)
    for one in (part, half):
        partly = look(OVER, point(20), proved=(one,), of=AGREED, offsite=offsite(OVER, 20))
        state, why = offsite_leg(partly)
        assert (state, "仅抽查" in why) == ("unverified", True)


def test_this_very_host_is_not_offsite() -> None:
    same = look(
        OVER, point(20), proved=(SAME,), of=AGREED, offsite=offsite(OVER, 20, same_host=True)
    )
    assert offsite_leg(same)[0] == "failed"


def test_what_cannot_be_reached_is_unknown() -> None:
    away = Offsite(
        by=OffsiteBy.SFTP,
        place="elsewhere",
        looked_at=OVER,
        failure=Failure(Reason.UNREACHABLE, "backup.example.com"),
    )
    state, why = offsite_leg(look(OVER, point(20), of=AGREED, offsite=away))
    assert (state, "无法连接" in why) == ("unknown", True)
    assert offsite_leg(look(OVER, point(20), of=AGREED))[0] == "unknown"


def test_a_copy_that_came_after_its_hours_is_late() -> None:
    late = seen(at(22, 8), proved=True)
    assert offsite_leg(seen(OVER, state=CopyState.MISSING), late, now=at(22, 9))[0] == "late"
    assert offsite_leg(seen(SOON, state=CopyState.MISSING), late, now=at(22, 9))[0] == "ok"


def test_a_day_without_a_backup_has_no_copy() -> None:
    (day,) = days(look(OVER, of=AGREED, offsite=offsite(OVER)), of=AGREED)
    assert legs(day)[:3] == ("missing", "missing", "missing")


def test_two_halves_make_no_good_day() -> None:
    """One is damaged and copied, the other is intact and not copied."""
    again = point(20, 27, id="again.dump")
    broken = proof("erp-20.dump", Level.STRUCTURE, at(21, 5), Result.FAILED)
    intact = proof("again.dump", Level.STRUCTURE, at(21, 5))
    copies = offsite(OVER, 20)
    missing = Copy(point="again.dump", state=CopyState.MISSING)
    copies = Offsite(
        by=copies.by,
        place=copies.place,
        looked_at=OVER,
        copies=(*copies.copies, missing),
    )
    both = look(OVER, again, point(20), proved=(SAME, broken, intact), of=AGREED, offsite=copies)
    (day,) = days(both, of=AGREED)
    assert day.worst.value in ("failed", "missing")


def verified(*made: object, now: object = OVER, of: object = None) -> str:
    (day,) = days(look(at(21, 9.5), point(20), proved=made), now=now)  # type: ignore[arg-type] # proofs
    return day.verified.state.value


def test_a_proof_that_failed_later_beats_one_that_passed() -> None:
    good, bad = (
        proofs(20, 28, Level.STRUCTURE),
        proofs(20, 29, Level.STRUCTURE, result=Result.FAILED),
    )
    assert verified(*good) == "ok"
    assert verified(*good, *bad) == "failed"
    again = proofs(20, 30, Level.STRUCTURE)
    assert verified(*good, *bad, *again) == "ok"
    # Of two at one moment it is the failed one that counts.
    assert verified(*proofs(20, 29, Level.STRUCTURE), *bad) == "failed"


def test_one_level_does_not_cover_up_another() -> None:
    bad = proofs(20, 28, Level.STRUCTURE, result=Result.FAILED)
    assert verified(*bad, *proofs(20, 29, Level.HASHED)) == "failed"
    unread = proofs(20, 28, Level.STRUCTURE, result=Result.UNPROVEN)
    assert verified(*unread, *proofs(20, 29, Level.HASHED)) == "pending"
    assert verified(*unread, *proofs(20, 29, Level.HASHED), now=at(23, 0)) == "unverified"
    assert verified(*unread, *proofs(20, 29, Level.RESTORED)) == "ok"
    assert verified(*proofs(20, 28), *proofs(20, 29, Level.RESTORED, result=Result.FAILED)) == (
        "failed"
    )


def test_a_proof_of_what_was_there_before_says_nothing() -> None:
    assert verified(*proofs(20, 20)) == "pending"


def test_the_whole_set_proves_what_had_ended() -> None:
    assert verified(proof("", Level.STRUCTURE, at(20, 28))) == "ok"
    assert verified(proof("", Level.STRUCTURE, at(20, 20))) == "pending"
    assert verified(proof("", Level.STRUCTURE, at(20, 28), coverage=0.1)) == "pending"
    # A damaged repository is damaged for what came after, too.
    broken = proof("", Level.HASHED, at(20, 20), Result.FAILED)
    assert verified(broken, *proofs(20)) == "failed"
    assert verified(broken, proof("", Level.HASHED, at(20, 28)), *proofs(20)) == "ok"


def test_what_it_needs_must_be_intact_too() -> None:
    full, part = point(14), point(20, form=Form.INCREMENTAL, base="erp-14.dump")

    def state(*made: object) -> str:
        (day,) = days(look(at(21, 9.5), part, full, proved=made))  # type: ignore[arg-type] # proofs
        return day.verified.state.value

    assert state(*proofs(20)) == "pending"
    assert state(*proofs(20), *proofs(14)) == "ok"
    assert state(*proofs(20), *proofs(14, result=Result.FAILED)) == "failed"


def test_a_test_restore_counts_for_as_long_as_agreed() -> None:
    agreed = declaration(restore_every_days=10)

    def states(*made: object) -> list[str]:
        known = look(at(21, 9.5), point(20), proved=made, of=agreed)  # type: ignore[arg-type] # proofs
        found = days(known, of=agreed, first=date(2026, 11, 8), last=DAY, now=at(22, 0))
        return [day.restored.state.value for day in found]

    assert set(states()) == {"unverified"}
    drill = proof("erp-9.dump", Level.RESTORED, at(9, 12))
    assert states(drill) == ["ok"] * 10 + ["unverified"] * 3
    failed = proof("erp-9.dump", Level.RESTORED, at(12, 12), Result.FAILED)
    assert states(drill, failed) == ["ok"] * 3 + ["failed"] * 10


def joined(*there: Look, content: str = "sha256:20", now: object = OVER) -> Day:
    agreed = declaration(offsite=OffsiteLeg(by=OffsiteBy.AGENT, hours=12, place="mirror"))
    here = look(at(21, 9.5), point(20, content=content), of=agreed)
    (day,) = calendar(
        agreed,
        evidence_of([here]),
        first=DAY,
        last=DAY,
        now=now,  # type: ignore[arg-type] # a moment
        zone=ZONE,
        counterparts=[counterpart("mirror", evidence_of(there))] if there else [],
    )
    return day


def test_an_offsite_agent_proves_the_same_bytes() -> None:
    copied = point(20, id="from-erp/erp-20.dump")
    read = proof("from-erp/erp-20.dump", Level.HASHED, at(21, 15))
    damaged = proof("from-erp/erp-20.dump", Level.HASHED, at(21, 16), Result.FAILED)
    assert joined(look(OVER, copied, proved=(read,))).offsite.state.value == "ok"
    assert joined(look(OVER, copied)).offsite.state.value == "unverified"
    assert joined(look(OVER, copied, proved=(read, damaged))).offsite.state.value == "mismatch"
    assert joined(look(OVER)).offsite.state.value == "missing"
    assert joined(look(SOON)).offsite.state.value == "unknown"
    assert joined().offsite.state.value == "unknown"
    assert joined(now=SOON).offsite.state.value == "pending"
    other = point(20, id="from-erp/erp-20.dump", content="sha256:other")
    assert joined(look(OVER, other)).offsite.state.value == "mismatch"
    assert joined(look(OVER, copied, proved=(read,)), content="").offsite.state.value == (
        "unverified"
    )
    late = joined(look(OVER), look(at(22, 9), copied, proved=(read,)), now=at(22, 10))
    assert late.offsite.state.value == "late"
