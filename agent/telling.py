"""The status of the spool as a person reads it: local times, sizes, words for states."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from agent import messages
from agent.status import Status
from checks import wording
from checks.api import Text


def lines(found: Status) -> Iterator[Text]:
    """Yield the lines of a status."""
    for name, title in messages.STATUS_LINES:
        value = getattr(found, name)
        shown = messages.STATUS_NONE if value is None else _FORMS.get(name, _plain)(value)
        yield messages.FIELD.format(title=title, value=shown)
    if found.paused_until is not None and found.paused_why is not None:
        yield messages.STATUS_PAUSED.format(
            until=_moment(found.paused_until), failures=found.failures, why=found.paused_why
        )
    for gap in found.gaps:
        known = messages.STATUS_UNKNOWN if gap.observations is None else gap.observations
        yield messages.STATUS_GAP.format(
            observations=known,
            batches=gap.batches,
            loss=messages.LOSSES[gap.loss.value],
            first=_local(gap.first_at),
            last=_local(gap.last_at),
        )
    for batch in found.refused:
        yield messages.STATUS_REFUSED.format(seq=batch.seq, times=batch.times, why=batch.why)


def _plain(value: object) -> Text:
    return Text.same(str(value))


def _moment(text: str) -> Text:
    return _local(datetime.fromisoformat(text))


def _local(moment: datetime) -> Text:
    return Text.same(f"{moment.astimezone():%Y-%m-%d %H:%M}")


def _standing(value: str) -> Text:
    return messages.STANDINGS[value]


_FORMS: Mapping[str, Callable[[Any], Text]] = {
    "last_acknowledged_at": _moment,
    "pending_bytes": wording.size,
    "standing": _standing,
}
