"""Accept batches: the one function through which bytes become part of the record.

In this order: size (before), key, signature, place in the chain. Accepting looks at nothing inside
a batch: it stores the bytes and their signature; reading them is the assessment's work, and what it
can't read goes to the quarantine. HTTP and bundles come through here alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Insert, Table, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from collector.customers.models import Agent
from collector.enrolment.models import AgentKey, AlarmKind
from collector.enrolment.record import alarm
from collector.errors import BodyTooLarge, ForGood, NotABatch, Refused, UnknownKey
from collector.intake.known import UNKNOWN
from collector.intake.models import HELD, PENDING, StoredBatch
from wire.batch import LIMITS
from wire.control import BATCH, RefusalKind
from wire.errors import BadSignature
from wire.messages import WIRE_VERSION, Acknowledgement, Standing
from wire.signing import verify

# Tables, not mapped classes: this is the hot path of the collector.
_AGENTS = cast("Table", Agent.__table__)
_KEYS = cast("Table", AgentKey.__table__)
_BATCHES = cast("Table", StoredBatch.__table__)
_BRANCH_LENGTH = 16

Place = tuple[str, str, int]
"""(agent, epoch, seq)"""


@dataclass(frozen=True)
class Upload:
    """The bytes of one batch, who signed them, and the place in the chain that they are for."""

    agent: str
    epoch: str
    seq: int
    payload: bytes
    digest: str
    received_at: datetime
    key_id: str
    signature: bytes
    delivery: str | None = None
    """The header of that name, as it came."""
    bundle: str | None = None

    @property
    def place(self) -> Place:
        """Return what the batch is known by."""
        return (self.agent, self.epoch, self.seq)


@dataclass(frozen=True)
class _Signer:
    """A key, as the database knows it at this moment."""

    customer_id: str
    standing: Standing
    public_key: bytes
    successor: str | None
    reach: Mapping[str, int]


def check_body(payload: bytes) -> None:
    """Refuse what can't be a batch. Raise NotABatch or BodyTooLarge."""
    if not payload:
        raise NotABatch("The body is empty: a batch is expected.")
    if len(payload) > LIMITS.packed_bytes:
        raise too_large()


def too_large() -> BodyTooLarge:
    """Return the refusal that names the limit, so that the agent can split."""
    most = LIMITS.packed_bytes
    return BodyTooLarge(f"A batch may have at most {most} bytes.", most)


def accept(session: Session, uploads: Sequence[Upload]) -> list[Acknowledgement | Refused]:
    """Store each upload, or say why not; the answers are in the order of the uploads.

    The same bytes again get the same answer (duplicate=True). Other bytes at the same place are a
    fork (a cloned host, a restored snapshot): both are stored, and there is an alarm. What an agent
    sends before somebody approved it is stored and held. Answers may be given only after the
    commit.
    """
    connection = session.connection()
    signers = _signers(connection, uploads)
    answers: list[Acknowledgement | Refused | None] = []
    taken: dict[Place, Upload] = {}
    rows: list[dict[str, Any]] = []
    for upload in uploads:
        signer = signers.get((upload.agent, upload.key_id))
        refusal = _refusal(upload, signer)
        answers.append(refusal)
        # Twice in one group: the second is compared with the first, below.
        if signer is not None and refusal is None and upload.place not in taken:
            taken[upload.place] = upload
            rows.append(_row(upload, signer, ""))
    # In one order everywhere: so two collectors with the same uploads never wait for each other.
    rows.sort(key=_place)
    stored = {place: (upload.digest, upload.received_at) for place, upload in taken.items()}
    if rows and connection.execute(_insert(connection), rows).rowcount != len(rows):
        stored.update(_stored(connection, rows))
    for place, upload in enumerate(uploads):
        if answers[place] is not None:
            continue
        signer = signers[upload.agent, upload.key_id]
        digest, received_at = stored[upload.place]
        forked = digest != upload.digest
        if forked:
            received_at = _store_branch(session, upload, signer)
        answers[place] = Acknowledgement(
            wire=WIRE_VERSION,
            agent=upload.agent,
            epoch=upload.epoch,
            seq=upload.seq,
            digest=upload.digest,
            received_at=received_at,
            server_time=upload.received_at,
            standing=signer.standing,
            duplicate=received_at != upload.received_at,
            forked=forked,
        )
    return [answer for answer in answers if answer is not None]


def _signers(
    connection: Connection, uploads: Sequence[Upload]
) -> Mapping[tuple[str, str], _Signer]:
    """Return every key that these uploads name and that is one of their agents, by both ids."""
    found = connection.execute(
        select(
            _KEYS.c.agent_id,
            _KEYS.c.id,
            _KEYS.c.customer_id,
            _AGENTS.c.standing,
            _KEYS.c.public_key,
            _KEYS.c.successor,
            _KEYS.c.reach,
        )
        .join(
            _AGENTS,
            (_AGENTS.c.customer_id == _KEYS.c.customer_id) & (_AGENTS.c.id == _KEYS.c.agent_id),
        )
        .where(_KEYS.c.id.in_({upload.key_id for upload in uploads}))
    )
    signers = {
        (row.agent_id, row.id): _Signer(
            row.customer_id, Standing(row.standing), row.public_key, row.successor, row.reach
        )
        for row in found
    }
    return signers | _pending_now(connection, signers)


def _pending_now(
    connection: Connection, signers: Mapping[tuple[str, str], _Signer]
) -> dict[tuple[str, str], _Signer]:
    """Return those that wait for approval, as they stand once nobody else decides about them.

    Else, on PostgreSQL, a batch might be held that comes in while its agent is being approved.
    """
    waiting = {name for name, signer in signers.items() if signer.standing is Standing.PENDING}
    if not waiting:
        return {}
    held = select(_AGENTS.c.id, _AGENTS.c.standing).where(_AGENTS.c.id.in_({a for a, _ in waiting}))
    standing = {
        row.id: Standing(row.standing)
        for row in connection.execute(held.order_by(_AGENTS.c.id).with_for_update(read=True))
    }
    return {name: replace(signers[name], standing=standing[name[0]]) for name in waiting}


def _refusal(upload: Upload, signer: _Signer | None) -> Refused | None:
    """Return why an upload is not taken. Who has no right to know is told nothing of agents."""
    unknown = UnknownKey(UNKNOWN)
    if signer is None:
        return unknown
    try:
        verify(signer.public_key, BATCH, upload.payload, upload.signature)
    except BadSignature:
        return unknown
    if signer.standing is Standing.REVOKED:
        return ForGood("This agent was revoked: nothing is taken from it.", RefusalKind.REVOKED)
    if signer.successor is not None and upload.seq > signer.reach.get(upload.epoch, 0):
        return ForGood(
            "This key was replaced: it counts only for what it had sealed before.",
            RefusalKind.KEY_RETIRED,
        )
    return None


def _row(upload: Upload, signer: _Signer, branch: str) -> dict[str, Any]:
    return {
        "customer_id": signer.customer_id,
        "agent_id": upload.agent,
        "epoch": upload.epoch,
        "branch": branch,
        "seq": upload.seq,
        "digest": upload.digest,
        "payload": upload.payload,
        "received_at": upload.received_at,
        "key_id": upload.key_id,
        "signature": upload.signature,
        "delivery": upload.delivery,
        "bundle": upload.bundle,
        "state": PENDING if signer.standing is Standing.ACTIVE else HELD,
    }


def _insert(connection: Connection) -> Insert:
    """Return the insert that leaves a place alone which is taken already, and counts the others."""
    postgres = connection.dialect.name == "postgresql"
    insert = postgresql.insert(_BATCHES) if postgres else sqlite.insert(_BATCHES)
    return insert.on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def _stored(
    connection: Connection, rows: Sequence[Mapping[str, Any]]
) -> dict[Place, tuple[str, datetime]]:
    """Return what stands at the places of these rows: (digest, received at)."""
    place = (_BATCHES.c.agent_id, _BATCHES.c.epoch, _BATCHES.c.seq)
    found = select(*place, _BATCHES.c.digest, _BATCHES.c.received_at).where(
        _BATCHES.c.customer_id.in_({row["customer_id"] for row in rows}),
        _BATCHES.c.branch == "",
        tuple_(*place).in_([(row["agent_id"], row["epoch"], row["seq"]) for row in rows]),
    )
    return {
        (row.agent_id, row.epoch, row.seq): (row.digest, row.received_at)
        for row in connection.execute(found)
    }


def _store_branch(session: Session, upload: Upload, signer: _Signer) -> datetime:
    """Store the other branch of a fork beside the first; return when it came first."""
    connection = session.connection()
    branch = upload.digest[:_BRANCH_LENGTH]
    if connection.execute(_insert(connection), [_row(upload, signer, branch)]).rowcount == 1:
        alarm(
            session,
            signer.customer_id,
            AlarmKind.FORKED,
            f"epoch {upload.epoch}, batch {upload.seq}",
            agent_id=upload.agent,
            now=upload.received_at,
        )
        return upload.received_at
    came: datetime = connection.execute(
        select(_BATCHES.c.received_at).where(
            _BATCHES.c.customer_id == signer.customer_id,
            _BATCHES.c.agent_id == upload.agent,
            _BATCHES.c.epoch == upload.epoch,
            _BATCHES.c.branch == branch,
            _BATCHES.c.seq == upload.seq,
        )
    ).scalar_one()
    return came


def _place(row: Mapping[str, object]) -> tuple[str, str, str]:
    return (str(row["agent_id"]), str(row["epoch"]), str(row["seq"]))
