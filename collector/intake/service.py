"""Accept batches: the one function through which bytes become part of the record.

Accepting looks at nothing inside a batch. It stores the bytes under their place in the agent's
chain; reading them is the assessment's work, and what it can't read goes to the quarantine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Connection, Insert, Table, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from collector.customers.models import Agent
from collector.errors import BodyTooLarge, Forked, NotABatch, Refused, UnknownAgent
from collector.intake.models import PENDING, StoredBatch
from wire.batch import LIMITS
from wire.messages import WIRE_VERSION, Acknowledgement, Standing

# Tables, not mapped classes: this is the hot path of the collector.
_AGENTS = cast("Table", Agent.__table__)
_BATCHES = cast("Table", StoredBatch.__table__)


@dataclass(frozen=True)
class Upload:
    """The bytes of one request and the place in the chain that it names."""

    agent: str
    epoch: str
    seq: int
    payload: bytes
    digest: str
    received_at: datetime


def check_body(payload: bytes) -> None:
    """Refuse what can't be a batch. Raise NotABatch or BodyTooLarge."""
    if not payload:
        raise NotABatch("The body is empty: a batch is expected.")
    if len(payload) > LIMITS.packed_bytes:
        raise too_large()


def too_large() -> BodyTooLarge:
    """Return the refusal that names the limit, so that the agent can split."""
    return BodyTooLarge(f"A batch may have at most {LIMITS.packed_bytes} bytes.")


def accept(session: Session, uploads: Sequence[Upload]) -> list[Acknowledgement | Refused]:
    """Store each upload, or say why not; the answers are in the order of the uploads.

    The same bytes again get the same answer (duplicate=True). Other bytes at the same place are a
    fork: a cloned host or a restored snapshot. Answers may be given only after the commit.
    """
    connection = session.connection()
    known = select(_AGENTS.c.id, _AGENTS.c.customer_id).where(
        _AGENTS.c.id.in_({upload.agent for upload in uploads})
    )
    customer_of = {row.id: row.customer_id for row in connection.execute(known)}
    rows = [
        {
            "customer_id": customer_of[upload.agent],
            "agent_id": upload.agent,
            "epoch": upload.epoch,
            "seq": upload.seq,
            "digest": upload.digest,
            "payload": upload.payload,
            "received_at": upload.received_at,
            "state": PENDING,
        }
        for upload in uploads
        if upload.agent in customer_of
    ]
    # In one order everywhere: so two collectors with the same uploads never wait for each other.
    rows.sort(key=_place)
    stored = {
        (upload.agent, upload.epoch, upload.seq): (upload.digest, upload.received_at)
        for upload in uploads
    }
    if rows and connection.execute(_insert(connection), rows).rowcount != len(rows):
        stored.update(_stored(connection, rows))
    answers: list[Acknowledgement | Refused] = []
    for upload in uploads:
        if upload.agent not in customer_of:
            answers.append(_unknown(upload))
            continue
        digest, received_at = stored[upload.agent, upload.epoch, upload.seq]
        if digest != upload.digest:
            answers.append(
                Forked(
                    f"Batch {upload.seq} of epoch {upload.epoch} is stored with other bytes: the "
                    "host was cloned or set back. Start a new epoch and send again."
                )
            )
            continue
        answers.append(
            Acknowledgement(
                wire=WIRE_VERSION,
                agent=upload.agent,
                epoch=upload.epoch,
                seq=upload.seq,
                digest=digest,
                received_at=received_at,
                server_time=datetime.now(UTC),
                standing=Standing.ACTIVE,
                duplicate=received_at != upload.received_at,
            )
        )
    return answers


def _insert(connection: Connection) -> Insert:
    """Return the insert that leaves a place alone which is taken already."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(_BATCHES).on_conflict_do_nothing()
    return sqlite.insert(_BATCHES).on_conflict_do_nothing()


def _stored(
    connection: Connection, rows: Sequence[Mapping[str, object]]
) -> dict[tuple[str, str, int], tuple[str, datetime]]:
    """Return what stands at the places of these rows: (digest, received at)."""
    place = (_BATCHES.c.agent_id, _BATCHES.c.epoch, _BATCHES.c.seq)
    found = select(*place, _BATCHES.c.digest, _BATCHES.c.received_at).where(
        _BATCHES.c.customer_id.in_({row["customer_id"] for row in rows}),
        tuple_(*place).in_([(row["agent_id"], row["epoch"], row["seq"]) for row in rows]),
    )
    return {
        (row.agent_id, row.epoch, row.seq): (row.digest, row.received_at)
        for row in connection.execute(found)
    }


def _place(row: Mapping[str, object]) -> tuple[str, str, str]:
    return (str(row["agent_id"]), str(row["epoch"]), str(row["seq"]))


def _unknown(upload: Upload) -> UnknownAgent:
    return UnknownAgent(f"No agent has the id {upload.agent}: it must be enrolled first.")
