"""When things happened by the collector's clock, whatever the host's said (security-reliability
§3.5).

Nothing is refused because of time. With a batch that comes over the network goes a signed note of
the host's clocks at that moment. By it an observation is placed: through the monotonic clock where
the boot is the same, else by the wall clock less its offset. Where nothing tells the offset (a
bundle), the wall clock stands, but nothing has happened after it arrived.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from msgspec import structs

from wire.control import DELIVERY, Delivery
from wire.errors import WireError
from wire.messages import Inspection, Observation
from wire.signing import verify

CLOCK_SET_SECONDS = 60.0
"""The two clocks of a host differ by more over one inspection: somebody has set one; own figure."""


@dataclass(frozen=True)
class Clocks:
    """What is known of a host's clocks at the arrival of one batch."""

    received_at: datetime
    delivery: Delivery | None

    @property
    def offset_seconds(self) -> float | None:
        """Return how far the host's wall clock was ahead; None where it is not known."""
        if self.delivery is None:
            return None
        return (self.delivery.wall - self.received_at).total_seconds()

    def placed(
        self, inspection: Inspection, observations: Sequence[Observation]
    ) -> tuple[Inspection, tuple[Observation, ...]]:
        """Return the inspection and its observations with their times by the collector's clock."""
        steady = self._age_by_monotonic(inspection.boot_id)
        back = self._back(inspection, observations)
        moved = []
        fresh = []
        since = _beginning(inspection, observations)
        for each in observations:
            age = steady - each.monotonic_seconds if steady is not None else -1.0
            at = _earlier(each.observed_at, back)
            if age >= 0:
                at = _earlier(self.received_at, age)
                # The clock may have been set since: what it was off then counts for that run.
                if each.observed_at >= inspection.started_at or each.monotonic_seconds >= since:
                    back = (each.observed_at - at).total_seconds()
                    fresh.append(at)
            moved.append(structs.replace(each, observed_at=at))
        return self._run(inspection, back, fresh), tuple(moved)

    def _run(self, inspection: Inspection, back: float, fresh: Sequence[datetime]) -> Inspection:
        """Return the inspection with its ends around what was read in it."""
        started = _earlier(inspection.started_at, back)
        finished = inspection.finished_at and _earlier(inspection.finished_at, back)
        if finished is not None and inspection.finished_at is not None:
            finished = max([finished, *fresh])
            took = (inspection.finished_at - inspection.started_at).total_seconds()
            if abs(took - inspection.cost.wall_seconds) > CLOCK_SET_SECONDS:
                # Its duration is by the monotonic clock.
                started = _earlier(finished, inspection.cost.wall_seconds)
        return structs.replace(inspection, started_at=min([started, *fresh]), finished_at=finished)

    def _age_by_monotonic(self, boot_id: str) -> float | None:
        """Return the monotonic clock at the arrival, if it is that of the inspection's boot."""
        if self.delivery is None or not boot_id or self.delivery.boot_id != boot_id:
            return None
        return self.delivery.monotonic_seconds

    def _back(self, inspection: Inspection, observations: Sequence[Observation]) -> float:
        """Return by how many seconds the host's wall clock is to be set back."""
        if self.offset_seconds is not None:
            return self.offset_seconds
        latest = max(
            (each.observed_at for each in observations),
            default=inspection.finished_at or inspection.started_at,
        )
        return max(0.0, (latest - self.received_at).total_seconds())


def clocks_of(
    received_at: datetime, header: str | None, *, agent: str, digest: str, public_key: bytes | None
) -> Clocks:
    """Return the clocks that go with a batch. What is not signed by its key tells nothing."""
    delivery = None
    if header is not None and public_key is not None:
        try:
            delivery = _read(header, public_key)
        except (WireError, ValueError, RecursionError):  # msgspec's and base64's are ValueErrors
            delivery = None
    if delivery is not None and (delivery.agent, delivery.digest) != (agent, digest):
        delivery = None
    return Clocks(received_at, delivery)


def _read(header: str, public_key: bytes) -> Delivery:
    message, _, signature = header.partition(".")
    payload = base64.b64decode(message, validate=True)
    verify(public_key, DELIVERY, payload, base64.b64decode(signature, validate=True))
    return msgspec.json.decode(payload, type=Delivery)


def _beginning(inspection: Inspection, observations: Sequence[Observation]) -> float:
    """Return the monotonic clock of about the start: what is older was read in an earlier run."""
    latest = max((each.monotonic_seconds for each in observations), default=0.0)
    return latest - inspection.cost.wall_seconds


def _earlier(moment: datetime, seconds: float) -> datetime:
    """Return a moment moved back; where no calendar reaches that far, as it was."""
    try:
        return moment - timedelta(seconds=seconds)
    except OverflowError:
        return moment
