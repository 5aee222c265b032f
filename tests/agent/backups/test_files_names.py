"""Names of backups: dates and patterns, for any text."""

import os
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from agent.backups.dates import name_date
from agent.backups.naming import candidates, escaped, shown
from agent.backups.patterns import compiled, final_name

_ZONES = some.sampled_from(["Asia/Shanghai", "UTC", "America/New_York"])
_MOMENTS = some.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001 - a name has no zone
    datetime(2099, 12, 31),  # noqa: DTZ001 - as above
).map(lambda at: at.replace(microsecond=0, fold=0))
_AROUND = some.text(some.characters(categories=["L"]), max_size=8)
_FORMS = some.sampled_from(
    ["%Y%m%d_%H%M%S", "%Y-%m-%d_%H-%M-%S", "%Y-%m-%dT%H:%M:%S", "%Y%m%d%H%M%S", "%Y_%m_%d_%H%M%S"]
)


@given(_MOMENTS, _FORMS, _AROUND, _AROUND, _ZONES)
def test_every_moment_in_a_name_is_read_back(
    at: datetime, form: str, before: str, behind: str, zone: str
) -> None:
    found = name_date(f"{before}_{at:{form}}_{behind}.dump", ZoneInfo(zone))
    assert found is not None
    assert found.has_time
    assert found.at == at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@given(_MOMENTS, some.sampled_from(["%Y%m%d", "%Y-%m-%d", "%Y.%m.%d", "%Y_%m_%d"]), _AROUND)
def test_every_day_in_a_name_is_read_back(at: datetime, form: str, around: str) -> None:
    found = name_date(f"{around}_{at:{form}}.sql.gz", UTC)
    assert found is not None
    assert not found.has_time
    assert found.at.date() == at.date()


@given(some.text(max_size=60))
def test_no_name_at_all_raises(name: str) -> None:
    name_date(name, UTC)
    final_name(name)


@pytest.mark.parametrize(
    "name", ["erp.dump", "order_123456789.dump", "v20261399.sql", "99999999.sql", "202611.sql"]
)
def test_numbers_that_are_no_dates_are_none(name: str) -> None:
    assert name_date(name, UTC) is None


_WORDS = some.text(some.characters(exclude_characters="/*?{}\0"), min_size=1, max_size=12)


@given(_WORDS)
def test_a_pattern_without_wildcards_fits_its_own_name_only(name: str) -> None:
    pattern = compiled(name, ())
    assert pattern.object_of(name) == ""
    assert pattern.object_of(name + "x") is None
    assert pattern.object_of("x" + name) is None


@given(some.lists(_WORDS.filter(lambda word: not word.startswith(".")), min_size=1, max_size=4))
def test_two_stars_stand_for_any_folders(parts: list[str]) -> None:
    path = "/".join(parts)
    assert compiled("**/*", ()).object_of(path) == ""
    assert (compiled("*", ()).object_of(path) is not None) == (len(parts) == 1)
    assert all(
        compiled("**/*", ()).leads_through("/".join(parts[:depth]))
        for depth in range(1, len(parts))
    )


@given(_WORDS, _WORDS)
def test_the_object_is_the_one_that_was_declared(name: str, rest: str) -> None:
    found = compiled("{object}/{object}_*.dump", (name, rest))
    assert found.object_of(f"{name}/{name}_1.dump") == name
    assert name == rest or found.object_of(f"{name}/{rest}_1.dump") in (None, name)


def test_folders_that_can_t_hold_anything_are_not_entered() -> None:
    pattern = compiled("{object}/2026*/x.dump", ("erp",))
    assert pattern.leads_through("erp")
    assert pattern.leads_through("erp/20261121")
    assert not pattern.leads_through("crm")
    assert not pattern.leads_through("erp/2025")
    assert not pattern.leads_through("erp/20261121/deeper")


@given(some.binary(min_size=1, max_size=40))
def test_every_name_on_disk_is_shown_as_text(raw: bytes) -> None:
    name = os.fsdecode(raw.replace(b"\0", b"").replace(b"/", b"") or b"x")
    for text in (shown(name), escaped(name)):
        assert text.isprintable()
        text.encode()
        assert len(text) <= 255


@given(some.text("备份账务数据库恢复测试１２ａｂ一丁七万", min_size=1, max_size=20))
def test_a_name_in_chinese_is_found_again_however_it_was_written(text: str) -> None:
    for encoding in ("utf-8", "gb18030"):
        name = os.fsdecode(text.encode(encoding))
        readable = shown(name)
        # Few texts in GB 18030 are UTF-8, too: those are found by the listing.
        assert readable != text or name in candidates(readable)
