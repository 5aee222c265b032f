"""Write conclusions: newest verdicts, findings with their events, series of measures."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
from sqlalchemy import Insert, Table, bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from checks.api import State, Text, Verdict
from collector.assessment.findings import BAD, RESOLVED, WAIVED, Known, change
from collector.assessment.models import (
    FindingEvent,
    NewestObservation,
    Series,
    SeriesPoint,
    StoredFinding,
    StoredVerdict,
)
from collector.assessment.reading import Conclusion
from collector.backups.recording import record_look

# Tables, not mapped classes: an inspection has hundreds of these rows.
_VERDICTS = cast("Table", StoredVerdict.__table__)
_EVENTS = cast("Table", FindingEvent.__table__)
_POINTS = cast("Table", SeriesPoint.__table__)
_DELETE_VERDICTS = delete(_VERDICTS).where(
    _VERDICTS.c.customer_id == bindparam("of_customer"),
    _VERDICTS.c.host_id == bindparam("of_host"),
    _VERDICTS.c.check == bindparam("of_check"),
    _VERDICTS.c.target == bindparam("of_target"),
)


class Recorder:
    """Writes the conclusions of one inspection of one host."""

    def __init__(
        self,
        session: Session,
        *,
        customer_id: str,
        host_id: str,
        inspection_id: str,
        boot_id: str,
        digest: str,
    ) -> None:
        self._session = session
        self._key = {"customer_id": customer_id, "host_id": host_id}
        self._customer_id = customer_id
        self._host_id = host_id
        self._inspection_id = inspection_id
        self._boot_id = boot_id
        self._digest = digest

    def record(self, conclusions: Sequence[Conclusion]) -> None:
        """Write all of it. What is not newer than what is known adds to the series and to the
        backup calendar only.

        The same reading comes again where an agent uses it again (a heavy check): it says nothing
        new, and no finding has been found once more.
        """
        newest = {
            (row.check, row.target): row
            for row in self._session.scalars(select(NewestObservation).filter_by(**self._key))
        }
        conclusions = [
            each
            for each in conclusions
            if not self._came_before(each, newest.get((each.check, each.target)))
        ]
        self._record_measures(conclusions)
        for each in conclusions:
            if each.look is not None:
                record_look(self._session, **self._key, name=each.target, look=each.look)
        current = []
        for conclusion in conclusions:
            row = newest.get((conclusion.check, conclusion.target))
            if row is not None and row.observed_at >= conclusion.observed_at:
                continue
            if row is None:
                row = NewestObservation(
                    **self._key, check=conclusion.check, target=conclusion.target
                )
                self._session.add(row)
            row.observed_at = conclusion.observed_at
            if conclusion.has_facts:
                row.facts_digest = self._digest
                row.facts_at = conclusion.observed_at
                row.facts_boot_id = self._boot_id
                row.facts_monotonic_seconds = conclusion.monotonic_seconds
            current.append(conclusion)
        self._record_verdicts(current)
        self._follow_findings(current)

    def _came_before(self, conclusion: Conclusion, row: NewestObservation | None) -> bool:
        """Return whether this is the very reading that the newest facts are of."""
        named = (self._boot_id, conclusion.monotonic_seconds)
        return (
            row is not None
            and all(named)
            and named == (row.facts_boot_id, row.facts_monotonic_seconds)
        )

    def _record_verdicts(self, conclusions: Iterable[Conclusion]) -> None:
        replaced, rows = [], []
        for conclusion in conclusions:
            replaced.append(
                {
                    "of_customer": self._customer_id,
                    "of_host": self._host_id,
                    "of_check": conclusion.check,
                    "of_target": conclusion.target,
                }
            )
            rows += [
                {
                    **self._key,
                    "code": judged.code,
                    "target": conclusion.target,
                    "object": judged.verdict.object,
                    "check": conclusion.check,
                    "state": judged.verdict.state.value,
                    "texts": texts(judged.verdict),
                    "observed_at": conclusion.observed_at,
                    "digest": self._digest,
                }
                for judged in conclusion.verdicts
            ]
        if replaced:
            self._session.execute(_DELETE_VERDICTS, replaced)
        if rows:
            self._session.execute(_VERDICTS.insert(), rows)

    def _follow_findings(self, conclusions: Iterable[Conclusion]) -> None:
        known = {
            (row.code, row.target, row.object): row
            for row in self._session.scalars(select(StoredFinding).filter_by(**self._key))
        }
        number = (
            self._session.scalar(
                select(func.max(StoredFinding.number)).filter_by(customer_id=self._customer_id)
            )
            or 0
        )
        events: list[Mapping[str, object]] = []
        for conclusion in conclusions:
            present: dict[tuple[str, str], Verdict] = {
                (judged.code, judged.verdict.object): judged.verdict
                for judged in conclusion.verdicts
            }
            codes = {judged.code for judged in conclusion.verdicts}
            # A rule that could not be judged as a whole says nothing of any of its objects.
            silent = {
                judged.code
                for judged in conclusion.verdicts
                if judged.verdict.object == "" and judged.verdict.state is State.NOT_RUN
            }
            gone = [
                (key[0], key[2])
                for key in known
                if key[1] == conclusion.target
                and key[0] in codes - silent
                and (key[0], key[2]) not in present
            ]
            for code, name in [*present, *gone]:
                verdict = present.get((code, name))
                row = known.get((code, conclusion.target, name))
                was = Known(State(row.state), row.resolved_at is not None) if row else None
                became = change(was, verdict.state if verdict else None)
                if became is None:
                    continue
                if row is None:
                    number += 1
                    row = StoredFinding(
                        **self._key,
                        number=number,
                        code=code,
                        target=conclusion.target,
                        object=name,
                        first_seen=conclusion.observed_at,
                        times=0,
                    )
                    self._session.add(row)
                events.append(self._move(row, became, verdict, conclusion.observed_at))
        self._session.flush()
        if events:
            self._session.execute(_insert_events(self._session), events)

    def _move(
        self, row: StoredFinding, became: str, verdict: Verdict | None, at: datetime
    ) -> Mapping[str, object]:
        """Change a finding and return its event; events follow when all findings are written."""
        row.change = became
        if became in (RESOLVED, WAIVED):
            row.state = State.OK.value
            row.resolved_at = at
        elif verdict is not None and verdict.state in BAD:
            row.state = verdict.state.value
            row.resolved_at = None
            row.last_seen = at
            row.times += 1
            row.texts = texts(verdict)
            row.digest = self._digest
        return {
            "customer_id": self._customer_id,
            "number": row.number,
            "inspection_id": self._inspection_id,
            "at": at,
            "state": row.state,
            "change": became,
        }

    def _record_measures(self, conclusions: Iterable[Conclusion]) -> None:
        known = {
            (row.check, row.target, row.measure, row.object): row.id
            for row in self._session.scalars(select(Series).filter_by(**self._key))
        }
        following = (
            self._session.scalar(
                select(func.max(Series.id)).filter_by(customer_id=self._customer_id)
            )
            or 0
        )
        points: list[Mapping[str, object]] = []
        for conclusion in conclusions:
            for measure in conclusion.measures:
                key = (conclusion.check, conclusion.target, measure.name, measure.object)
                if key not in known:
                    following += 1
                    known[key] = following
                    self._session.add(
                        Series(
                            **self._key,
                            id=following,
                            check=conclusion.check,
                            target=conclusion.target,
                            measure=measure.name,
                            object=measure.object,
                        )
                    )
                points.append(
                    {
                        "customer_id": self._customer_id,
                        "series_id": known[key],
                        "at": conclusion.observed_at,
                        "value": measure.value,
                    }
                )
        self._session.flush()
        if points:
            self._session.execute(_insert_points(self._session), points)


def texts(verdict: Verdict) -> dict[str, Any]:
    """Return the words of a verdict as JSON, in both languages."""

    def pair(text: Text) -> list[str]:
        return [text.zh, text.en]

    kept: dict[str, Any] = {"current": pair(verdict.current), "reference": pair(verdict.reference)}
    if verdict.message is not None:
        kept["message"] = pair(verdict.message)
    if verdict.failure is not None:
        kept["failure"] = msgspec.to_builtins(verdict.failure)
    return kept


def _insert_events(session: Session) -> Insert:
    """Return the insert of which the last of two events in one inspection stays."""
    build = postgresql.insert if _is_postgresql(session) else sqlite.insert
    insert = build(_EVENTS)
    changed = {name: insert.excluded[name] for name in ("at", "state", "change")}
    place = ["customer_id", "number", "inspection_id"]
    upsert: Insert = insert.on_conflict_do_update(index_elements=place, set_=changed)
    return upsert


def _insert_points(session: Session) -> Insert:
    """Return the insert that keeps the first of two values at one moment."""
    if _is_postgresql(session):
        return postgresql.insert(_POINTS).on_conflict_do_nothing()
    return sqlite.insert(_POINTS).on_conflict_do_nothing()


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
