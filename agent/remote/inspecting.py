"""The command `xunjian-agent remote inspect`: one host, or many side by side.

Each host is visited in a thread; this one puts their questions to the person, and notices Ctrl-C.
"""

import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from msgspec import Struct

from agent.commands import COULD_NOT, DONE, KEPT
from agent.console import Console
from agent.errors import RemoteError, SettingsError
from agent.remote import authority, inspect_texts, inventory, outcome_telling, package, texts, trust
from agent.remote import home as place
from agent.remote.bundling import bundle, target_of
from agent.remote.delivering import Outcome, deliver
from agent.remote.one_host import Inspector, Visited, sentence_of, visit
from agent.remote.order import Order
from agent.remote.order_settings import settings_of
from agent.remote.outcome_telling import Result
from agent.remote.progress import Report, reporter
from agent.remote.prompting import Prompts
from agent.remote.wishes import Wish, pack_of, settings_text
from agent.ssh.library import paramiko
from checks.api import Text
from checks.errors import ToolMissing
from wire.grants import Coverage
from wire.messages import Remote

MOST_PARALLEL = 64
_BEAT_SECONDS = 0.1


class Inspecting(Struct, frozen=True, kw_only=True):
    """What the command line of `inspect` says."""

    target: str | None = None
    inventory: str | None = None
    grant: str | None = None
    packs: tuple[str, ...] = ()
    jumps: tuple[str, ...] = ()
    key: str | None = None
    host_keys: tuple[str, ...] = ()
    settings: str | None = None
    agentless: bool = False
    bundle: str | None = None
    parallel: int = 8


def inspect(console: Console, chosen: Inspecting, *, as_json: bool) -> int:
    """Inspect, deliver, and return the exit code: 0 all is delivered or written, 1 some is not."""
    known = trust.load(place.folder())
    if chosen.grant is None:
        raise RemoteError(texts.GRANT_WANTED)
    if not 1 <= chosen.parallel <= MOST_PARALLEL:
        raise RemoteError(
            inspect_texts.PARALLEL_UNFIT.format(most=MOST_PARALLEL, given=chosen.parallel)
        )
    granted = authority.load(chosen.grant, known)
    wishes = _wishes(chosen)
    _demand_library()
    inspector = Inspector(
        trust=known,
        granted=granted,
        package=None if all(each.agentless for each in wishes) else package.find(),
        stop=threading.Event(),
        language=console.language,
    )
    results = _side_by_side(console, chosen, wishes, inspector, as_json=as_json)
    outcome_telling.tell(console, results, as_json=as_json)
    return _code(results)


def _wishes(chosen: Inspecting) -> tuple[Wish, ...]:
    """Return what is wanted of each host; everything that was typed is checked by then."""
    if (chosen.target is None) == (chosen.inventory is None):
        raise RemoteError(inspect_texts.INSPECT_WANTS)
    default = Wish(
        target=chosen.target or "",
        jumps=chosen.jumps,
        key=chosen.key,
        host_keys=chosen.host_keys,
        pack=pack_of(chosen.packs),
        agentless=chosen.agentless,
        settings=settings_text(chosen.settings) if chosen.settings is not None else "",
    )
    if chosen.inventory is None:
        wishes: tuple[Wish, ...] = (default,)
    else:
        wishes = inventory.load(chosen.inventory, default)
    for text in {each.settings for each in wishes} - {""}:
        _demand_settings(text, chosen.settings or chosen.inventory or "")
    return wishes


def _demand_settings(text: str, named: str) -> None:
    """Raise SettingsError for entries that no host could read."""
    order = Order(
        agent="none",
        remote=Remote(session="none", grant="none", person="", mode=""),
        coverage=Coverage(()),
        settings=text,
    )
    with tempfile.TemporaryDirectory() as folder:
        try:
            settings_of(order, Path(folder))
        except SettingsError as error:
            said = error.text
            raise RemoteError(
                Text(said.zh.replace(error.file, named), said.en.replace(error.file, named))
            ) from error


def _demand_library() -> None:
    try:
        paramiko()
    except ToolMissing as error:
        raise RemoteError(sentence_of(error)) from error


def _side_by_side(
    console: Console,
    chosen: Inspecting,
    wishes: Sequence[Wish],
    inspector: Inspector,
    *,
    as_json: bool,
) -> list[Result]:
    """Visit all hosts, and wait for them; Ctrl-C stops them all and cleans up."""
    prompts = Prompts(console, inspector.stop)
    lock = threading.Lock()
    alone = len(wishes) == 1
    pool = ThreadPoolExecutor(min(chosen.parallel, len(wishes)), "host")

    def one(wish: Wish) -> Result:
        report = reporter(console, wish.target, lock, as_json=as_json, alone=alone)
        found = visit(inspector, wish, prompts.of(wish.target), report)
        outcome = _handed_over(found, inspector, chosen.bundle, report, alone=alone)
        return Result(found, outcome)

    futures: list[Future[Result]] = [pool.submit(one, wish) for wish in wishes]
    try:
        while not all(each.done() for each in futures):
            prompts.serve(_BEAT_SECONDS)
    except KeyboardInterrupt:
        inspector.stop.set()
        console.complain(inspect_texts.CLEANING)
        try:
            wait(futures)
        except KeyboardInterrupt:
            console.complain(inspect_texts.NOT_WAITED)
    pool.shutdown(wait=False, cancel_futures=True)
    results = []
    for wish, future in zip(wishes, futures, strict=True):
        if future.done() and not future.cancelled():
            results.append(future.result())
        else:
            stopped = Visited(target=wish.target, error=texts.STOPPED, stopped=True)
            results.append(Result(stopped))
    return results


def _handed_over(
    found: Visited, inspector: Inspector, bundle_file: str | None, report: Report, *, alone: bool
) -> Outcome | None:
    if found.session is None or inspector.stop.is_set():
        return None
    if bundle_file is not None:
        target = target_of(bundle_file, found.session, found.host, alone=alone)
        return bundle(found.session, inspector.trust, target)
    return deliver(found.session, inspector.trust, report, inspector.language)


def _code(results: Sequence[Result]) -> int:
    if all(each.is_complete for each in results):
        return DONE
    if all(each.visited.error is not None and not each.visited.stopped for each in results):
        return COULD_NOT
    return KEPT
