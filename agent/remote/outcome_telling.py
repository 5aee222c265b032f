"""What came of remote inspections: one host in a few lines, several in a table, or JSON."""

from collections.abc import Sequence

from msgspec import Struct

from agent.console import Console
from agent.remote import deliver_command
from agent.remote import inspect_texts as texts
from agent.remote.delivering import Outcome, State
from agent.remote.one_host import Visited
from agent.remote.reading import Dropped, Reading
from checks import wording
from checks.api import Text
from wire.sessions import Mode

_STATES = {
    State.DELIVERED: Text("已送达", "delivered"),
    State.BUNDLED: Text("已写入文件", "in files"),
    State.KEPT: Text("保留在本机", "kept here"),
    State.REFUSED: Text("采集端未接受", "not taken by the collector"),
    State.UNDER_WAY: Text("进行中", "under way"),
    State.DAMAGED: Text("未能送达", "could not be delivered"),
}


class Result(Struct, frozen=True):
    """One host: what was read, and what became of it."""

    visited: Visited
    outcome: Outcome | None = None

    @property
    def is_complete(self) -> bool:
        """Tell whether it was read and is delivered or written."""
        handed_over = self.outcome is not None and self.outcome.done
        return self.visited.error is None and handed_over

    @property
    def host(self) -> str:
        """Return what to call it."""
        return self.visited.host or self.visited.target


def tell(console: Console, results: Sequence[Result], *, as_json: bool) -> None:
    """Print all results."""
    if as_json:
        for each in results:
            console.json(_as_values(console, each))
        return
    if len(results) == 1:
        _tell_one(console, results[0])
    else:
        _tell_several(console, results)
    if any(each.visited.stopped and each.visited.session is not None for each in results):
        console.complain(texts.KEPT_AFTER_STOP)


def _tell_one(console: Console, result: Result) -> None:
    found = result.visited
    if found.reading is not None:
        for line in _lines(result.host, found.reading):
            console.say(line)
        if found.reading.left:
            console.complain(_left(result.host, found.reading))
    if found.error is not None:
        console.complain(texts.RESULT_ERROR.format(host=result.host, why=found.error))
    if result.outcome is not None:
        deliver_command.tell(console, result.outcome, as_json=False)


def _lines(host: str, reading: Reading) -> list[Text]:
    read = texts.RESULT_READ.format(
        host=host,
        collected=reading.collected,
        total=reading.total,
        mode=texts.MODES[reading.mode],
    )
    lines = [read]
    if reading.fell_back is not None:
        lines.append(texts.RESULT_FELL_BACK.format(why=reading.fell_back))
    if reading.dropped:
        lines.append(_not_covered(reading.dropped))
    if reading.mode is Mode.AGENTLESS and reading.fell_back is None:
        lines.append(texts.RESULT_NO_COPY)
    elif reading.mode is not Mode.FORCED and not reading.left:
        lines.append(texts.RESULT_CLEAN)
    return lines


def _tell_several(console: Console, results: Sequence[Result]) -> None:
    for each in results:
        console.say(_line(each))
    for each in results:
        if each.visited.reading is not None and each.visited.reading.left:
            console.complain(_left(each.host, each.visited.reading))
        if each.outcome is not None and not each.outcome.done:
            deliver_command.tell(console, each.outcome, as_json=False)


def _line(result: Result) -> Text:
    reading, error = result.visited.reading, result.visited.error
    if error is not None or reading is None:
        return texts.TABLE_FAILED.format(host=result.host, why=error or "-")
    state = Text.same("-") if result.outcome is None else _STATES[result.outcome.state]
    dropped = Text.same("")
    if reading.dropped:
        dropped = texts.TABLE_DROPPED.format(count=len(reading.dropped))
    return texts.TABLE_LINE.format(
        host=result.host,
        read=f"{reading.collected}/{reading.total}",
        mode=texts.MODES[reading.mode],
        dropped=dropped,
        state=state,
    )


def _not_covered(dropped: Dropped) -> Text:
    lacking: dict[str, list[str]] = {}
    for check, lack in dropped:
        # A check that the grant does not name lacks itself.
        lacking.setdefault("" if lack == check else lack, []).append(check)
    shown = "; ".join(
        f"{wording.listing(checks)} ({lack})" if lack else wording.listing(checks)
        for lack, checks in sorted(lacking.items())
    )
    return texts.RESULT_DROPPED.format(count=len(dropped), checks=shown)


def _left(host: str, reading: Reading) -> Text:
    return texts.RESULT_LEFT.format(folder=f"{host}:{reading.left}")


def _as_values(console: Console, result: Result) -> dict[str, object]:
    found, outcome = result.visited, result.outcome

    def words(text: Text | None) -> str | None:
        return None if text is None else console.words(text)

    values: dict[str, object] = {
        "host": found.target,
        "event": "result",
        "name": found.host,
        "session": found.session.id if found.session is not None else None,
        "error": words(found.error),
        "stopped": found.stopped,
        "state": outcome.state.value if outcome is not None else None,
        "why": words(outcome.why) if outcome is not None else None,
        "files": list(outcome.files) if outcome is not None else [],
    }
    if found.reading is not None:
        values |= {
            "mode": found.reading.mode.value,
            "collected": found.reading.collected,
            "total": found.reading.total,
            "dropped": [{"check": check, "lacks": lack} for check, lack in found.reading.dropped],
            "fell_back": words(found.reading.fell_back),
            "left": found.reading.left or None,
        }
    return values
