"""What is proven next: the new first, then what failed, then the stock, the oldest proof first."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.backups import due
from checks.backup_sets import (
    Copy,
    CopyState,
    Level,
    PointState,
    Proof,
    RestorePoint,
    Result,
)

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)


def point(name: str, days: float, **more: object) -> RestorePoint:
    """Return a restore point of some days ago."""
    at = NOW - timedelta(days=days)
    return RestorePoint(id=name, started_at=at, content=f"sha256:{name}", **more)  # type: ignore[arg-type]


def proof(
    name: str, days: float, result: Result = Result.PASSED, level: Level = Level.HASHED
) -> Proof:
    at = NOW - timedelta(days=days)
    return Proof(point=name, level=level, result=result, at=at, method="", digest=name)


def names(points: tuple[RestorePoint, ...]) -> list[str]:
    return [each.id for each in points]


def test_the_newest_new_one_comes_first_and_the_longest_proven_last() -> None:
    points = [point("old", 50), point("older", 60), point("new", 1), point("newest", 0.1)]
    known = due.newest_of([proof("old", 40), proof("older", 45)], points)
    assert names(due.verifications(points, known, NOW, 30, full=False)) == [
        "newest",
        "new",
        "older",
        "old",
    ]


def test_what_was_proven_lately_waits_but_not_when_all_is_asked_for() -> None:
    points = [point("a", 2)]
    known = due.newest_of([proof("a", 1)], points)
    assert names(due.verifications(points, known, NOW, 30, full=False)) == []
    assert names(due.verifications(points, known, NOW, 30, full=True)) == ["a"]


def test_what_failed_is_proven_again_before_the_stock() -> None:
    points = [point("stock", 50), point("failed", 50)]
    known = due.newest_of([proof("stock", 45), proof("failed", 1, Result.FAILED)], points)
    assert names(due.verifications(points, known, NOW, 30, full=False)) == ["failed", "stock"]


def test_a_proof_of_other_bytes_holds_no_more() -> None:
    replaced = RestorePoint(id="a", started_at=NOW, content="sha256:other")
    unread = RestorePoint(id="a", started_at=NOW)
    for present in (replaced, unread):
        assert due.newest_of([proof("a", 1)], [present]) == {}
    assert due.newest_of([proof("a", 1)], []) == {}


def test_a_test_restore_stays_known_when_its_backup_is_gone() -> None:
    drill = proof("gone", 100, level=Level.RESTORED)
    assert due.newest_of([drill], []) == {("gone", Level.RESTORED): drill}


def test_only_whole_restore_points_are_read() -> None:
    states = (PointState.GROWING, PointState.EMPTY, PointState.FAILED, PointState.GONE)
    points = [point(state.value, 1, state=state) for state in states]
    assert due.verifications(points, {}, NOW, 30, full=True) == ()
    assert due.restore(points, {}, NOW, 30, full=True) is None


def test_copies_are_compared_where_they_are_listed_with_the_same_size() -> None:
    points = [point("there", 1), point("missing", 1), point("other-size", 1)]
    copies = [
        Copy(point="there", state=CopyState.SAME_SIZE),
        Copy(point="missing", state=CopyState.MISSING),
        Copy(point="other-size", state=CopyState.SIZE_DIFFERS),
    ]
    assert names(due.comparisons(points, copies, {}, NOW, 30, full=False)) == ["there"]
    assert len(due.comparisons(points, None, {}, NOW, 30, full=False)) == 3


def test_a_sampled_copy_is_due_again() -> None:
    points = [point("a", 1)]
    known = due.newest_of([proof("a", 0.5, Result.SAMPLED, Level.OFFSITE)], points)
    assert names(due.comparisons(points, None, known, NOW, 30, full=False)) == ["a"]


def test_the_newest_proven_backup_is_restored_when_it_is_time() -> None:
    points = [point("unproven", 0.1), point("proven", 1), point("older", 2)]
    known = due.newest_of([proof("proven", 0.5), proof("older", 1)], points)
    chosen = due.restore(points, known, NOW, 180, full=False)
    assert chosen is not None
    assert chosen.id == "proven"
    assert due.restore(points, known, NOW, 0, full=True) is None, "none is agreed"
    drilled = due.newest_of([*known.values(), proof("x", 100, level=Level.RESTORED)], points)
    assert due.restore(points, drilled, NOW, 180, full=False) is None
    long_ago = due.newest_of([*known.values(), proof("x", 170, level=Level.RESTORED)], points)
    assert due.restore(points, long_ago, NOW, 180, full=False) is not None
    failed = proof("x", 1, Result.FAILED, Level.RESTORED)
    again = due.newest_of([*known.values(), failed], points)
    assert due.restore(points, again, NOW, 180, full=False) is not None


def test_a_set_is_proven_as_a_whole_after_each_new_backup() -> None:
    points = [point("a", 1)]
    whole = Proof(point="", level=Level.HASHED, result=Result.PASSED, at=NOW, method="")
    before = Proof(
        point="",
        level=Level.HASHED,
        result=Result.PASSED,
        at=NOW - timedelta(days=2),
        method="",
    )
    assert not due.is_due_as_a_whole(points, due.newest_of([whole], points), NOW, 30, full=False)
    assert due.is_due_as_a_whole(points, due.newest_of([before], points), NOW, 30, full=False)
    assert due.is_due_as_a_whole(points, {}, NOW, 30, full=False)


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), max_size=20),
    st.integers(1, 366),
)
def test_nothing_is_forgotten_in_the_rotation(ages: list[tuple[int, int]], every: int) -> None:
    points = [point(f"p{index}", age) for index, (age, _) in enumerate(ages)]
    proofs = [proof(f"p{index}", at) for index, (_, at) in enumerate(ages)]
    known = due.newest_of(proofs, points)
    chosen = names(due.verifications(points, known, NOW, every, full=False))
    overdue = {f"p{index}" for index, (_, at) in enumerate(ages) if at > every}
    assert overdue <= set(chosen)
