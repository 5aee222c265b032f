"""Hand a closed session over: opening, record, end, keys, batches. Each step may be repeated.

The record goes first: the collector keeps it of a session that it refused, too. What it has
acknowledged is noted in the folder; a lost answer costs one more try.
"""

from collections.abc import Callable
from enum import Enum
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from agent import delivery
from agent.delivery import Situation
from agent.errors import AgentError, SpoolBusy, Unreached
from agent.events import Event, SpoolDamaged
from agent.host import LocalHost
from agent.identity import Identity
from agent.remote import folder as names
from agent.remote import home as place
from agent.remote import texts
from agent.remote.asking import Asking
from agent.remote.folder import Folder
from agent.remote.mending import mend
from agent.remote.trust import Trust
from agent.settings import Agent, Settings
from agent.spool import Spool
from agent.spool_file import exclusive
from checks.api import Text
from wire import envelope
from wire.errors import WireError
from wire.grants import GRANT, Denial, Grant
from wire.session_parts import parts_of

Report = Callable[[Event], None]


class State(Enum):
    """What became of a session."""

    DELIVERED = "delivered"
    BUNDLED = "bundled"
    """Written to files; the collector has not confirmed it."""
    KEPT = "kept"
    REFUSED = "refused"
    """The collector has its record, and does not take its batches."""
    UNDER_WAY = "under_way"
    DAMAGED = "damaged"


class Outcome(Struct, frozen=True, omit_defaults=True):
    """What became of one session, for a person."""

    session: str
    host: str
    state: State
    why: Text | None = None
    files: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Tell whether the engineer has nothing left to do here and now."""
        return self.state in (State.DELIVERED, State.BUNDLED)


def deliver(folder: Folder, trust: Trust, report: Report, language: str) -> Outcome | None:
    """Close a session that was cut off, and hand it over; None: it never was one.

    Nothing is raised for one session: its Outcome says what is wrong.
    """
    return held(folder, trust, lambda: _handed_over(folder, trust, report, language))


def held(folder: Folder, trust: Trust, work: Callable[[], Outcome]) -> Outcome | None:
    """Mend a session while nobody else holds its folder, and do something with it."""
    host = host_of(folder, trust)
    try:
        with exclusive(folder.path):
            if folder.progress().delivered:
                return Outcome(folder.id, host, State.DELIVERED)
            return work() if mend(folder, trust) else None
    except SpoolBusy:
        return Outcome(folder.id, host, State.UNDER_WAY, texts.UNDER_WAY)
    except Unreached as error:
        why = texts.NOT_REACHED
        if trust.collector is not None:
            why = texts.NOT_REACHED_NOW.format(why=error.text)
        return Outcome(folder.id, host, State.KEPT, why)
    except AgentError as error:
        return Outcome(folder.id, host, State.DAMAGED, error.text)
    except (WireError, OSError) as error:
        broken = texts.SESSION_BROKEN.format(path=str(folder.path), detail=str(error))
        return Outcome(folder.id, host, State.DAMAGED, broken)


def grant_of(folder: Folder, trust: Trust) -> Grant:
    """Return the grant of a session. Raise RemoteError, WireError."""
    return envelope.disclose(folder.demand(names.GRANT_FILE), GRANT, Grant, trust.collector_keys)


def identity_of(folder: Folder, trust: Trust) -> Identity:
    """Return whose batches those of a session are: the remote agent's of its host."""
    opening, grant = folder.opening(), grant_of(folder, trust)
    host = next(each for each in grant.hosts if each.host_id == opening.host_id)
    return Identity(
        agent=opening.agent,
        customer_id=opening.customer_id,
        customer=grant.customer,
        site=host.site,
        host=host.name,
        collector_key=trust.collector_key,
        recipients=grant.recipients or trust.recipients,
        key=folder.key(),
    )


def _handed_over(folder: Folder, trust: Trust, report: Report, language: str) -> Outcome:
    host = host_of(folder, trust)
    asking = Asking(trust)
    try:
        denial, detail = _introduced(folder, asking)
        _hand_over_record(folder, trust, asking)
        if denial is not None:
            # A grant that was revoked since takes nothing back once the end is known.
            denial, detail = _introduced(folder, asking)
        holds_batches = folder.state.exists()
        if denial is not None and holds_batches:
            refused = texts.NOT_TAKEN.format(denial=denial.value, detail=detail)
            return Outcome(folder.id, host, State.REFUSED, refused)
        if holds_batches:
            _hand_over_keys(folder, asking)
    finally:
        asking.end()
    why = _hand_over_batches(folder, trust, report, language) if holds_batches else None
    if why is not None:
        return Outcome(folder.id, host, State.KEPT, why)
    folder.keep_progress(replace(folder.progress(), batches=True))
    folder.let_go()
    return Outcome(folder.id, host, State.DELIVERED)


def _introduced(folder: Folder, asking: Asking) -> tuple[Denial | None, str]:
    """Tell the collector of the session, and return whether it denies it."""
    told = asking.open(folder.id, folder.demand(names.OPENING_FILE)).opened
    folder.keep_progress(replace(folder.progress(), opening=True))
    return told.denial, f": {told.detail}" if told.detail else ""


def _hand_over_record(folder: Folder, trust: Trust, asking: Asking) -> None:
    progress = folder.progress()
    if progress.closing:
        return
    with folder.record.open("rb") as lines:
        for part in parts_of(lines, trust.key):
            if part.number > progress.parts:
                asking.keep_part(folder.id, part.number, part.payload)
                progress = replace(progress, parts=part.number)
                folder.keep_progress(progress)
    asking.close(folder.id, folder.demand(names.CLOSING_FILE))
    folder.keep_progress(replace(progress, closing=True))


def _hand_over_keys(folder: Folder, asking: Asking) -> None:
    progress = folder.progress()
    for key_id, statement in folder.statements().items():
        if key_id not in progress.keys:
            asking.add_key(folder.id, statement)
            progress = replace(progress, keys=(*progress.keys, key_id))
            folder.keep_progress(progress)


def _hand_over_batches(folder: Folder, trust: Trust, report: Report, language: str) -> Text | None:
    """Hand the batches over; return why some stay, None where none does."""
    assert trust.collector is not None
    settings = Settings(collector=trust.collector, agent=Agent(state=str(folder.state)))
    spool = Spool(made_state(folder))
    try:
        aside = sorted(folder.state.glob("spool.db.*-*"))
        if aside:
            report(SpoolDamaged(str(aside[0])))
            return texts.SPOOL_DAMAGED.format(file=str(aside[0]))
        spool.finish_interrupted()
        situation = Situation(
            settings, identity_of(folder, trust), spool, LocalHost(), report, language
        )
        if not delivery.due(situation, now=True):
            return texts.BATCHES_KEPT
        # What was refused for good is not pending any more, and is not at the collector.
        dead = spool.counts().batches > 0
        return texts.BATCHES_REFUSED.format(folder=str(folder.state)) if dead else None
    finally:
        spool.close()


def made_state(folder: Folder) -> Path:
    """Return the folder of the spool, made (0700) where there is none yet. Raise RemoteError."""
    try:
        folder.state.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise place.unusable(folder.state, error) from error
    return folder.state


def host_of(folder: Folder, trust: Trust) -> str:
    """Return what the customer's people call the host; empty where that can't be told."""
    try:
        opening, grant = folder.opening(), grant_of(folder, trust)
    except (AgentError, WireError):
        return ""
    return next((each.name for each in grant.hosts if each.host_id == opening.host_id), "")
