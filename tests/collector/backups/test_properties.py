"""What holds of every calendar, whatever the evidence."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from checks.backup_sets import (
    BackupFacts,
    Copy,
    CopyState,
    DatedBy,
    Declaration,
    Form,
    Level,
    Offsite,
    OffsiteBy,
    PointState,
    Proof,
    RestorePoint,
    Result,
    Schedule,
)
from collector.backups.calendar import calendar
from collector.backups.days import LegState
from collector.backups.evidence import Evidence, Look, evidence_of
from collector.backups.windows import windows
from tests.collector.backups.sample import OFFSITE, declaration
from wire.messages import Failure, Reason

ZONES = (
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/St_Johns",
    "Africa/Casablanca",
    "UTC",
)
BASE = datetime(2026, 10, 20, tzinfo=UTC)
FIRST, LAST = date(2026, 10, 18), date(2026, 10, 30)
EARLY = datetime(2005, 1, 1, tzinfo=UTC)
NOW = BASE + timedelta(days=20)

clock_times = st.builds(
    lambda hour, minute: f"{hour:02d}:{minute:02d}", st.integers(0, 23), st.integers(0, 59)
)
schedules = st.builds(
    Schedule, window_start=clock_times, deadline=clock_times, grace_minutes=st.integers(0, 300)
)
hours = st.integers(0, 9 * 24).map(lambda hour: BASE + timedelta(hours=hour))
names = st.sampled_from(["a", "b", "c", "d"])
points = st.builds(
    RestorePoint,
    id=names,
    started_at=hours,
    ended_at=st.none() | hours,
    dated_by=st.sampled_from(DatedBy),
    form=st.sampled_from([Form.FULL, Form.FULL, Form.LOG]),
    state=st.sampled_from(PointState),
    bytes=st.sampled_from([None, 0, 1, 2**30]),
    content=st.sampled_from(["", "sha256:1", "sha256:2"]),
    base=st.sampled_from(["", "", "", "a"]),
)
made = st.builds(
    Proof,
    point=names | st.just(""),
    level=st.sampled_from(Level),
    result=st.sampled_from(Result),
    at=hours,
    method=st.just("m"),
    coverage=st.sampled_from([1.0, 1.0, 0.5]),
)
copies = st.builds(Copy, point=names, state=st.sampled_from(CopyState))
elsewhere = st.none() | st.builds(
    Offsite,
    by=st.just(OffsiteBy.SFTP),
    place=st.just("x"),
    looked_at=st.just(NOW),
    copies=st.lists(copies, max_size=3, unique_by=lambda copy: copy.point).map(tuple),
    same_host=st.sampled_from([None, False, False, True]),
    failure=st.sampled_from([None, None, Failure(Reason.UNREACHABLE, "x")]),
)
declarations = st.builds(
    declaration,
    offsite=st.sampled_from([None, OFFSITE]),
    retention_days=st.sampled_from([0, 3, 30]),
    restore_every_days=st.sampled_from([0, 10]),
    minimum_bytes=st.sampled_from([0, 2]),
    schedule=schedules,
)


@st.composite
def looks_of_a_set(draw: st.DrawFn) -> tuple[Declaration, list[Look]]:
    expected = draw(declarations)
    found = []
    times = draw(st.lists(hours, min_size=1, max_size=6, unique=True))
    for at in times:
        if draw(st.integers(0, 5)) == 0:
            found.append(Look(at, Failure(Reason.TIMEOUT, "x")))
            continue
        facts = BackupFacts(
            declaration=expected,
            points=tuple(draw(st.lists(points, max_size=4))),
            proofs=tuple(draw(st.lists(made, max_size=4))),
            offsite=draw(elsewhere),
            points_left_out=draw(st.sampled_from([0, 0, 3])),
        )
        found.append(Look(at, facts, draw(st.sampled_from([None, 0.0, 5.0, 3600.0, -86400.0]))))
    return expected, found


def judged(expected: Declaration, evidence: Evidence, zone: str = "Europe/Berlin") -> object:
    return calendar(expected, evidence, first=FIRST, last=LAST, now=NOW, zone=zone)


@given(
    schedules,
    st.sampled_from(ZONES),
    st.integers(0, 35 * 366 * 1440).map(lambda minute: EARLY + timedelta(minutes=minute)),
)
def test_every_instant_belongs_to_exactly_one_backup_day(
    schedule: Schedule, zone: str, moment: datetime
) -> None:
    near = moment.date()
    place = windows(schedule, zone, near - timedelta(days=5), near + timedelta(days=5))
    inside = [
        number
        for number, (opens, closes) in enumerate(pairwise(place.starts))
        if opens <= moment < closes
    ]
    assert inside == [place.place(moment)]
    assert all(one <= other for one, other in pairwise(place.starts))
    lengths = {(one - other).total_seconds() / 3600 for other, one in pairwise(place.starts)}
    assert all(length == 0 or 22 <= length <= 26 or zone == "Pacific/Apia" for length in lengths)


@settings(max_examples=300, deadline=None)
@given(looks_of_a_set(), st.randoms())
def test_the_order_of_looks_does_not_matter(
    known: tuple[Declaration, list[Look]], random: object
) -> None:
    expected, looks = known
    at_once = evidence_of(looks)
    shuffled = list(looks)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a Random
    one_by_one = Evidence()
    for look in shuffled:
        one_by_one = evidence_of([look], one_by_one)
    assert judged(expected, one_by_one) == judged(expected, at_once)


@settings(max_examples=100, deadline=None)
@given(looks_of_a_set())
def test_the_same_looks_again_change_nothing(known: tuple[Declaration, list[Look]]) -> None:
    expected, looks = known
    once = evidence_of(looks)
    again = evidence_of(looks, once)
    assert again == once
    assert judged(expected, again) == judged(expected, once)


@settings(max_examples=300, deadline=None)
@given(looks_of_a_set())
def test_a_look_that_shows_no_point_anew_makes_no_good_day_missing(
    known: tuple[Declaration, list[Look]],
) -> None:
    """What is gone was there; only the newer words of a look about a point take anything back."""
    expected, looks = known
    empty = BackupFacts(declaration=expected, points=())
    before = _days(expected, looks)
    for more in (Look(NOW, empty), Look(NOW, Failure(Reason.TIMEOUT, "x"))):
        for one, other in zip(before, _days(expected, [*looks, more]), strict=True):
            if one.local.state in (LegState.OK, LegState.LATE):
                assert other.local.state is not LegState.MISSING


@settings(max_examples=500, deadline=None)
@given(looks_of_a_set())
def test_no_day_is_ok_without_a_whole_backup_that_was_read(
    known: tuple[Declaration, list[Look]],
) -> None:
    expected, looks = known
    seen = [look.found for look in looks if not isinstance(look.found, Failure)]
    passed = {
        (proof.point, proof.level)
        for facts in seen
        for proof in facts.proofs
        if proof.result is Result.PASSED and proof.coverage == 1
    }
    whole = {
        point.id
        for facts in seen
        for point in facts.points
        if point.state is PointState.COMPLETE and point.form is not Form.LOG
    }
    read = (Level.STRUCTURE, Level.HASHED, Level.RESTORED)
    for day in _days(expected, looks):
        if day.due_at is None:
            continue
        if day.local.state in (LegState.OK, LegState.LATE):
            assert whole & set(day.points)
        if day.verified.state is LegState.OK:
            assert any((point, level) in passed for point in (*day.points, "") for level in read)
        if day.offsite.state in (LegState.OK, LegState.LATE):
            assert any((point, Level.OFFSITE) in passed for point in (*day.points, ""))


def _days(expected: Declaration, looks: Sequence[Look]):  # type: ignore[no-untyped-def]
    return calendar(
        expected, evidence_of(looks), first=FIRST, last=LAST, now=NOW, zone="Europe/Berlin"
    )
