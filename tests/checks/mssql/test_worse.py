"""Worse facts never give a better state, for every rule that has a number to judge."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.api import Rule
from checks.databases import Engine, Instance
from checks.mssql import (
    corruption,
    files,
    files_tempdb,
    growth,
    growth_events,
    instance,
    log,
    memory,
)
from checks.mssql._corruption import CheckRow, DumpRow, PageRow
from checks.mssql._corruption import Facts as CorruptionFacts
from checks.mssql._files import File
from checks.mssql._log import CounterRow, LogRow, StatisticsRow
from checks.mssql._log import Facts as LogFacts
from checks.mssql._memory import BufferRow, SystemRow
from checks.mssql._memory import Facts as MemoryFacts
from checks.mssql._room import Facts as FileFacts
from checks.mssql._room import Space, Volume
from tests.worse import assert_never_better, assert_worst_has_no_bound

TOTAL = 2**40
RULES = {
    rule.code: rule
    for check in (
        instance.CHECK,
        corruption.CHECK,
        files.CHECK,
        growth.CHECK,
        growth_events.CHECK,
        files_tempdb.CHECK,
        log.CHECK,
        memory.CHECK,
    )
    for rule in check.rules
}


def connection(seconds: float) -> instance.Facts:
    return instance.Facts(instance=Instance(Engine.MSSQL, "16.0.4265.3", "", seconds))


def integrity(**given: Any) -> CorruptionFacts:
    return CorruptionFacts(
        version="16.0.4265.3", **{"checked": (), "suspect": (), "repairs": (), "dumps": (), **given}
    )


def checked(seconds: float) -> CorruptionFacts:
    row = CheckRow(
        name="erp",
        state="ONLINE",
        is_read_only=False,
        is_in_standby=False,
        age_seconds=10**9,
        is_known=True,
        checked_seconds=int(seconds),
    )
    return integrity(checked=(row,))


def suspect(pages: float) -> CorruptionFacts:
    rows = (PageRow(name="erp", bad=int(pages), pages=int(pages), newest_seconds=60),)
    return integrity(suspect=rows if pages >= 1 else ())


def dumped(dumps: float) -> CorruptionFacts:
    return integrity(dumps=(DumpRow(dumps=int(dumps), newest_seconds=60),))


def volume(used: float) -> FileFacts:
    free = max(0, TOTAL - int(used))
    return FileFacts(
        files=(),
        volumes=(
            Volume(
                mount_point="D:\\",
                example_file="D:\\erp.mdf",
                total_bytes=TOTAL,
                free_bytes=free,
            ),
        ),
    )


def file(**given: Any) -> File:
    return File(
        **{
            "name": "erp",
            "state": "ONLINE",
            "file_id": 1,
            "type": 0,
            "data_space_id": 1,
            "file_name": "erp",
            "physical_name": "D:\\erp.mdf",
            "size_bytes": TOTAL,
            "max_bytes": None,
            "grows": False,
            "is_percent_growth": False,
            "growth": 0,
            **given,
        }
    )


def limited(used: float) -> FileFacts:
    return FileFacts(
        files=(file(),), spaces={"erp": (Space(file_id=1, used_bytes=int(used)),)}, volumes=()
    )


def percent_growth(size: float) -> growth.Facts:
    return growth.Facts(
        files=(file(size_bytes=int(size), grows=True, is_percent_growth=True, growth=10),)
    )


def events(growths: float) -> growth_events.Facts:
    row = growth_events.EventRow(name="erp", growths=int(growths), slow=0)
    return growth_events.Facts(databases=(row,), covered_seconds=86400 * 30)


def slow_events(slow: float) -> growth_events.Facts:
    row = growth_events.EventRow(name="erp", growths=3, slow=int(slow))
    return growth_events.Facts(databases=(row,), covered_seconds=86400 * 30)


def tempdb(used: float) -> files_tempdb.Facts:
    free = max(0, TOTAL - int(used))
    return files_tempdb.Facts(
        files=(files_tempdb.TempFile(name="tempdev", size_bytes=TOTAL),),
        space=(files_tempdb.SpaceRow(total_bytes=TOTAL, free_bytes=free),),
        processors=1,
    )


def logs(
    used: float = 10, pieces: int = 10, log_bytes: float = 2**31, data_bytes: int = 2**40
) -> LogFacts:
    row = LogRow(
        name="erp",
        state="ONLINE",
        recovery_model="FULL",
        reuse_wait="NOTHING",
        log_bytes=int(log_bytes),
        data_bytes=data_bytes,
    )
    return LogFacts(
        logs=(row,),
        used=(CounterRow("erp", used),),
        statistics=(StatisticsRow(name="erp", pieces=pieces),),
    )


def system_memory(taken: float) -> MemoryFacts:
    row = SystemRow(total_bytes=TOTAL, free_bytes=max(0, TOTAL - int(taken)))
    return MemoryFacts(setting=(), system=(row,), buffers=())


def page_life(less: float) -> MemoryFacts:
    row = BufferRow(page_life_seconds=max(0, 10_000 - int(less)), up_seconds=10**6)
    return MemoryFacts(setting=(), system=(), buffers=(row,))


def hits(misses: float) -> MemoryFacts:
    row = BufferRow(
        page_life_seconds=10**6,
        hits=max(0, 10_000 - int(misses)),
        lookups=10_000,
        up_seconds=10**6,
    )
    return MemoryFacts(setting=(), system=(), buffers=(row,))


CASES: list[tuple[str, Callable[[float], Any], float, tuple[float, ...]]] = [
    ("MSSQL-001", connection, 60, (5, 60, 1e6)),
    ("MSSQL-010", checked, 5e6, (360 * 3600, 1e8, 1e10)),
    ("MSSQL-011", suspect, 1000, (1, 1000, 1e9)),
    ("MSSQL-014", dumped, 20, (6, 100, 1e6)),
    ("MSSQL-015", volume, TOTAL, (0.9 * TOTAL + 1, TOTAL)),
    ("MSSQL-016", limited, TOTAL, (0.9 * TOTAL + 1, TOTAL, 2 * TOTAL)),
    ("MSSQL-017", lambda value: logs(used=value), 100, (90, 100)),
    (
        "MSSQL-019",
        lambda value: logs(log_bytes=max(value, 8192), data_bytes=2**31),
        2**36,
        (2**34, 2**50),
    ),
    ("MSSQL-020", lambda value: logs(pieces=int(value)), 5000, (1000, 1e9)),
    ("MSSQL-021", percent_growth, 2**34, ()),
    ("MSSQL-022", events, 200, (70, 1e9)),
    ("MSSQL-022", slow_events, 3, ()),
    ("MSSQL-027", tempdb, TOTAL, (0.9 * TOTAL + 1, TOTAL)),
    ("MSSQL-029", system_memory, TOTAL, (TOTAL - 2**28, TOTAL)),
    ("MSSQL-030", page_life, 10_000, (9_820, 10_000, 1e6)),
    ("MSSQL-030", hits, 10_000, (2_000, 10_000)),
]


NAMES = [f"{case[0]}-{number}" for number, case in enumerate(CASES)]


@pytest.mark.parametrize(("code", "facts_of", "most", "worst"), CASES, ids=NAMES)
def test_worse_facts_never_give_a_better_state(
    code: str, facts_of: Callable[[float], Any], most: float, worst: tuple[float, ...]
) -> None:
    rule: Rule[Any, Any] = RULES[code]

    @given(st.floats(0, most), st.floats(0, most))
    def holds(one: float, other: float) -> None:
        assert_never_better(rule, facts_of, min(one, other), max(one, other))

    holds()
    assert_worst_has_no_bound(rule, facts_of, worst)
