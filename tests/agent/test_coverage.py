"""What a grant does not cover is never planned, and the plan says what it lacks."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.planning import Entry, plan
from checks.api import Chapter, Check, Host, Scope, Struct, Text
from wire.grants import Coverage
from wire.messages import Failure, Reason, Skipped, Target


class Facts(Struct, frozen=True):
    value: int = 1


def probe(_host: Host) -> Facts:
    return Facts()


SAMPLE: Check[Any] = Check(
    Text("样例", "Sample"), Chapter.HOST, facts=Facts, rules=(), reads=(), probe=probe
)
READABLE = (Scope.METADATA, Scope.CONFIG, Scope.QUERY_TEXT, Scope.BUSINESS_DATA)
CHECKS = {
    "host.sizes": SAMPLE,
    "host.accounts": replace(SAMPLE, scopes=(Scope.METADATA, Scope.CONFIG)),
    "host.rows": replace(SAMPLE, scopes=(Scope.METADATA, Scope.BUSINESS_DATA)),
    "postgresql.ages": replace(SAMPLE, target="postgresql"),
    "postgresql.roles": replace(SAMPLE, target="postgresql", scopes=(Scope.METADATA, Scope.CONFIG)),
}


def entry(name: str, *, signs_in: bool) -> Entry:
    return Entry(Target("postgresql", name), "postgresql", lambda *_: None, signs_in=signs_in)


ENTRIES = (entry("erp", signs_in=True), entry("local", signs_in=False))


def planned(coverage: Coverage | None) -> set[str]:
    return {job.name for job in plan(CHECKS, "linux", {}, entries=ENTRIES, coverage=coverage).jobs}


def lacking(coverage: Coverage) -> set[tuple[str, str]]:
    made = plan(CHECKS, "linux", {}, entries=ENTRIES, coverage=coverage)
    assert all(each.failure.reason is Reason.NOT_GRANTED for each in made.skipped)
    return {(each.check, each.failure.subject) for each in made.skipped}


def test_without_a_grant_the_plan_is_what_the_settings_say() -> None:
    assert len(planned(None)) == 7
    everything = Coverage(tuple(Scope))
    assert planned(None) == planned(everything)


def test_a_scope_that_is_missing_is_named() -> None:
    metadata = Coverage((Scope.METADATA,))
    assert planned(metadata) == {"host.sizes", "postgresql.ages [local]"}
    assert lacking(metadata) == {
        ("host.accounts", "config"),
        ("host.rows", "business-data"),
        ("postgresql.ages", "system-password"),
        ("postgresql.roles", "config"),
        ("postgresql.roles", "config, system-password"),
    }


def test_an_entry_that_signs_in_with_a_secret_needs_the_scope_for_it() -> None:
    with_configuration = Coverage((Scope.METADATA, Scope.CONFIG))
    assert "postgresql.roles [local]" in planned(with_configuration)
    assert "postgresql.roles [erp]" not in planned(with_configuration)
    assert ("postgresql.roles", "system-password") in lacking(with_configuration)
    with_password = Coverage((*with_configuration.scopes, Scope.SYSTEM_PASSWORD))
    assert "postgresql.roles [erp]" in planned(with_password)


def test_a_check_that_the_grant_does_not_list_is_skipped_by_its_name() -> None:
    some = Coverage(tuple(Scope), ("host.a*", "postgresql"))
    assert planned(some) == {
        "host.accounts",
        *(
            f"postgresql.{check} [{name}]"
            for check in ("ages", "roles")
            for name in ("erp", "local")
        ),
    }
    assert (
        Skipped("host.sizes", Failure(Reason.NOT_GRANTED, "host.sizes"))
        in plan(CHECKS, "linux", {}, coverage=some).skipped
    )


@given(
    granted=st.sets(st.sampled_from(Scope)),
    patterns=st.lists(st.sampled_from(["host", "host.r*", "postgresql.ages", "mssql"]), max_size=3),
    declared=st.lists(
        st.sets(st.sampled_from(READABLE), min_size=1), min_size=len(CHECKS), max_size=len(CHECKS)
    ),
    signing=st.booleans(),
)
def test_no_job_is_ever_planned_whose_scopes_are_not_covered(
    granted: set[Scope], patterns: list[str], declared: list[set[Scope]], signing: bool
) -> None:
    checks = {
        name: replace(check, scopes=tuple(scopes))
        for (name, check), scopes in zip(CHECKS.items(), declared, strict=True)
    }
    entries = (entry("one", signs_in=signing), entry("two", signs_in=not signing))
    coverage = Coverage(tuple(granted), tuple(patterns))
    made = plan(checks, "linux", {}, entries=entries, coverage=coverage)
    for job in made.jobs:
        assert set(job.check.scopes) <= granted
        assert not (job.entry and job.entry.signs_in) or Scope.SYSTEM_PASSWORD in granted
        assert not patterns or any(
            job.check_id == pattern or job.check_id.startswith(pattern.rstrip("*"))
            for pattern in patterns
        )
    # Nothing vanishes: what is not planned is skipped.
    known = {job.check_id for job in made.jobs} | {each.check for each in made.skipped}
    assert known == set(checks)


@pytest.mark.parametrize(
    "scopes", [list(each) for size in range(3) for each in itertools.combinations(Scope, size)]
)
def test_what_is_covered_is_planned(scopes: list[Scope]) -> None:
    names = planned(Coverage(tuple(scopes)))
    assert ("host.sizes" in names) == (Scope.METADATA in scopes)
    assert ("host.accounts" in names) == ({Scope.METADATA, Scope.CONFIG} <= set(scopes))
