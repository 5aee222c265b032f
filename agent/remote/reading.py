"""Read a connected host in the best way that it lets us: its own agent, ours, or none."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from agent import messages
from agent.errors import CannotStart, RemoteError
from agent.remote import inspect_texts as texts
from agent.remote.delivering import made_state
from agent.remote.order import Order
from agent.remote.order_settings import settings_of
from agent.remote.package import Package
from agent.remote.progress import ModeChosen, Report
from agent.remote.session import Session
from agent.remote.visit import Kind, Survey, Visit, Visited, by_forced, by_package, survey
from agent.remote.wishes import Wish
from agent.spool import Spool
from checks.api import Text
from wire.batch import open_batch
from wire.grants import Coverage
from wire.messages import Reason, Remote
from wire.record import Noted
from wire.sessions import Mode

if TYPE_CHECKING:
    from agent.remote.agentless.remote_host import RemoteHost
    from agent.ssh.connection import Connection

Dropped = tuple[tuple[str, str], ...]


class Reading(Struct, frozen=True, kw_only=True):
    """What was read of a host; it waits in the spool of the session."""

    mode: Mode
    collected: int
    total: int
    dropped: Dropped
    """Checks that the grant does not cover, and what it lacks for each."""
    fell_back: Text | None = None
    """Why it was read without the agent, where that was not asked for."""
    left: str = ""
    """A folder on the host that is not known to be gone."""


class Reader(Struct, frozen=True, kw_only=True):
    """A host that is connected, in a session that is open."""

    session: Session
    connection: "Connection"
    wish: Wish
    package: Package | None
    report: Report
    stop: threading.Event
    language: str

    def read(self) -> Reading:
        """Look at what answers, and read it.

        Raise Stopped or KeyboardInterrupt when stopped; RemoteError, ProbeErrors, RecordLost.
        """
        seen = survey(self.connection, self.session.record, self.stop)
        match seen.kind:
            case Kind.FORCED:
                return self._by_agent(Mode.FORCED, by_forced)
            case Kind.UNKNOWN:
                raise RemoteError(texts.NO_SHELL_THERE.format(words=seen.words[:200] or "-"))
            case Kind.WINDOWS:
                why = None if self.wish.agentless else texts.WINDOWS_THERE
                return self._agentless(seen, why)
            case Kind.POSIX if self.wish.agentless:
                return self._agentless(seen, None)
        if self.package is None:
            raise RemoteError(texts.NO_PACKAGE)
        try:
            run = partial(by_package, package=self.package, survey=seen)
            return self._by_agent(Mode.PACKAGE, run)
        except CannotStart as error:
            self.session.record(Noted(f"without the agent: {error.text.en}"[:2000]))
            return self._agentless(seen, error.text)

    def _by_agent(self, mode: Mode, run: Callable[[Visit], Visited]) -> Reading:
        self.report(ModeChosen(mode))
        with self._spool() as spool:
            visited = run(
                Visit(
                    connection=self.connection,
                    order=self._order(mode),
                    grant=self.session.authority.granted.envelope,
                    session_key=self.session.key,
                    keep=spool.adopt,
                    state=self.session.state,
                    report=self.report,
                    record=self.session.record,
                    stop=self.stop,
                )
            )
            return Reading(
                mode=mode,
                collected=visited.collected,
                total=visited.total,
                dropped=_dropped(spool),
                left=visited.left,
            )

    def _agentless(self, seen: Survey, why: Text | None) -> Reading:
        from agent.remote.agentless.taking import take_agentless

        said = "" if why is None else messages.spoken(why, self.language)
        self.report(ModeChosen(Mode.AGENTLESS, said))
        order = self._order(Mode.AGENTLESS)
        with self._spool() as spool:
            _, collected, total = take_agentless(
                self._host(seen),
                order,
                spool,
                self.report,
                self.stop,
                settings_of(order, self.session.folder.state) if order.settings else None,
            )
            while spool.seal_next(self.session.opening.agent, self.session.key):
                continue
            return Reading(
                mode=Mode.AGENTLESS,
                collected=collected,
                total=total,
                dropped=_dropped(spool),
                fell_back=why,
            )

    def _host(self, seen: Survey) -> "RemoteHost":
        if seen.kind is Kind.WINDOWS:
            from agent.remote.agentless.powershell_host import powershell_host

            return powershell_host(self.connection, self.session.record)
        from agent.remote.agentless.posix_host import posix_host

        return posix_host(self.connection, self.session.record)

    def _order(self, mode: Mode) -> Order:
        allowed = self.session.authority
        return Order(
            agent=allowed.host.agent,
            remote=Remote(
                session=self.session.id,
                grant=allowed.grant.id,
                person=self.session.trust.person,
                mode=mode.value,
            ),
            coverage=Coverage(allowed.scopes, allowed.grant.checks),
            patterns=self.wish.pack.patterns,
            light=self.wish.pack.light,
            settings=self.wish.settings,
            language=self.language,
        )

    @contextmanager
    def _spool(self) -> Iterator[Spool]:
        spool = Spool(made_state(self.session.folder))
        try:
            yield spool
        finally:
            spool.close()


def _dropped(spool: Spool) -> Dropped:
    """Return what the grant does not cover, as the sealed batches tell it."""
    first = next(iter(spool.pending()), None)
    if first is None:
        return ()
    inspection = open_batch(spool.batch(first).batch.payload).header.inspection
    lacking = {
        (each.check, each.failure.subject)
        for each in inspection.skipped
        if each.failure.reason is Reason.NOT_GRANTED
    }
    return tuple(sorted(lacking))
