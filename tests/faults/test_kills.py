"""R1: kill collector and agents at any moment; nothing is lost and nothing is doubled."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from collector.database import open_database
from tests.faults.conftest import Note
from tests.faults.processes import Inspecting, Served, enrolled_agents
from tests.faults.tally import stored_batches, tallied

AGENTS = 4


@dataclass
class Killing:
    """Kills at random moments, and starts again at once what was killed.

    By progress and not by the clock: a kill for every so many batches, however slow the machine is.
    """

    served: Served
    agents: Sequence[Inspecting]
    chance: random.Random
    batches_for_each: float
    collector_kills: int = 0
    agent_kills: int = 0
    _next: float = 0.0

    @property
    def kills(self) -> int:
        """Return how many there have been."""
        return self.collector_kills + self.agent_kills

    def due(self, stored: int) -> bool:
        """Tell whether the next kill has come."""
        if stored < self._next:
            return False
        self._next = stored + self.chance.uniform(0, 2 * self.batches_for_each)
        return True

    def kill(self) -> None:
        """Kill one of them; one in five is killed again while it starts."""
        time.sleep(self.chance.uniform(0, 0.05))
        twice = self.chance.random() < 0.2
        if self.chance.random() < 0.25:
            self.served.kill()
            self.served.launch()
            self.collector_kills += 1
            if twice:
                time.sleep(self.chance.uniform(0, 1))
                self.served.kill()
                self.served.launch()
                self.collector_kills += 1
            return
        victim = self.chance.choice(self.agents)
        victim.kill()
        victim.launch()
        self.agent_kills += 1
        if twice:
            time.sleep(self.chance.uniform(0, 0.3))
            victim.kill()
            victim.launch()
            self.agent_kills += 1


def kill_until(tmp_path: Path, url: str, note: Note, *, batches: int, kills: int) -> None:
    served = Served(tmp_path, url)
    agents = enrolled_agents(served, AGENTS)
    served.start()
    killing = Killing(served, agents, random.Random(batches), 0.9 * batches / kills)
    database = open_database(url)
    try:
        for agent in agents:
            agent.launch()
        stored = 0
        while stored < batches or killing.kills < kills:
            time.sleep(0.02)
            # Nobody ends but by a kill.
            assert served.ended() is None, served.log.read_text()
            assert all(agent.running() for agent in agents), [agent.said() for agent in agents]
            stored = stored_batches(database)
            if killing.due(stored):
                killing.kill()
        for agent in agents:
            agent.finish()
        assert [agent.ended() for agent in agents] == [0] * AGENTS
    finally:
        database.close()
        for agent in agents:
            agent.kill()
        served.stop()
    kept = set[tuple[str, str]]().union(*(agent.kept() for agent in agents))
    found = tallied(url, kept)
    note(
        "R1 kill -9",
        url,
        batches=found.batches,
        kills=killing.kills,
        lost=found.lost,
        duplicated=found.duplicated,
    )
    assert (found.lost, found.duplicated, found.integrity) == (0, 0, "ok")
    # What was durable when its agent was killed just before it could record it comes on top.
    assert len(kept) <= found.observations <= len(kept) + killing.agent_kills
    assert min(killing.collector_kills, killing.agent_kills) >= kills // 10
    assert "Traceback" not in served.log.read_text()
    assert [agent.said() for agent in agents] == [""] * AGENTS


@pytest.mark.timeout(1200)
def test_kills_of_collector_and_agents_lose_and_double_nothing(
    tmp_path: Path, url: str, note: Note
) -> None:
    kill_until(tmp_path, url, note, batches=3_000, kills=60)


@pytest.mark.faults
@pytest.mark.timeout(7200)
def test_a_thousand_kills_of_collector_and_agents_lose_and_double_nothing(
    tmp_path: Path, url: str, note: Note
) -> None:
    kill_until(tmp_path, url, note, batches=50_000, kills=1_000)
