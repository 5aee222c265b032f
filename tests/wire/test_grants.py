"""The predicate over grants, beside one that was written apart from it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.grants import Coverage, Denial, Grant, GrantedHost, GrantedPerson, Request, refusal
from wire.messages import WIRE_VERSION
from wire.scopes import Scope

START = datetime(2026, 11, 22, tzinfo=UTC)
TICK = timedelta(microseconds=1)
HOSTS = ("h1", "h2", "h3", "h4")
PERSONS = ("a" * 64, "b" * 64, "c" * 64)


def host(host_id: str, **changes: Any) -> GrantedHost:
    known: dict[str, Any] = {"host_id": host_id, "name": host_id.upper(), "site": "s", "agent": "r"}
    return GrantedHost(**(known | changes))


def grant(**changes: Any) -> Grant:
    known: dict[str, Any] = {
        "wire": WIRE_VERSION,
        "id": "g",
        "customer_id": "c",
        "customer": "示例公司",
        "hosts": (host("h1"),),
        "persons": (GrantedPerson("张工", PERSONS[0], bytes(32)),),
        "not_before": START,
        "not_after": START + timedelta(days=1),
        "reason": "年度巡检",
        "signer": "李经理",
        "granted_at": START,
        "granted_by": "root",
    }
    return Grant(**(known | changes))


moments = st.one_of(
    st.sampled_from([START + hours * timedelta(hours=1) for hours in range(-2, 5)]),
    st.integers(-4, 4).map(lambda number: START + number * TICK),
    st.integers(-(10**9), 10**9).map(lambda seconds: START + timedelta(seconds=seconds)),
)
scopes = st.lists(st.sampled_from(Scope), unique=True)


@st.composite
def grants(draw: st.DrawFn) -> Grant:
    begins, ends = sorted((draw(moments), draw(moments)))
    return grant(
        hosts=tuple(
            host(name)
            for name in draw(st.lists(st.sampled_from(HOSTS), min_size=1, max_size=3, unique=True))
        ),
        # A host that may be passed through is no host that may be looked at.
        jump_hosts=tuple(
            host(name) for name in draw(st.lists(st.sampled_from(HOSTS), max_size=2, unique=True))
        ),
        persons=tuple(
            GrantedPerson("x", key, bytes(32))
            for key in draw(st.lists(st.sampled_from(PERSONS), min_size=1, unique=True))
        ),
        scopes=tuple(draw(scopes.filter(bool))),
        not_before=begins,
        not_after=ends,
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Grant, Request]:
    """A grant and a request, many of which meet at an end of the window."""
    permitted = draw(grants())
    ends = (permitted.not_before, permitted.not_after)
    near = st.builds(
        lambda end, ticks: end + ticks * TICK, st.sampled_from(ends), st.integers(-2, 2)
    )
    request = Request(
        host_id=draw(st.sampled_from(HOSTS)),
        key_id=draw(st.sampled_from(PERSONS)),
        scopes=tuple(draw(st.one_of(scopes, st.just(list(permitted.scopes))))),
        at=draw(st.one_of(near, moments)),
    )
    return permitted, request


def is_permitted(permitted: Grant, request: Request) -> bool:
    """The rule as the contract puts it, with sets and lists and no early return."""
    hosts = [each.host_id for each in permitted.hosts]
    keys = [each.key_id for each in permitted.persons]
    lasts = sorted([permitted.not_before, request.at, permitted.not_after])[1] == request.at
    missing = [
        scope for scope in Scope if scope in request.scopes and scope not in permitted.scopes
    ]
    return (
        hosts.count(request.host_id) > 0
        and keys.count(request.key_id) > 0
        and lasts
        and not missing
    )


@settings(max_examples=1000, deadline=None)
@given(cases())
def test_the_predicate_is_the_models(case: tuple[Grant, Request]) -> None:
    permitted, request = case
    assert (refusal(permitted, request) is None) is is_permitted(permitted, request)


@settings(max_examples=500, deadline=None)
@given(cases())
def test_the_reason_that_is_told_is_one(case: tuple[Grant, Request]) -> None:
    """Putting right what a refusal names takes it away, or shows the next one: never it again."""
    permitted, request = case
    seen: list[Denial] = []
    while (why := refusal(permitted, request)) is not None:
        assert why not in seen
        seen.append(why)
        at = {Denial.TOO_EARLY: permitted.not_before, Denial.EXPIRED: permitted.not_after}
        request = Request(
            host_id=permitted.hosts[0].host_id if why is Denial.NO_SUCH_HOST else request.host_id,
            key_id=permitted.persons[0].key_id if why is Denial.OTHER_PERSON else request.key_id,
            scopes=permitted.scopes if why is Denial.SCOPE_MISSING else request.scopes,
            at=at.get(why, request.at),
        )
    assert is_permitted(permitted, request)


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (START - TICK, Denial.TOO_EARLY),
        (START, None),
        (START + timedelta(days=1), None),
        (START + timedelta(days=1) + TICK, Denial.EXPIRED),
    ],
)
def test_the_window_has_both_its_ends_in_it(at: datetime, why: Denial | None) -> None:
    request = Request(host_id="h1", key_id=PERSONS[0], scopes=(Scope.METADATA,), at=at)
    assert refusal(grant(), request) is why


def test_a_host_answers_to_its_name_and_addresses_and_to_nothing_else() -> None:
    permitted = grant(
        hosts=(host("h1", name="ERP-DB", addresses=("10.0.0.5", "erp.example.com")),),
        jump_hosts=(host("h2", name="bastion"),),
    )
    for address in ("erp-db", "ERP-DB", " 10.0.0.5 ", "ERP.example.com"):
        found = permitted.host_of(address)
        assert found is not None
        assert found.host_id == "h1"
    for address in ("", "10.0.0", "10.0.0.50", "erp", "bastion", "h1"):
        assert permitted.host_of(address) is None


@pytest.mark.parametrize(
    ("checks", "id", "scopes", "missing"),
    [
        ((), "host.memory", (Scope.METADATA,), ""),
        ((), "host.accounts", (Scope.METADATA, Scope.CONFIG), "config"),
        ((), "pg.texts", (Scope.CONFIG, Scope.QUERY_TEXT), "config, query-text"),
        (("host",), "host.memory", (Scope.METADATA,), ""),
        (("host",), "hostile.memory", (Scope.METADATA,), "hostile.memory"),
        (("host.mem*",), "host.memory", (Scope.METADATA,), ""),
        (("host.memory",), "host.memory", (Scope.CONFIG,), "config"),
        (("host.memory",), "host.clock", (Scope.METADATA,), "host.clock"),
    ],
)
def test_what_a_coverage_lacks(
    checks: tuple[str, ...], id: str, scopes: tuple[Scope, ...], missing: str
) -> None:
    assert Coverage((Scope.METADATA,), checks).missing(id, scopes) == missing
