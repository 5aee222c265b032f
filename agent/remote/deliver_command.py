"""The command `xunjian-agent remote deliver`."""

from agent.console import Console
from agent.events import Event
from agent.remote import home as place
from agent.remote import texts, trust
from agent.remote.bundling import bundle, target_of
from agent.remote.delivering import Outcome, State, host_of
from agent.remote.delivering import deliver as hand_over
from agent.remote.folder import all_in

_SENTENCES = {
    State.DELIVERED: texts.SESSION_DELIVERED,
    State.BUNDLED: texts.SESSION_BUNDLED,
    State.KEPT: texts.SESSION_KEPT,
    State.REFUSED: texts.SESSION_KEPT,
    State.UNDER_WAY: texts.SESSION_KEPT,
    State.DAMAGED: texts.SESSION_KEPT,
}


def deliver(console: Console, bundle_file: str | None, *, as_json: bool) -> int:
    """Deliver every session that waits, or write it to files; one that can't holds up no other."""
    known = trust.load(place.folder())
    waiting = [each for each in all_in(known.home) if not each.progress().delivered]

    def report(event: Event) -> None:
        if as_json:
            console.json(event)
        else:
            console.tell(event)

    outcomes = []
    for folder in waiting:
        if bundle_file is None:
            outcome = hand_over(folder, known, report, console.language)
        else:
            target = target_of(bundle_file, folder, host_of(folder, known), alone=len(waiting) == 1)
            outcome = bundle(folder, known, target)
        if outcome is not None:
            outcomes.append(outcome)
            tell(console, outcome, as_json=as_json)
    if not outcomes and not as_json:
        console.say(texts.NOTHING_WAITS)
    return 0 if all(each.done for each in outcomes) else 1


def tell(console: Console, outcome: Outcome, *, as_json: bool) -> None:
    """Print what became of a session."""
    if as_json:
        console.json(
            {
                "event": "session",
                "session": outcome.session,
                "host": outcome.host,
                "state": outcome.state.value,
                "why": console.words(outcome.why) if outcome.why is not None else None,
                "files": list(outcome.files),
            }
        )
        return
    sentence = _SENTENCES[outcome.state].format(
        session=outcome.session[:8],
        host=outcome.host or "-",
        why=outcome.why or "",
        files=", ".join(outcome.files),
    )
    if outcome.done:
        console.say(sentence)
    else:
        console.complain(sentence)
