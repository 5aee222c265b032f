"""Whether the bytes of a backup are those that were hashed before."""

from datetime import datetime

from msgspec import Struct

from agent.backups.kind import FileRecord, Records
from agent.backups.sidecars import Sidecar
from agent.backups.streaming import Stamp
from checks.backup_sets import Level, Proof, Result


class Digests(Struct, frozen=True):
    """What was hashed now."""

    path: str
    """As it is shown, below the place."""
    stamp: Stamp
    digest: str
    others: dict[str, str]
    """By the other algorithms that the files beside it need."""


def unchanged(record: FileRecord | None, stamp: Stamp) -> bool:
    """Return whether a file is, by its size, date and number, the one that was hashed."""
    return record is not None and (record.bytes, record.modified_ns, record.inode) == (
        stamp.bytes,
        stamp.modified_ns,
        stamp.inode,
    )


def proof(
    point: str,
    records: Records,
    now: Digests,
    beside: tuple[Sidecar, ...],
    at: datetime,
    seconds: float,
) -> Proof:
    """Return the proof of level HASHED, and keep the digest where it is no worse than before.

    A digest that was contradicted is never overwritten: it goes on being contradicted.
    """
    record = records.recorded(now.path)
    said = [sidecar for sidecar in beside if sidecar.digest]
    against = [each for each in said if _made(now, each.algorithm) != each.digest]
    method = ", ".join(["sha256", *(each.name for each in said)])[:255]
    earlier = ""
    detail = ""
    result = Result.PASSED
    if record is not None and record.digest != now.digest:
        earlier = record.digest
        if record.modified_ns == now.stamp.modified_ns:
            result = Result.FAILED
            detail = (
                f"changed without a trace: its date is that of {record.hashed_at:%Y-%m-%d %H:%M}Z, "
                f"when it had {record.bytes} bytes and the digest {record.digest[:12]}…"
            )
        else:
            detail = f"replaced since it was hashed on {record.hashed_at:%Y-%m-%d %H:%M}Z"
    if against:
        result = Result.FAILED
        names = ", ".join(each.name for each in against)
        detail = "; ".join(filter(None, (detail, f"not what {names} says of it")))
    if result is Result.PASSED:
        records.record(
            FileRecord(
                now.path, now.stamp.bytes, now.stamp.modified_ns, now.stamp.inode, now.digest, at
            )
        )
    return Proof(
        point=point,
        level=Level.HASHED,
        result=result,
        at=at,
        method=method,
        digest=now.digest,
        other_digest=earlier,
        bytes_read=now.stamp.bytes,
        seconds=seconds,
        detail=detail[:2000],
    )


def _made(now: Digests, algorithm: str) -> str:
    return now.digest if algorithm == "sha256" else now.others[algorithm]
