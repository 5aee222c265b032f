"""denial_of beside a model of it that was written apart: what is kept at the collector counts, too.

The database is one of SQLite, made once: what differs between databases is in test_service.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from collector.customers.models import Agent, Customer, Host
from collector.customers.service import ensure_host, find_site
from collector.database import Database, open_database
from collector.grants.engineers import find_engineer, read_registration, take_in
from collector.grants.granting import Wanted, WantedHost, make
from collector.grants.models import Engineer, GrantRow
from collector.grants.service import LIVE, denial_of
from tests.collector.grants.sample import know_collector, registration
from tests.enrolled import COLLECTOR, enrolled
from tests.messages import START
from wire.grants import Denial, Grant
from wire.messages import WIRE_VERSION
from wire.scopes import Scope
from wire.sessions import Opening, Purpose
from wire.signing import PrivateKey

TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
KEYS = [PrivateKey(bytes([seed]) * 32) for seed in (1, 2, 3)]
"""Of two engineers, and of somebody whom the collector does not know."""
NOBODY = "0" * 32


@dataclass(frozen=True)
class World:
    database: Database
    customers: tuple[str, str]
    hosts: dict[str, str]
    """Customer of each host that may be asked for."""
    agents: dict[str, str]
    """Host of each agent."""
    grants: tuple[Grant, ...]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("grants")
    database = open_database(f"sqlite:///{folder}/collector.db")
    ours = enrolled(database)
    theirs = enrolled(database, customer="另一公司")
    know_collector(database)
    made = []
    with database.writing() as session:
        for key, name in zip(KEYS, ("张工", "王工"), strict=False):
            take_in(session, read_registration(registration(key, name)), "tester", START)
        owner = session.get_one(Customer, ours.customer_id)
        other = session.get_one(Customer, theirs.customer_id)
        first = session.get_one(Host, (owner.id, ours.host_id))
        second = ensure_host(session, find_site(session, owner, "总部机房"), "second")
        elsewhere = session.get_one(Host, (other.id, theirs.host_id))
        engineers = [find_engineer(session, name) for name in ("张工", "王工")]
        for whose, hosts, persons, scopes in (
            (owner, [first], engineers[:1], [Scope.METADATA]),
            (owner, [first, second], engineers, [Scope.METADATA, Scope.CHANGE]),
            (other, [elsewhere], engineers[:1], list(Scope)),
        ):
            wanted = Wanted(
                owner=whose,
                hosts=[WantedHost(each) for each in hosts],
                persons=persons,
                scopes=scopes,
                not_before=START,
                not_after=START + 10 * HOUR,
                reason="年度巡检",
                signer="李经理",
            )
            made.append(make(session, COLLECTOR, wanted, "tester", START).grant)
        found = World(
            database,
            (owner.id, other.id),
            {first.id: owner.id, second.id: owner.id, elsewhere.id: other.id},
            {each.id: each.host_id for each in session.scalars(select(Agent))},
            tuple(made),
        )
    yield found
    database.close()


@dataclass(frozen=True)
class Kept:
    """What was done to grants and engineers, and when."""

    revoked: tuple[datetime | None, ...]
    removed: tuple[datetime | None, ...]


ends = st.sampled_from([START, START + 10 * HOUR, START + 5 * HOUR])
moments = st.one_of(
    st.builds(lambda end, ticks: end + ticks * TICK, ends, st.integers(-2, 2)),
    st.integers(-30, 400).map(lambda minutes: START + timedelta(minutes=2 * minutes)),
)
whenever = st.one_of(st.none(), moments)
states = st.builds(Kept, st.tuples(whenever, whenever, st.none()), st.tuples(whenever, st.none()))


@st.composite
def openings(draw: st.DrawFn, world: World) -> tuple[Opening, datetime]:
    grant = draw(st.sampled_from(world.grants))
    host = draw(st.sampled_from(grant.hosts))
    at_random = draw(st.booleans())
    opened_at = draw(moments)
    since = st.sampled_from([timedelta(0), -TICK, HOUR / 2, LIVE - TICK, LIVE, 5 * HOUR, -2 * HOUR])
    opening = Opening(
        wire=WIRE_VERSION,
        session="s",
        grant=draw(st.sampled_from([*(each.id for each in world.grants), NOBODY]))
        if at_random
        else grant.id,
        customer_id=draw(st.sampled_from([*world.customers, NOBODY]))
        if at_random
        else grant.customer_id,
        host_id=draw(st.sampled_from([*world.hosts, NOBODY])) if at_random else host.host_id,
        agent=draw(st.sampled_from([*world.agents, NOBODY])) if at_random else host.agent,
        person="张工",
        key_id=draw(st.sampled_from(KEYS)).id,
        purpose=draw(st.sampled_from(Purpose)),
        scopes=tuple(draw(st.lists(st.sampled_from(Scope), unique=True, max_size=2))),
        address="root@erp-db",
        public_key=bytes(32),
        opened_at=opened_at,
    )
    return opening, opened_at + draw(since)


def model(world: World, kept: Kept, opening: Opening, now: datetime) -> set[Denial]:
    """Return everything that speaks against a session."""
    against: set[Denial] = set()
    clocks = {opening.opened_at} | ({now} if now - opening.opened_at < LIVE else set())
    owners = dict(zip([key.id for key in KEYS], (*kept.removed, START - 999 * HOUR), strict=True))
    gone = owners[opening.key_id]
    if gone is not None and any(not clock < gone for clock in clocks):
        against.add(Denial.UNKNOWN_PERSON)
    index = next((n for n, each in enumerate(world.grants) if each.id == opening.grant), None)
    if index is None or world.grants[index].customer_id != opening.customer_id:
        return against | {Denial.UNKNOWN_GRANT}
    grant, revoked = world.grants[index], kept.revoked[index]
    if revoked is not None and any(not clock < revoked for clock in clocks):
        against.add(Denial.REVOKED)
    if {each.host_id: each.agent for each in grant.hosts}.get(opening.host_id) != opening.agent:
        against.add(Denial.NO_SUCH_HOST)
    if opening.key_id not in {each.key_id for each in grant.persons}:
        against.add(Denial.OTHER_PERSON)
    if min(clocks) < grant.not_before:
        against.add(Denial.TOO_EARLY)
    if max(clocks) > grant.not_after:
        against.add(Denial.EXPIRED)
    wanted = set(opening.scopes)
    lacks_change = opening.purpose is Purpose.SHELL and Scope.CHANGE not in wanted
    if lacks_change or wanted - set(grant.scopes):
        against.add(Denial.SCOPE_MISSING)
    return against


@settings(
    max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), kept=states)
def test_a_session_is_denied_exactly_where_something_speaks_against_it(
    world: World, data: st.DataObject, kept: Kept
) -> None:
    opening, now = data.draw(openings(world))
    with world.database.writing() as session:
        for grant, revoked_at in zip(world.grants, kept.revoked, strict=True):
            session.get_one(GrantRow, (grant.customer_id, grant.id)).revoked_at = revoked_at
        for key, removed_at in zip(KEYS, kept.removed, strict=False):
            session.get_one(Engineer, key.id).removed_at = removed_at
        session.flush()
        session.expire_all()
        denial = denial_of(session, opening, now)
    against = model(world, kept, opening, now)
    assert (denial is None) is (not against), (denial, against)
    assert denial is None or denial in against
