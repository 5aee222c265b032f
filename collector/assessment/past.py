"""What was known of a host before: earlier facts from the raw batches, series of measures."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Arrival, Check, Measure, Past, Point
from collector.assessment.models import NewestObservation, Series, SeriesPoint
from collector.assessment.naming import bounded, bounded_measure
from collector.intake.models import StoredBatch
from wire.batch import Opened, open_batch
from wire.errors import WireError
from wire.messages import Observation


class History:
    """The past of one host, read from the database while a batch is judged."""

    def __init__(self, session: Session, customer_id: str, host_id: str) -> None:
        self._session = session
        self._customer_id = customer_id
        self._host_id = host_id
        self._open = lru_cache(maxsize=8)(self._read)
        rows = session.scalars(
            select(NewestObservation).where(
                NewestObservation.customer_id == customer_id, NewestObservation.host_id == host_id
            )
        )
        self._newest = {(row.check, row.target): row for row in rows}
        series = session.execute(
            select(Series.check, Series.target, Series.measure, Series.object, Series.id).where(
                Series.customer_id == customer_id, Series.host_id == host_id
            )
        )
        self._series = {(row[0], row[1], row[2], row[3]): row[4] for row in series}

    def newest_at(self, check_id: str, target: str) -> datetime | None:
        """Return when the check was last tried on the target."""
        row = self._newest.get((check_id, target))
        return row.observed_at if row else None

    def past(
        self,
        check_id: str,
        check: Check[Any],
        observation: Observation,
        boot_id: str,
        measures: Sequence[Measure],
    ) -> Past[Any]:
        """Return what a rule may know besides the facts of this observation."""
        target = observation.target.name
        row = self._newest.get((check_id, target))
        previous = self._previous(check_id, check, row) if row else None
        present = {(measure.name, measure.object): float(measure.value) for measure in measures}

        def series(measure: str, name: str) -> Sequence[Point]:
            measure, name = bounded_measure(measure), bounded(name)
            before = self._points((check_id, target, measure, name), observation.observed_at)
            if (measure, name) in present:
                return (*before, Point(observation.observed_at, present[measure, name]))
            return before

        if previous is None or row is None or row.facts_at is None:
            return Past(observed_at=observation.observed_at, series=series)
        return Past(
            observed_at=observation.observed_at,
            previous=previous,
            elapsed_seconds=(observation.observed_at - row.facts_at).total_seconds(),
            same_boot=row.facts_boot_id == boot_id,
            series=series,
        )

    def _points(self, key: tuple[str, str, str, str], until: datetime) -> tuple[Point, ...]:
        series_id = self._series.get(key)
        if series_id is None:
            return ()
        rows = self._session.execute(
            select(SeriesPoint.at, SeriesPoint.value)
            .where(
                SeriesPoint.customer_id == self._customer_id,
                SeriesPoint.series_id == series_id,
                SeriesPoint.at < until,
            )
            .order_by(SeriesPoint.at)
        )
        return tuple(Point(row.at, row.value) for row in rows)

    def _previous(self, check_id: str, check: Check[Any], row: NewestObservation) -> Any:  # noqa: ANN401 - the check's own Facts
        """Return the earlier facts, or None where they no longer fit what the check reads now."""
        opened = self._open(row.facts_digest) if row.facts_digest else None
        if opened is None:
            return None
        if check.derive is not None:
            return check.derive(Arrival(opened.header.inspection, opened.observations))
        for earlier in opened.observations:
            if (earlier.check, earlier.target.name) == (check_id, row.target):
                if earlier.version != check.version or not isinstance(earlier.facts, msgspec.Raw):
                    return None
                try:
                    return check.decoder.decode(earlier.facts)
                except msgspec.MsgspecError:
                    return None
        return None

    def _read(self, digest: str) -> Opened | None:
        payload = self._session.scalar(
            select(StoredBatch.payload).where(
                StoredBatch.customer_id == self._customer_id, StoredBatch.digest == digest
            )
        )
        try:
            return open_batch(payload) if payload is not None else None
        except WireError:
            return None
