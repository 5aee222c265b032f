"""A spool with an identity and a way to a collector, all in this process."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from agent import delivery, identity
from agent.delivery import Situation
from agent.events import Event
from agent.host import LocalHost
from agent.settings import Collector, Settings
from agent.spool import Spool
from tests.agent.spooling import inspected
from tests.agent.workbench import AGENT_KEY, COLLECTOR_KEY, ENROLMENT, FakeCollector
from wire.messages import Observation

OneEvent = TypeVar("OneEvent", bound=Event)


@dataclass
class Sender:
    """An enrolled agent that has something to hand over."""

    folder: Path
    collector: Collector
    events: list[Event] = field(default_factory=list)
    made: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.spool = Spool(self.folder)
        assert ENROLMENT.collector_key == COLLECTOR_KEY.public

    def holding(self, inspections: int, *observations: Observation | bytes) -> "Sender":
        """Put inspections into the spool, each with these observations (or one)."""
        for _ in range(inspections):
            self.made += 1
            inspected(self.spool, f"inspection-{self.made}", *(observations or (b'{"a":1}',)))
        return self

    def deliver(self, *, now: bool = True) -> bool:
        return delivery.due(self._situation(), now=now)

    def after_inspection(self) -> bool:
        return delivery.inspected(self._situation())

    def told(self, kind: type[OneEvent]) -> Sequence[OneEvent]:
        return [event for event in self.events if isinstance(event, kind)]

    def restart(self) -> None:
        """Be the same agent after a restart: only what is on disk is left."""
        self.spool.close()
        self.spool = Spool(self.folder)
        self.events.clear()

    def waiting(self) -> int:
        """Return how many inspections and batches wait, dead letters included."""
        counted = self.spool.counts()
        return counted.inspections + counted.batches

    def _situation(self) -> Situation:
        return Situation(
            Settings(self.collector),
            identity.of(ENROLMENT, AGENT_KEY),
            self.spool,
            LocalHost(),
            self.events.append,
            "en",
        )


def stored_once(collector: FakeCollector, inspections: int) -> bool:
    """Return whether each of so many inspections is at the collector, none missing or double."""
    names = [batch.header.inspection.id for batch in collector.batches()]
    return sorted(names) == sorted(f"inspection-{number + 1}" for number in range(inspections))
