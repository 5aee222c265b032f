"""A customer that has permitted something: an engineer, a grant, an opening under it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from msgspec import structs
from sqlalchemy import select

from collector.customers.models import Customer, Host
from collector.database import Database
from collector.enrolment.models import CollectorKey
from collector.grants.engineers import find_engineer, read_registration, take_in
from collector.grants.granting import Wanted, WantedHost, make
from tests.collector.place import Place
from tests.enrolled import COLLECTOR
from tests.messages import START
from wire import envelope
from wire.grants import Grant
from wire.messages import WIRE_VERSION
from wire.scopes import Scope
from wire.sessions import REGISTRATION, Opening, Purpose, Registration
from wire.signing import PrivateKey

DAY = timedelta(days=1)
PERSON = "张工"


@dataclass(frozen=True)
class Permitted:
    """A grant for the host of a place, and the key of the engineer that it names."""

    place: Place
    engineer: PrivateKey
    grant: Grant
    envelope: bytes

    def opening(self, **changes: Any) -> Opening:
        """Return how the engineer opens a session under it."""
        [host, *_] = self.grant.hosts
        opening = Opening(
            wire=WIRE_VERSION,
            session="session-1",
            grant=self.grant.id,
            customer_id=self.grant.customer_id,
            host_id=host.host_id,
            agent=host.agent,
            person=PERSON,
            key_id=self.engineer.id,
            purpose=Purpose.INSPECT,
            scopes=(Scope.METADATA,),
            address="root@erp-db:22",
            public_key=PrivateKey(bytes(range(1, 33))).public,
            opened_at=START,
        )
        return structs.replace(opening, **changes)


def know_collector(database: Database) -> None:
    """Write down the key that tests sign with, as opening the real one does: a grant in the
    database counts by that key's signature only."""
    with database.writing() as session:
        if session.scalar(select(CollectorKey.id)) is None:
            session.add(
                CollectorKey(
                    id=COLLECTOR.key.id,
                    public_key=COLLECTOR.key.public,
                    recipient=COLLECTOR.recipient,
                    created_at=START,
                )
            )


def registration(key: PrivateKey, person: str = PERSON, *, by: PrivateKey | None = None) -> bytes:
    """Return what an engineer's computer writes to be known."""
    shown = Registration(
        wire=WIRE_VERSION, person=person, public_key=key.public, nonce="0123456789abcdef" * 2
    )
    return envelope.enclose(shown, REGISTRATION, by or key)


def permitted(
    database: Database,
    place: Place,
    *,
    engineer: PrivateKey | None = None,
    person: str = PERSON,
    now: datetime = START,
    **changes: Any,
) -> Permitted:
    """Have an engineer known and a grant made that names him and the host of the place."""
    know_collector(database)
    key = engineer or PrivateKey.generate()
    with database.writing(alone=True) as session:
        take_in(session, read_registration(registration(key, person)), "tester", now)
        host = session.get_one(Host, (place.customer_id, place.host_id))
        known: dict[str, Any] = {
            "owner": session.get_one(Customer, place.customer_id),
            "hosts": [WantedHost(host)],
            "persons": [find_engineer(session, person)],
            "not_before": now - DAY,
            "not_after": now + 30 * DAY,
            "reason": "年度巡检",
            "signer": "李经理",
        }
        made = make(session, COLLECTOR, Wanted(**(known | changes)), "tester", now)
    return Permitted(place, key, made.grant, made.envelope)
