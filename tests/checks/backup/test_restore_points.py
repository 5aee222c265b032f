"""What the situations can't show: the curves, and the port that the probe asks."""

from datetime import UTC, datetime, timedelta

import pytest

from checks.api import Past
from checks.backup import restore_points
from checks.backup_sets import (
    BackupFacts,
    Declaration,
    Destination,
    Form,
    Kind,
    Level,
    Offsite,
    OffsiteBy,
    Proof,
    RestorePoint,
    Result,
    Schedule,
)
from checks.errors import Unreachable

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def facts(**more: object) -> BackupFacts:
    point = RestorePoint(id="a", started_at=NOW - timedelta(hours=6), bytes=1000)
    known: dict[str, object] = {
        "declaration": Declaration(name="erp", kind=Kind.FILES, place="/b"),
        "points": (point,),
        "looked_at": NOW,
        **more,
    }
    return BackupFacts(**known)  # type: ignore[arg-type] # the tests' own shorthand


class Set:
    def __init__(self, answer: BackupFacts | None) -> None:
        self.answer = answer

    @property
    def declaration(self) -> Declaration:
        return facts().declaration

    def look(self) -> BackupFacts:
        if self.answer is None:
            raise Unreachable("db1")
        return self.answer

    def rows(self, query: str) -> tuple[dict[str, object], ...]:
        raise AssertionError(query)


def test_the_probe_hands_on_what_the_set_sees() -> None:
    assert restore_points.probe(Set(facts())) == facts()
    with pytest.raises(Unreachable):
        restore_points.probe(Set(None))


def test_the_curves_are_size_age_and_room_on_both_sides() -> None:
    offsite = Offsite(by=OffsiteBy.SFTP, place="nas", looked_at=NOW, free_bytes=7)
    known = facts(destination=Destination(free_bytes=9), offsite=offsite)
    values = {(one.name, one.object): one.value for one in restore_points.measures(known)}
    assert values == {
        ("newest_bytes", ""): 1000,
        ("age_hours", ""): 6,
        ("free_bytes", ""): 9,
        ("free_bytes", "offsite"): 7,
    }


def test_a_size_that_is_not_known_is_no_curve_at_nought() -> None:
    point = RestorePoint(id="a", started_at=NOW)
    assert [one.name for one in restore_points.measures(facts(points=(point,)))] == ["age_hours"]
    assert list(restore_points.measures(facts(points=()))) == []


def state(known: BackupFacts, code: str) -> str:
    rule = next(rule for rule in restore_points.CHECK.rules if rule.code == code)
    return next(rule.evaluate(known, rule.thresholds(), Past(observed_at=NOW))).state.value


def test_a_chain_that_bites_its_tail_is_no_backup() -> None:
    started = NOW - timedelta(hours=6)
    loop = tuple(
        RestorePoint(id=name, base=base, started_at=started, form=Form.INCREMENTAL)
        for name, base in (("a", "b"), ("b", "a"))
    )
    proofs = tuple(
        Proof(point=name, level=Level.HASHED, result=Result.PASSED, at=NOW, method="sha256")
        for name in "ab"
    )
    assert state(facts(points=loop, proofs=proofs), "BAK-001") == "critical"


def test_the_digest_that_is_still_the_same_does_not_outweigh_a_broken_structure() -> None:
    proofs = tuple(
        Proof(point="a", level=level, result=result, at=at, method="one pass")
        for level, result, at in (
            (Level.STRUCTURE, Result.FAILED, NOW - timedelta(hours=5)),
            (Level.HASHED, Result.PASSED, NOW),
        )
    )
    assert state(facts(proofs=proofs), "BAK-001") == "critical"
    assert state(facts(proofs=proofs), "BAK-009") == "critical"


def test_a_time_zone_that_nobody_knows_is_told_in_utc() -> None:
    declaration = Declaration(
        name="erp", kind=Kind.FILES, place="/b", schedule=Schedule(time_zone="Mars/Olympus")
    )
    rule = restore_points.CHECK.rules[0]
    [verdict] = rule.evaluate(
        facts(declaration=declaration), rule.thresholds(), Past(observed_at=NOW)
    )
    assert verdict.message is not None
    assert "2026-11-21 02:00 UTC" in verdict.message.zh
