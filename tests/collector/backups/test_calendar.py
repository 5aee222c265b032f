"""The calendar says what a person would say who knew all that the agent saw."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from checks.backup_sets import DatedBy, Form, PointState, RestorePoint, Role, Schedule
from collector.backups.evidence import Look
from tests.collector.backups.sample import (
    DAY,
    ZONE,
    at,
    days,
    declaration,
    legs,
    local_state,
    look,
    point,
    proofs,
)
from wire.messages import Failure, Reason

MORNING = at(21, 9.5)
REFUSED = Failure(Reason.PERMISSION, "/backup/erp")


def test_a_backup_of_the_night_is_there_in_time() -> None:
    (day,) = days(look(MORNING, point(20)))
    assert legs(day) == ("ok", "not_due", "pending", "not_due")
    assert (day.points, day.due_at, day.frozen) == (("erp-20.dump",), at(21, 9), False)


def test_it_is_intact_only_once_it_was_read() -> None:
    (day,) = days(look(MORNING, point(20), proved=proofs(20)))
    assert legs(day) == ("ok", "not_due", "ok", "not_due")
    (later,) = days(look(MORNING, point(20)), now=at(23, 0))
    assert (legs(later)[2], later.frozen) == ("unverified", True)


def test_none_is_pending_then_missing_once_somebody_looked_after_the_deadline() -> None:
    assert local_state(look(at(21, 7))) == "pending"
    assert local_state(look(at(21, 7)), now=MORNING) == "unknown"
    assert local_state(look(at(21, 7)), look(MORNING)) == "missing"


def test_what_could_not_be_looked_at_is_not_missing() -> None:
    (day,) = days(look(at(20, 9)), Look(MORNING, REFUSED))
    assert day.local.state.value == "unknown"
    assert "权限不足" in day.local.why.zh


@pytest.mark.parametrize(
    ("state", "before", "after"),
    [
        (PointState.GROWING, "pending", "missing"),
        (PointState.EMPTY, "pending", "failed"),
        (PointState.FAILED, "failed", "failed"),
        (PointState.GONE, "failed", "failed"),
    ],
)
def test_what_is_no_whole_backup_never_counts(state: PointState, before: str, after: str) -> None:
    bad = point(20, state=state)
    assert local_state(look(at(21, 7), bad)) == before
    assert local_state(look(at(21, 7), bad), look(MORNING, bad)) == after


def test_a_second_run_makes_a_failed_night_good() -> None:
    bad, good = point(20, state=PointState.FAILED), point(20, 29, id="again.dump")
    assert local_state(look(MORNING, good, bad)) == "ok"


def test_one_that_was_finished_after_the_deadline_is_late() -> None:
    slow = point(20, ended_at=at(21, 9.2))
    assert local_state(look(MORNING, slow)) == "late"


def test_one_that_still_grew_after_the_deadline_is_late() -> None:
    whole = point(20, ended_at=None)
    growing = point(20, ended_at=None, state=PointState.GROWING)
    assert local_state(look(MORNING, growing), look(at(21, 12), whole)) == "late"


def test_one_that_was_not_there_at_a_look_after_the_deadline_is_late() -> None:
    assert local_state(look(MORNING), look(at(21, 15), point(20))) == "late"
    assert local_state(look(at(21, 8)), look(at(21, 15), point(20))) == "ok"


def test_yesterdays_backup_is_not_todays() -> None:
    assert local_state(look(MORNING, point(19), proved=proofs(19, 50))) == "missing"


def test_one_that_starts_before_the_window_is_the_day_befores() -> None:
    early = point(20, 17.9)
    assert [
        day.points for day in days(look(MORNING, early), first=date(2026, 11, 19), last=DAY)
    ] == [
        ("erp-20.dump",),
        (),
    ]


def test_a_job_across_midnight_belongs_to_the_day_that_it_starts_on() -> None:
    over = point(20, 23.5, ended_at=at(21, 3))
    assert local_state(look(MORNING, over)) == "ok"


def test_an_agent_that_was_silent_fills_in_afterwards() -> None:
    silent = days(look(at(18, 9.5), point(17)), now=at(21, 10), first=date(2026, 11, 17), last=DAY)
    assert [day.local.state.value for day in silent] == ["ok", "unknown", "unknown", "unknown"]
    filled = days(
        look(at(18, 9.5), point(17)),
        look(at(21, 10), *[point(day) for day in (20, 19, 18, 17)]),
        first=date(2026, 11, 17),
        last=DAY,
    )
    assert [day.local.state.value for day in filled] == ["ok"] * 4


def test_what_retention_may_have_taken_is_not_called_missing() -> None:
    kept = declaration(retention_days=3)
    after = look(at(21, 10), point(20), point(19), of=kept)
    week = days(after, of=kept, first=date(2026, 11, 14), last=DAY)
    assert [day.local.state.value for day in week] == ["unknown"] * 4 + ["missing", "ok", "ok"]


def test_a_rotation_that_nobody_agreed_on_makes_nothing_missing() -> None:
    week = days(look(at(21, 10), point(20), point(18)), first=date(2026, 11, 16), last=DAY)
    states = [day.local.state.value for day in week]
    assert states == ["unknown", "unknown", "ok", "missing", "ok"]


def test_what_a_listing_leaves_out_is_not_called_missing() -> None:
    short = look(at(21, 10), point(20), points_left_out=30)
    week = days(short, first=date(2026, 11, 18), last=DAY)
    assert [day.local.state.value for day in week] == ["unknown", "unknown", "ok"]
    since = look(at(21, 10), point(20), listed_since=at(20, 0))
    assert local_state(since, first=date(2026, 11, 19)) == "unknown"


def test_a_backup_that_vanished_with_none_newer_is_no_backup() -> None:
    (day,) = days(look(at(21, 7), point(20), proved=proofs(20)), look(MORNING))
    assert (day.local.state.value, day.verified.state.value) == ("failed", "missing")
    assert "erp-20.dump" in day.local.why.zh


def test_a_rotation_takes_nothing_away_from_the_days_it_had() -> None:
    one = look(at(21, 7), point(20), proved=proofs(20))
    assert local_state(one, look(at(22, 7), point(21))) == "ok"


def test_a_file_that_is_written_anew_each_night_is_another_one_each_night() -> None:
    first = point(20, id="erp.dump")
    second = point(21, id="erp.dump")
    proved = (structs.replace(proofs(20)[0], point="erp.dump"),)
    nights = days(
        look(MORNING, first, proved=proved),
        look(at(22, 9.5), second, proved=proved),
        last=date(2026, 11, 21),
    )
    assert [legs(day)[:3] for day in nights] == [
        ("ok", "not_due", "ok"),
        ("ok", "not_due", "pending"),
    ]


def test_a_better_date_of_the_same_file_takes_the_place_of_the_worse_one() -> None:
    by_name = point(20, id="erp.dump", dated_by=DatedBy.NAME, content="")
    in_truth = point(18, id="erp.dump", dated_by=DatedBy.CONTENT, ended_at=by_name.ended_at)
    assert local_state(look(at(21, 7), by_name)) == "ok"
    assert local_state(look(at(21, 7), by_name), look(MORNING, in_truth)) == "missing"


def test_a_date_in_the_future_satisfies_no_day() -> None:
    odd = point(21)
    (day,) = days(look(MORNING, odd))
    assert day.local.state.value == "failed"
    assert "日期不可信" in day.local.why.zh
    tomorrow = days(look(MORNING, odd), look(at(22, 9.5), odd), first=date(2026, 11, 21))
    assert tomorrow[0].local.state.value == "missing"


@pytest.mark.parametrize("skew", [-86_400.0, 86_400.0, 3 * 86_400.0])
def test_a_clock_that_is_known_to_be_off_is_corrected(skew: float) -> None:
    moved = timedelta(seconds=skew)
    made = point(20, started_at=at(20, 26) + moved, ended_at=at(20, 26.5) + moved)
    assert local_state(look(MORNING, made, off=skew)) == "ok"
    assert local_state(look(MORNING, made)) != "ok"


def test_a_backup_below_the_agreed_size_is_none() -> None:
    agreed = declaration(minimum_bytes=2**20)
    small = point(20, bytes=2**10)
    assert local_state(look(MORNING, small, of=agreed), of=agreed) == "failed"
    unsized = point(20, bytes=None)
    assert local_state(look(MORNING, unsized, of=agreed), of=agreed) == "unverified"
    log = point(20, bytes=2**10, form=Form.DIFFERENTIAL)
    assert local_state(look(MORNING, log, of=agreed), of=agreed) == "ok"


def test_logs_alone_are_no_backup_of_the_day() -> None:
    assert local_state(look(MORNING, point(20, form=Form.LOG))) == "missing"


def test_one_that_needs_another_is_none_without_it() -> None:
    full = point(14, form=Form.FULL)
    part = point(20, form=Form.INCREMENTAL, base=full.id)
    assert local_state(look(MORNING, part, full)) == "ok"
    assert local_state(look(MORNING, part)) == "failed"
    assert local_state(look(MORNING, part, point(14, state=PointState.GONE))) == "failed"
    assert local_state(look(MORNING, part, listed_since=at(15, 0))) == "ok"
    loop = point(20, form=Form.INCREMENTAL, base="erp-20.dump")
    assert local_state(look(MORNING, loop)) == "failed"


def test_each_declared_object_needs_a_backup() -> None:
    both = declaration(objects=("erp", "crm"))
    erp, crm = point(20, object="erp"), point(20, 27, id="crm.dump", object="crm")
    assert local_state(look(MORNING, erp, crm, of=both), of=both) == "ok"
    (day,) = days(look(MORNING, erp, of=both), of=both)
    assert (day.local.state.value, day.local.why.zh[:4]) == ("missing", "crm：")


def test_only_the_days_agreed_are_due() -> None:
    workdays = declaration(schedule=Schedule(weekdays=(0, 1, 2, 3, 4)))
    week = days(look(at(30, 0)), of=workdays, first=DAY, last=date(2026, 11, 23))
    assert [day.local.state.value for day in week][1:3] == ["not_due", "not_due"]
    assert week[1].due_at is None
    limited = declaration(valid_from=date(2026, 11, 21), valid_to=date(2026, 11, 22))
    week = days(look(at(30, 0)), of=limited, last=date(2026, 11, 23))
    assert [day.due_at is None for day in week] == [True, False, False, True]
    week = days(
        look(at(30, 0)), last=date(2026, 11, 23), contract=(date(2026, 11, 22), date(2026, 11, 22))
    )
    assert [day.due_at is None for day in week] == [True, True, False, True]


def test_a_contract_that_begins_in_mid_year_is_due_from_its_first_day_on() -> None:
    begins = date(2026, 7, 1)
    year = days(look(at(21, 10)), first=date(2026, 1, 1), last=DAY, contract=(begins, None))
    due = [day.day for day in year if day.due_at]
    assert (due[0], len(due)) == (begins, (DAY - begins).days + 1)
    # Nobody looked at most of them: that is no failure of the customer's.
    assert [day.local.state.value for day in year if day.due_at][-3:] == [
        "unknown",
        "unknown",
        "missing",
    ]


def test_an_excused_day_says_why_and_keeps_what_was_well() -> None:
    note = {DAY: "机房停电，客户批准（张三）"}
    (day,) = days(look(MORNING), excused=note)
    assert legs(day) == ("excused", "not_due", "excused", "not_due")
    assert (day.local.why.zh, day.note) == (note[DAY], note[DAY])
    (well,) = days(look(MORNING, point(20), proved=proofs(20)), excused=note)
    assert legs(well) == ("ok", "not_due", "ok", "not_due")


def test_what_lies_on_the_offsite_server_is_due_with_the_set_it_is_a_copy_of() -> None:
    there = declaration(role=Role.OFFSITE)
    assert local_state(look(MORNING, of=there), of=there) == "not_due"
    assert local_state(look(MORNING, point(20), of=there), of=there) == "ok"
    assert local_state(look(at(20, 9), of=there), of=there, now=MORNING) == "unknown"


def test_the_twenty_ninth_of_february_is_a_day() -> None:
    leap = date(2028, 2, 29)
    made = datetime(2028, 2, 29, 18, 30, tzinfo=ZoneInfo(ZONE))
    night = point(20, started_at=made, ended_at=made)
    (day,) = days(look(made + timedelta(hours=15), night), first=leap)
    assert (day.day, day.local.state.value) == (leap, "ok")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("month", [3, 4, 10, 11])
def test_days_of_23_and_25_hours_have_one_window(zone: str, month: int) -> None:
    """One backup each night at 02:30, which is not there or there twice when clocks change."""
    first, last = date(2026, month, 1), date(2026, month, 28)
    local = [
        datetime(2026, month, 1, 2, 30, tzinfo=ZoneInfo(zone)) + timedelta(days=number)
        for number in range(1, 29)
    ]
    points = [
        RestorePoint(id=f"{number}", started_at=moment, bytes=1)
        for number, moment in enumerate(local)
    ]
    end = datetime(2026, month, 29, 12, tzinfo=ZoneInfo(zone))
    found = days(look(end, *points), first=first, last=last, zone=zone)
    assert [(day.local.state.value, len(day.points)) for day in found] == [("ok", 1)] * 28


def test_a_day_that_a_zone_skipped_is_not_due() -> None:
    skipped = date(2011, 12, 30)
    end = datetime(2012, 1, 5, tzinfo=ZoneInfo("Pacific/Apia"))
    (day,) = days(look(end), first=skipped, zone="Pacific/Apia")
    assert day.due_at is None


def test_an_unknown_time_zone_falls_back_to_the_sites() -> None:
    for name in ("Nowhere/None", "../../etc/passwd", "Asia", "\0"):
        odd = declaration(schedule=Schedule(time_zone=name))
        assert local_state(look(MORNING, point(20), of=odd), of=odd) == "ok"
