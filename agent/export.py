"""Write what waits to encrypted files, all of them or none.

Nothing leaves the spool by it: batches stay until the collector's signed word comes, by receipt or
online. Wherever writing or encrypting fails, no file is left, and never one that is not encrypted.
"""

import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from agent import bundle_messages, bundle_parts, files, surroundings
from agent.bundle_parts import Part, Period
from agent.errors import BundleError
from agent.host import LocalHost
from agent.identity import Identity
from agent.spool import Spool
from wire import bundle, codes, envelope
from wire.control import MANIFEST, Manifest
from wire.messages import WIRE_VERSION
from wire.signing import key_id


class Written(Struct, frozen=True):
    """One file of a bundle."""

    file: str
    bytes: int
    batches: int
    words: tuple[str, ...]
    """Fingerprint of the signed manifest, which binds all of the content."""
    numbers: tuple[str, ...]


class Slip(Struct, frozen=True):
    """What a person needs to know of an export."""

    customer: str
    site: str
    host: str
    batches: int
    period: Period | None
    files: tuple[Written, ...]
    left: int
    """Batches of an earlier enrolment of this host, which are not in it."""


def export(
    spool: Spool,
    known: Identity,
    target: Path,
    *,
    part_bytes: int,
    replace: bool,
    sessions: tuple[bytes, ...] = (),
) -> Slip | None:
    """Seal and write all that waits; None, and no file, where nothing does.

    `sessions` are the signed statements of the remote sessions that the batches were made in; each
    file repeats them, so that the files may be imported in any order.

    Raise BundleError where no file can be written, SpoolError where the spool can't be read.
    """
    _demand_room_for(target, replace=replace)
    spool.finish_interrupted()
    while spool.seal_next(known.agent, known.key):
        pass
    pending = spool.pending()
    places = [place for place in pending if spool.batch(place).agent == known.agent]
    if not places and known.rotation is None:
        return None
    parts = bundle_parts.divided(spool, places, part_bytes)
    targets = _names(target, len(parts))
    for each in targets:
        _demand_room_for(each, replace=replace)
    written = _write_all(spool, known, parts, targets, sessions)
    period = None
    for part in parts:
        period = bundle_parts.joined(period, part.period)
    return Slip(
        known.customer,
        known.site,
        known.host,
        len(places),
        period,
        written,
        len(pending) - len(places),
    )


def _demand_room_for(target: Path, *, replace: bool) -> None:
    if not target.parent.is_dir():
        raise BundleError(bundle_messages.NO_FOLDER.format(folder=str(target.parent)))
    if target.is_dir():
        raise BundleError(bundle_messages.IS_FOLDER.format(file=str(target)))
    if os.path.lexists(target) and not replace:
        raise BundleError(bundle_messages.EXISTS.format(file=str(target)))


def _names(target: Path, count: int) -> list[Path]:
    if count == 1:
        return [target]
    return [
        target.with_name(f"{target.stem}.{number}-of-{count}{target.suffix}")
        for number in range(1, count + 1)
    ]


def _write_all(
    spool: Spool,
    known: Identity,
    parts: Sequence[Part],
    targets: Sequence[Path],
    sessions: tuple[bytes, ...],
) -> tuple[Written, ...]:
    """Write each file beside its place, and put all in place once all are on disk."""
    written = []
    with ExitStack() as undoing:
        manifests = _manifests(known, parts, sessions)
        for part, target, manifest in zip(parts, targets, manifests, strict=True):
            undoing.callback(_remove, _beside(target))
            with _told(target):
                written.append(_write(spool, known, part, target, manifest))
        for target in targets:
            with _told(target):
                _beside(target).replace(target)
                undoing.callback(_remove, target)
        with _told(targets[0]):
            files.settle(targets[0].parent)
        undoing.pop_all()
    return tuple(written)


def _write(spool: Spool, known: Identity, part: Part, target: Path, manifest: bytes) -> Written:
    # What lies there is left of an export that was killed.
    descriptor = os.open(_beside(target), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        bundle.write(file, manifest, bundle_parts.frames(spool, part), known.recipients)
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    signed = envelope.read(manifest).payload
    return Written(
        str(target), size, len(part.places), codes.fingerprint(signed), codes.numbers(signed)
    )


def _manifests(
    known: Identity, parts: Sequence[Part], sessions: tuple[bytes, ...]
) -> Iterator[bytes]:
    name = str(uuid.uuid4())
    for number, part in enumerate(parts, start=1):
        manifest = Manifest(
            wire=WIRE_VERSION,
            bundle=name,
            part=number,
            parts=len(parts),
            agent=known.agent,
            customer_id=known.customer_id,
            key_id=known.key.id,
            collector_key_id=key_id(known.collector_key),
            recipients=known.recipients,
            created_at=datetime.now(UTC),
            boot_id=surroundings.boot_id(LocalHost()),
            monotonic_seconds=time.monotonic(),
            batches=len(part.places),
            frames_digest=part.frames_digest,
            heads=part.heads,
            rotations=() if known.rotation is None else (known.rotation,),
            sessions=sessions,
        )
        yield envelope.enclose(manifest, MANIFEST, known.key)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.new")


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


@contextmanager
def _told(target: Path) -> Iterator[None]:
    """Raise BundleError for what writing raises."""
    try:
        yield
    except OSError as error:
        detail = error.strerror or str(error)
        raise BundleError(
            bundle_messages.NOT_WRITTEN.format(file=str(target), detail=detail)
        ) from error
    except ValueError as error:
        raise BundleError(bundle_messages.NO_RECIPIENT.format(detail=str(error))) from error
