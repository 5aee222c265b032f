"""How what waits is divided into the parts of a bundle, and what each part says of itself."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from agent.spool import Place, Sealed, Spool
from wire.batch import header_of
from wire.bundle import MOST_EPOCHS
from wire.control import ChainHead
from wire.errors import WireError
from wire.frames import MOST_FRAMES, Frame, length_of, packed
from wire.messages import Inspection

RESERVED_BYTES = 2**20
"""Of a part's size, for all that is not frames: manifest, headers, and the tags of encryption."""
_ENCRYPTED_SHARE = 65536 / (65536 + 16)
"""age puts 16 bytes behind each 64 KiB."""


class Period(Struct, frozen=True):
    """From the first inspection to the last, and the host's time zone by the last."""

    first_at: datetime
    last_at: datetime
    time_zone: str


class Part(Struct, frozen=True):
    """The batches of one file."""

    places: tuple[Place, ...]
    frames_digest: str
    heads: tuple[ChainHead, ...]
    period: Period | None
    """None: no batch tells it."""


class _Gathered:
    """A part while it is being gathered."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.bytes = 0
        self.heads: dict[str, ChainHead] = {}
        self._digest = hashlib.sha256()
        self._period: Period | None = None

    def takes(self, sealed: Sealed, most_bytes: int) -> bool:
        """Tell whether the batch has room here; the first one has."""
        size = length_of(sealed.epoch, sealed.batch.payload)
        epochs = len(self.heads) + (sealed.epoch not in self.heads)
        return not self.places or (
            self.bytes + size <= most_bytes
            and len(self.places) < MOST_FRAMES
            and epochs <= MOST_EPOCHS
        )

    def add(self, place: Place, sealed: Sealed) -> None:
        """Take a batch in."""
        content = packed(frame_of(sealed))
        self.places.append(place)
        self.bytes += len(content)
        self._digest.update(content)
        head = self.heads.get(sealed.epoch)
        if head is None or sealed.seq > head.last_seq:
            first = sealed.seq if head is None else head.first_seq
            head = ChainHead(sealed.epoch, first, sealed.seq, sealed.batch.digest)
        self.heads[sealed.epoch] = ChainHead(
            head.epoch, min(head.first_seq, sealed.seq), head.last_seq, head.last_digest
        )
        self._period = joined(self._period, _period_of(sealed.batch.payload))

    def part(self) -> Part:
        """Return what was gathered."""
        return Part(
            tuple(self.places),
            self._digest.hexdigest(),
            tuple(self.heads.values()),
            self._period,
        )


def divided(spool: Spool, places: Sequence[Place], part_bytes: int) -> list[Part]:
    """Return the parts that these batches make, none larger than part_bytes as a file."""
    most_bytes = int((part_bytes - RESERVED_BYTES) * _ENCRYPTED_SHARE)
    parts: list[Part] = []
    gathered = _Gathered()
    for place in places:
        sealed = spool.batch(place)
        if not gathered.takes(sealed, most_bytes):
            parts.append(gathered.part())
            gathered = _Gathered()
        gathered.add(place, sealed)
    return [*parts, gathered.part()]


def frames(spool: Spool, part: Part) -> Iterator[bytes]:
    """Give the packed frames of a part, one at a time."""
    for place in part.places:
        yield packed(frame_of(spool.batch(place)))


def frame_of(sealed: Sealed) -> Frame:
    """Return a batch as it stands in a bundle."""
    return Frame(sealed.epoch, sealed.seq, sealed.key_id, sealed.signature, sealed.batch.payload)


def joined(one: Period | None, other: Period | None) -> Period | None:
    """Return the period that holds both."""
    if one is None or other is None:
        return one or other
    zone = other.time_zone if other.last_at >= one.last_at else one.time_zone
    return Period(min(one.first_at, other.first_at), max(one.last_at, other.last_at), zone)


def _period_of(payload: bytes) -> Period | None:
    try:
        inspection: Inspection = header_of(payload).inspection
    except WireError:
        return None  # The collector shows what it can't read; here it is only not told.
    last_at = inspection.finished_at or inspection.started_at
    return Period(inspection.started_at, last_at, inspection.time_zone)
