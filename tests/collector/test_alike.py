"""Whatever arrives is taken, judged and refused alike on SQLite and on PostgreSQL.

SQLite stores any text in any column; PostgreSQL holds to widths, has no U+0000 and bounds what an
index takes. So everything generated here goes to both, and both must say the same of it.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from checks.api import Chapter, Check, Measure, Past, Struct, Text, Verdict, critical
from checks.discovery import Catalogue
from collector.assessment.models import (
    FindingEvent,
    NewestObservation,
    Series,
    SeriesPoint,
    StoredFinding,
    StoredInspection,
    StoredVerdict,
)
from collector.assessment.service import assess_pending
from collector.customers.models import Agent, Host
from collector.customers.service import ensure_host_of
from collector.database import Database, open_database
from collector.enrolment.models import AgentKey
from collector.intake.models import Quarantine, StoredBatch
from collector.intake.service import accept
from scripts.postgresql import Cluster
from tests.collector.place import Place, uploaded
from tests.collector.sample_checks import NoThresholds, no_probe, rule
from tests.messages import START, header, inspection, observation
from wire.batch import Batch, encode_line, seal
from wire.messages import HostIdentity, Observation, Standing, Target
from wire.signing import PrivateKey


class Named(Struct, frozen=True):
    names: tuple[str, ...]
    values: tuple[int | float, ...]


def judge(facts: Named, thresholds: NoThresholds, past: Past[Named]) -> Iterator[Verdict]:
    for name in facts.names:
        before = [point.value for point in past.series(name, name)]
        yield critical(name, Text.same(str(before)), Text("", ""), Text.same(name))


def measure(facts: Named) -> Iterator[Measure]:
    for name, value in zip(facts.names, facts.values, strict=False):
        # Rules are the product's or a plug-in's: nothing of the wire guards what they make.
        yield Measure(name, f"{name}\0", value)


CATALOGUE = Catalogue(
    MappingProxyType(
        {
            "sample.named": Check(
                title=Text("名称", "Names"),
                chapter=Chapter.HOST,
                facts=Named,
                probe=no_probe,  # type: ignore[arg-type]
                rules=(rule("T-NAM-001", judge),),
                reads=(),
                measures=measure,
            )
        }
    ),
    (),
)
CHARACTERS = st.characters(exclude_categories=["Cs"])
SHORT = st.text(CHARACTERS, max_size=8)


@st.composite
def long(draw: st.DrawFn, most: int) -> str:
    """Return a text around a limit, of characters of one to four bytes that don't compress."""
    base = draw(st.sampled_from([0x21, 0xC0, 0x4E00, 0x20000]))
    characters = draw(st.integers(most - 2, most + 1))
    step = draw(st.integers(1, 61))
    return "".join(chr(base + (number * step * 7919) % 90) for number in range(characters))


NUMBERS = count(1)
LABELS = st.one_of(SHORT, long(255))
NAMES = st.one_of(SHORT, long(100), long(400), long(500), long(3000))
ZONES = [UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))]
MOMENTS = st.one_of(
    st.just(START),
    st.datetimes(timezones=st.sampled_from(ZONES)),
    st.sampled_from([datetime.min.replace(tzinfo=zone) for zone in ZONES]),
    st.sampled_from([datetime.max.replace(tzinfo=zone) for zone in ZONES]),
)
VALUES = st.one_of(
    st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.just(10**400)
)


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    names = draw(st.lists(NAMES, max_size=4))
    values = draw(st.lists(VALUES, min_size=4, max_size=4))
    made = observation("sample.named", {"names": names, "values": values}, at=draw(MOMENTS))
    target = Target(name=draw(LABELS))
    return msgspec.structs.replace(made, target=target, version=draw(st.integers(0, 2)))


@st.composite
def inspections(draw: st.DrawFn) -> tuple[Any, list[Observation]]:
    observed = draw(st.lists(observations(), max_size=3))
    of = inspection(*observed, at=START, boot_id=draw(LABELS))
    of = msgspec.structs.replace(
        of,
        started_at=draw(MOMENTS),
        host=HostIdentity(draw(LABELS), draw(st.one_of(st.just("linux"), LABELS))),
        agent_version=draw(LABELS),
        broken=tuple(draw(st.lists(LABELS, max_size=2))),
    )
    return of, observed


def batch(of: Any, observed: list[Observation], place: Place, seq: int) -> Batch:
    head = header(len(observed), of, agent=place.agent, seq=seq)
    return seal(head, [encode_line(each) for each in observed])


@pytest.fixture
def both(tmp_path: Path, postgresql: Cluster, migrated: str) -> Iterator[tuple[Database, Database]]:
    name = postgresql.new_database(migrated)
    sqlite = open_database(f"sqlite:///{tmp_path}/collector.db")
    other = open_database(postgresql.url(name))
    yield sqlite, other
    sqlite.close()
    other.close()
    postgresql.drop_database(name)


def make_place(database: Database, name: str) -> Place:
    """Make a customer of its own whose ids are the same on every database."""
    key = PrivateKey(hashlib.sha256(name.encode()).digest())
    with database.writing() as session:
        host = ensure_host_of(
            session, customer=name, site="s", time_zone="Asia/Shanghai", host="h", now=START
        )
        place = Place(host.customer_id, host.id, name, key)
        active = Standing.ACTIVE.value
        of = {"customer_id": place.customer_id}
        session.add(Agent(**of, id=name, host_id=host.id, created_at=START, standing=active))
        session.flush()
        session.add(AgentKey(**of, agent_id=name, id=key.id, public_key=key.public, added_at=START))
        return place


def known(database: Database, place: Place) -> list[Any]:
    """Return everything that is known of an agent's host, but for random ids."""
    tables: list[tuple[Any, tuple[str, ...]]] = [
        (StoredInspection, ("host_id",)),
        (NewestObservation, ("host_id",)),
        (StoredVerdict, ("host_id",)),
        (StoredFinding, ("host_id",)),
        (Series, ("host_id",)),
        (FindingEvent, ()),
        (SeriesPoint, ()),
        (StoredBatch, ("agent_id",)),
        (Quarantine, ("agent_id", "id")),
        (Host, ("id", "site_id")),
    ]
    found: list[Any] = []
    with database.reading() as session, session.no_autoflush:
        for table, random in tables:
            rows = list(session.scalars(select(table).filter_by(customer_id=place.customer_id)))
            skipped = {"customer_id", "created_at", *random}
            for row in rows if table is Quarantine else ():
                # The words of a database's own error are its own; that it was one is not.
                row.reason = row.reason.partition("be assessed: ")[0]
            columns = [each.name for each in table.__table__.columns if each.name not in skipped]
            found.append(sorted(repr([getattr(row, name) for name in columns]) for row in rows))
    return found


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(days=st.lists(inspections(), min_size=1, max_size=2))
def test_both_say_the_same(
    both: tuple[Database, Database], days: list[tuple[Any, list[Observation]]]
) -> None:
    said = []
    agent = f"agent-{next(NUMBERS)}"
    for database in both:
        place = make_place(database, agent)
        for seq, (of, observed) in enumerate(days, start=1):
            payload = batch(of, observed, place, seq).payload
            sent = uploaded(place, payload, seq=seq)
            with database.writing() as session:
                accept(session, [sent])
            # Never DatabaseUnusable: no content may make the assessment wait for ever.
            assert assess_pending(database, CATALOGUE) == 1
        said.append(known(database, place))
    for one, other in zip(*said, strict=True):
        assert one == other
