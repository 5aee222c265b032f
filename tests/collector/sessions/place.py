"""A host under a grant, an engineer whose key is known, and what he signs."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import select

from collector.customers.models import Agent
from collector.customers.service import ensure_host_of
from collector.database import Database
from collector.enrolment.models import CollectorKey
from collector.grants.models import ChangeProof, Engineer, GrantRow
from collector.identity import Identity
from collector.sessions.models import RecordPart
from collector.sessions.opening import opened
from collector.sessions.record_keeping import PartUpload, close, part_kept
from tests.enrolled import COLLECTOR
from tests.messages import START
from wire import envelope, record
from wire.grants import GRANT, Grant, GrantedHost, GrantedPerson
from wire.messages import WIRE_VERSION, Standing
from wire.record import Event, Line
from wire.scopes import Scope
from wire.session_parts import SignedPart, parts_of
from wire.sessions import (
    CLOSING,
    OPENED,
    OPENING,
    SESSION_KEY,
    Closing,
    Opened,
    Opening,
    Purpose,
    SessionKey,
)
from wire.signing import PrivateKey

NOW = START + timedelta(hours=2)
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZvb2Jhcg"


@dataclass(frozen=True)
class Visit:
    """One session of one engineer, as his workstation knows it."""

    database: Database
    customer_id: str
    host_id: str
    agent: str
    grant: Grant
    engineer: PrivateKey
    session: str = "session-1"
    key: PrivateKey = field(default_factory=PrivateKey.generate)
    purpose: Purpose = Purpose.INSPECT
    scopes: tuple[Scope, ...] = (Scope.METADATA,)
    opened_at: datetime = NOW

    def another(self, session: str, **changes: object) -> "Visit":
        """Return another session of the same engineer there."""
        return replace(self, session=session, key=PrivateKey.generate(), **changes)  # type: ignore[arg-type] # as the fields are

    def shell(self, session: str = "session-shell") -> "Visit":
        """Return a session for free work."""
        return self.another(session, purpose=Purpose.SHELL, scopes=(Scope.CHANGE,))

    @property
    def message(self) -> Opening:
        """Return what the engineer signs first."""
        return Opening(
            wire=WIRE_VERSION,
            session=self.session,
            grant=self.grant.id,
            customer_id=self.customer_id,
            host_id=self.host_id,
            agent=self.agent,
            person="张工",
            key_id=self.engineer.id,
            purpose=self.purpose,
            scopes=self.scopes,
            address="root@10.0.0.5:22",
            public_key=self.key.public,
            opened_at=self.opened_at,
        )

    @property
    def opening(self) -> bytes:
        """Return the opening in its envelope."""
        return envelope.enclose(self.message, OPENING, self.engineer)

    def key_statement(self, new: PrivateKey) -> bytes:
        """Return the statement of a key that was made on the host."""
        statement = SessionKey(
            wire=WIRE_VERSION, session=self.session, agent=self.agent, public_key=new.public
        )
        return envelope.enclose(statement, SESSION_KEY, self.key, new)

    def parts(self, lines: Sequence[bytes]) -> list[SignedPart]:
        """Return the record as the workstation delivers it."""
        return list(parts_of(lines, self.engineer))

    def closing(self, lines: Sequence[bytes], ended: str = "completed") -> bytes:
        """Return the signed end of a record."""
        message = Closing(
            wire=WIRE_VERSION,
            session=self.session,
            lines=len(lines),
            head=record.digest_of(lines[-1]) if lines else "0" * 64,
            ended_at=self.opened_at + timedelta(minutes=5),
            ended=ended,
        )
        return envelope.enclose(message, CLOSING, self.engineer)

    def open(self, now: datetime = NOW) -> Opened:
        """Open the session at the collector."""
        with self.database.writing(alone=True) as session:
            return opened(session, COLLECTOR, self.session, self.opening, now)

    def deliver(self, lines: Sequence[bytes], now: datetime = NOW) -> None:
        """Hand over the record, and its end."""
        with self.database.writing(alone=True) as session:
            for part in self.parts(lines):
                part_kept(session, self.upload(part), now)
            close(session, COLLECTOR, self.session, self.closing(lines), now)

    def upload(self, part: SignedPart) -> PartUpload:
        """Return a part as it arrives."""
        return PartUpload(self.session, part.number, part.payload, part.key_id, part.signature)

    def grant_envelope(self) -> bytes:
        """Return the grant as the collector has signed it."""
        return COLLECTOR.sign(self.grant, GRANT)


def visit(
    database: Database,
    *,
    customer: str = "示例公司",
    host: str = "erp-db",
    engineer: PrivateKey | None = None,
    scopes: tuple[Scope, ...] = (Scope.METADATA, Scope.CHANGE),
    grant_id: str = "grant-1",
    collector: Identity = COLLECTOR,
) -> Visit:
    """Return a session that may be opened: host, remote agent, engineer and grant are there."""
    key = engineer or PrivateKey.generate()
    with database.writing() as session:
        if session.get(CollectorKey, collector.key.id) is None:
            session.add(
                CollectorKey(
                    id=collector.key.id,
                    public_key=collector.key.public,
                    recipient=collector.recipient,
                    created_at=START,
                )
            )
        machine = ensure_host_of(
            session,
            customer=customer,
            site="总部机房",
            time_zone="Asia/Shanghai",
            host=host,
            now=START,
        )
        agent = hashlib.sha256(machine.id.encode()).hexdigest()[:32]
        if session.get(Agent, (machine.customer_id, agent)) is None:
            session.add(
                Agent(
                    customer_id=machine.customer_id,
                    id=agent,
                    host_id=machine.id,
                    created_at=START,
                    standing=Standing.ACTIVE.value,
                    told={"kind": "remote"},
                )
            )
        if session.get(Engineer, key.id) is None:
            session.add(
                Engineer(
                    id=key.id,
                    name="张工",
                    public_key=key.public,
                    added_at=START,
                    added_by="tester",
                )
            )
        grant = Grant(
            wire=WIRE_VERSION,
            id=grant_id,
            customer_id=machine.customer_id,
            customer=customer,
            hosts=(
                GrantedHost(
                    host_id=machine.id,
                    name=host,
                    site="总部机房",
                    addresses=("10.0.0.5",),
                    agent=agent,
                    host_keys=(HOST_KEY,),
                ),
            ),
            scopes=scopes,
            persons=(GrantedPerson("张工", key.id, key.public),),
            not_before=START,
            not_after=START + timedelta(days=7),
            reason="季度远程巡检",
            signer="李主任",
            granted_at=START,
            granted_by="manager",
        )
        if session.get(GrantRow, (machine.customer_id, grant_id)) is None:
            session.add(
                GrantRow(
                    customer_id=machine.customer_id,
                    id=grant_id,
                    envelope=collector.sign(grant, GRANT),
                    not_before=grant.not_before,
                    not_after=grant.not_after,
                    granted_at=grant.granted_at,
                    granted_by=grant.granted_by,
                )
            )
        return Visit(database, machine.customer_id, machine.id, agent, grant, key)


def revoke(of: Visit, at: datetime) -> None:
    """Take the grant back."""
    with of.database.writing() as session:
        row = session.get_one(GrantRow, (of.customer_id, of.grant.id))
        row.revoked_at, row.revoked_by, row.revoked_why = at, "manager", "客户要求停止"


def prove(of: Visit, at: datetime) -> None:
    """Hand in a document that proves a backup of the host good."""
    with of.database.writing() as session:
        session.add(
            ChangeProof(
                customer_id=of.customer_id,
                id="proof-1",
                host_id=of.host_id,
                proved_at=at,
                subject="RMAN 恢复演练",
                document_name="proof.pdf",
                document=b"%PDF",
                digest=hashlib.sha256(b"%PDF").hexdigest(),
                added_at=at,
                added_by="manager",
            )
        )


def lines_of(*events: Event, at: datetime = NOW, every: float = 0.5) -> list[bytes]:
    """Return the lines of a record, chained."""
    lines: list[bytes] = []
    previous = ""
    for number, event in enumerate(events, start=1):
        seconds = (number - 1) * every
        line = Line(number, at + timedelta(seconds=seconds), seconds, event, previous)
        lines.append(record.packed(line))
        previous = record.digest_of(lines[-1])
    return lines


def a_record(of: Visit) -> list[bytes]:
    """Return the record of a session that inspected the host and came to its end."""
    answer = COLLECTOR.sign(
        Opened(
            wire=WIRE_VERSION,
            session=of.session,
            digest=hashlib.sha256(envelope.read(of.opening).payload).hexdigest(),
            server_time=of.opened_at,
        ),
        OPENED,
    )
    return lines_of(
        record.SessionOpened(of.opening, of.grant_envelope(), answer),
        record.Connected("10.0.0.5:22", "root", f"{HOST_KEY}", "inventory", "publickey"),
        record.CommandRun("uname -a"),
        record.CommandEnded(0, 90, hashlib.sha256(b"Linux").hexdigest()),
        record.FileMoved("to", "xunjian-agent.tar.gz", 12_345_678, "1" * 64),
        record.BatchFetched(1, 5_000, "2" * 64, "3" * 64),
        record.Ended("completed", exit_code=0),
        at=of.opened_at,
    )


def a_shell(of: Visit) -> list[bytes]:
    """Return the record of a session for free work."""
    return lines_of(
        record.SessionOpened(of.opening, of.grant_envelope()),
        record.Connected("10.0.0.5:22", "root", HOST_KEY, "inventory", "password"),
        record.Resized(100, 30),
        record.Sent(b"systemctl restart app\r"),
        record.Received("已重启\r\n".encode()),
        record.Ended("completed", exit_code=0),
        at=of.opened_at,
    )


def parts_stored(of: Visit) -> int:
    """Return how many parts of the record the collector has."""
    with of.database.reading() as session:
        return len(session.scalars(select(RecordPart)).all())
