"""Evidence in the database: read it, and write what a look has changed in it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast

import msgspec
from sqlalchemy import Select, Table, and_, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from checks.backup_sets import Copy, Declaration, Level, Proof, RestorePoint, Result
from collector.backups.evidence import (
    Evidence,
    PointKey,
    ProofKey,
    SeenCopy,
    SeenLook,
    SeenOffsite,
    SeenPoint,
    SeenProof,
)
from collector.backups.models import (
    BackupCopy,
    BackupDeclaration,
    BackupLook,
    BackupOffsiteLook,
    BackupPoint,
    BackupProof,
    BackupSet,
)
from wire.messages import Failure

# Tables, not mapped classes: a set has thousands of these rows.
_POINTS = cast("Table", BackupPoint.__table__)
_COPIES = cast("Table", BackupCopy.__table__)
_PROOFS = cast("Table", BackupProof.__table__)
_LOOKS = cast("Table", BackupLook.__table__)
_OFFSITE_LOOKS = cast("Table", BackupOffsiteLook.__table__)
_DECLARATIONS = cast("Table", BackupDeclaration.__table__)
Key = TypeVar("Key")
Value = TypeVar("Value")


class SetKey(NamedTuple):
    """Whose rows they are."""

    customer_id: str
    set_id: str


def read_evidence(session: Session, of: BackupSet, since: datetime) -> Evidence:
    """Return what is known of a set's backup days from `since` on."""
    key = SetKey(of.customer_id, of.id)
    return Evidence(
        points={
            PointKey(row.point, row.started_at): SeenPoint(
                msgspec.convert(row.told, RestorePoint),
                row.first_seen,
                row.offset_seconds,
                row.last_seen,
                row.growing_at,
            )
            for row in session.execute(
                _rows(_POINTS, key).where(
                    or_(
                        _POINTS.c.last_seen.is_(None),
                        _POINTS.c.last_seen >= since,
                        _POINTS.c.started_at >= since,
                    )
                )
            )
        },
        copies={
            row.point: SeenCopy(
                msgspec.convert(row.told, Copy), row.last_seen, row.same_since, row.same_until
            )
            for row in session.execute(
                _rows(_COPIES, key).where(
                    or_(_COPIES.c.last_seen.is_(None), _COPIES.c.last_seen >= since)
                )
            )
        },
        proofs={
            ProofKey(row.point, Level(row.level), row.at, Result(row.result)): SeenProof(
                msgspec.convert(row.told, Proof), row.first_seen, row.offset_seconds
            )
            for row in session.execute(_rows(_PROOFS, key))
        },
        looks=_read_looks(session, of, since),
        offsite_looks={
            row.at: SeenOffsite(row.at, _failure(row.failure), row.same_host)
            for row in session.execute(
                _rows(_OFFSITE_LOOKS, key).where(
                    or_(_OFFSITE_LOOKS.c.at >= since, _OFFSITE_LOOKS.c.at == of.listed_offsite_at)
                )
            )
        },
    )


def write_changes(session: Session, key: SetKey, before: Evidence, after: Evidence) -> None:
    """Write what is in `after` and was not in `before`."""
    _put(
        session,
        _POINTS,
        key,
        before.points,
        after.points,
        lambda at, seen: {
            "point": at.id,
            "started_at": at.started_at,
            "first_seen": seen.first_seen,
            "offset_seconds": seen.offset_seconds,
            "last_seen": seen.last_seen,
            "growing_at": seen.growing_at,
            "told": msgspec.to_builtins(seen.point),
        },
    )
    _put(
        session,
        _COPIES,
        key,
        before.copies,
        after.copies,
        lambda point, seen: {
            "point": point,
            "last_seen": seen.last_seen,
            "same_since": seen.same_since,
            "same_until": seen.same_until,
            "told": msgspec.to_builtins(seen.copy),
        },
    )
    for gone in before.proofs.keys() - after.proofs.keys():
        session.execute(
            delete(_PROOFS).where(
                _of(_PROOFS, key),
                _PROOFS.c.point == gone.point,
                _PROOFS.c.level == gone.level.value,
                _PROOFS.c.at == gone.at,
                _PROOFS.c.result == gone.result.value,
            )
        )
    _put(
        session,
        _PROOFS,
        key,
        before.proofs,
        after.proofs,
        lambda at, seen: {
            "point": at.point,
            "level": at.level.value,
            "at": at.at,
            "result": at.result.value,
            "first_seen": seen.first_seen,
            "offset_seconds": seen.offset_seconds,
            "told": msgspec.to_builtins(seen.proof),
        },
    )
    _write_looks(session, key, before, after)


def newest_declaration(session: Session, key: SetKey, at: datetime | None) -> Declaration | None:
    """Return what the look at a moment declared."""
    told = session.scalar(
        select(_DECLARATIONS.c.told)
        .join(
            _LOOKS,
            and_(
                _LOOKS.c.customer_id == _DECLARATIONS.c.customer_id,
                _LOOKS.c.set_id == _DECLARATIONS.c.set_id,
                _LOOKS.c.declaration == _DECLARATIONS.c.digest,
            ),
        )
        .where(_of(_LOOKS, key), _LOOKS.c.at == at)
    )
    return None if told is None else msgspec.convert(told, Declaration)


def _read_looks(session: Session, of: BackupSet, since: datetime) -> Mapping[datetime, SeenLook]:
    key = SetKey(of.customer_id, of.id)
    known = {
        row.digest: msgspec.convert(row.told, Declaration)
        for row in session.execute(_rows(_DECLARATIONS, key))
    }
    return {
        row.at: SeenLook(
            row.at,
            _failure(row.failure),
            known.get(row.declaration),
            row.listed_since,
            row.reaches,
            row.newest_at,
        )
        for row in session.execute(
            # The newest listing is what the next look is compared with.
            _rows(_LOOKS, key).where(or_(_LOOKS.c.at >= since, _LOOKS.c.at == of.listed_at))
        )
    }


def _write_looks(session: Session, key: SetKey, before: Evidence, after: Evidence) -> None:
    declarations: dict[str, Mapping[str, Any]] = {}
    digests: dict[datetime, str] = {}
    for at, look in after.looks.items():
        if look.declaration is None or before.looks.get(at) is look:
            continue
        content = msgspec.json.encode(look.declaration)
        digests[at] = hashlib.sha256(content).hexdigest()
        declarations[digests[at]] = {
            "digest": digests[at],
            "first_seen": at,
            "told": msgspec.to_builtins(look.declaration),
        }
    if declarations:
        session.execute(
            _insert(session, _DECLARATIONS).on_conflict_do_nothing(),
            [{**key._asdict(), **row} for row in declarations.values()],
        )
    _put(
        session,
        _LOOKS,
        key,
        before.looks,
        after.looks,
        lambda at, look: {
            "at": at,
            "declaration": digests.get(at),
            "listed_since": look.listed_since,
            "reaches": look.reaches,
            "newest_at": look.newest_at,
            "failure": None if look.failure is None else msgspec.to_builtins(look.failure),
        },
    )
    _put(
        session,
        _OFFSITE_LOOKS,
        key,
        before.offsite_looks,
        after.offsite_looks,
        lambda at, look: {
            "at": at,
            "same_host": look.same_host,
            "failure": None if look.failure is None else msgspec.to_builtins(look.failure),
        },
    )


def _put(
    session: Session,
    table: Table,
    key: SetKey,
    before: Mapping[Key, Value],
    after: Mapping[Key, Value],
    row: Callable[[Key, Value], Mapping[str, Any]],
) -> None:
    """Write the values that are not the very ones of before."""
    put_rows(
        session,
        table,
        [
            {**key._asdict(), **row(at, value)}
            for at, value in after.items()
            if before.get(at) is not value
        ],
    )


def put_rows(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or change those that are there."""
    if not rows:
        return
    insert = _insert(session, table)
    changed = {
        column.name: insert.excluded[column.name]
        for column in table.columns
        if not column.primary_key
    }
    put = insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed)
    session.execute(put, list(rows))


def _insert(session: Session, table: Table) -> Any:  # noqa: ANN401 - the two dialects' own inserts
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    return postgresql.insert(table) if is_postgresql else sqlite.insert(table)


def _of(table: Table, key: SetKey) -> Any:  # noqa: ANN401 - a condition of SQLAlchemy's
    return and_(table.c.customer_id == key.customer_id, table.c.set_id == key.set_id)


def _rows(table: Table, key: SetKey) -> Select[Any]:
    return select(table).where(_of(table, key))


def _failure(told: Mapping[str, Any] | None) -> Failure | None:
    return None if told is None else msgspec.convert(told, Failure)
