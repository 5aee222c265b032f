"""R3: the answer is lost after the collector has committed; the batch comes again, once only."""

import random
import threading
from pathlib import Path

import pytest

from tests.faults.conftest import Note
from tests.faults.processes import Served, enrolled_agents, serving
from tests.faults.tally import tallied
from tests.network import Line, Way, relaying

AGENTS = 6
_ANSWER_BYTES = 650
"""About what an acknowledgement with its headers has."""


def lose_answers(tmp_path: Path, url: str, note: Note, *, share: float, batches: int) -> None:
    chance = random.Random(batches)
    chosen = threading.Lock()

    def line_of(_connection: int) -> Line:
        # Each answer is lost with this probability: in its midst, or but for its first byte.
        with chosen:
            whole = 0
            while chance.random() >= share:
                whole += 1
            part = 1 if chance.random() < 0.5 else chance.randrange(1, _ANSWER_BYTES)
            ending = chance.choice(("close", "reset"))
        return Line(to_client=Way(cut_after=whole * _ANSWER_BYTES + part), ending=ending)

    served = Served(tmp_path, url)
    with serving(served), relaying(served.port, line_of) as relay:
        agents = enrolled_agents(served, AGENTS, url=f"http://127.0.0.1:{relay.port}")
        for agent in agents:
            agent.launch(-(-batches // AGENTS))
        try:
            assert [agent.ended(1800) for agent in agents] == [0] * AGENTS
        finally:
            for agent in agents:
                agent.kill()
    # An answer was lost after the commit wherever a later one says that the batch was there.
    told = "".join((agent.folder / "events").read_text() for agent in agents)
    lost_answers = told.count('"duplicate":true')
    kept = set[tuple[str, str]]().union(*(agent.kept() for agent in agents))
    found = tallied(url, kept)
    note(
        f"R3 answers lost, p = {share}",
        url,
        batches=found.batches,
        faults=lost_answers,
        lost=found.lost,
        duplicated=found.duplicated,
    )
    assert (found.lost, found.duplicated, found.integrity) == (0, 0, "ok")
    assert found.batches == AGENTS * -(-batches // AGENTS)
    repeated = sum(
        (agent.folder / "events").read_text().count('"duplicate":true') for agent in agents
    )
    assert repeated > share * batches / 4
    assert [agent.said() for agent in agents] == [""] * AGENTS


@pytest.mark.timeout(900)
def test_answers_lost_after_the_commit_double_nothing(tmp_path: Path, url: str, note: Note) -> None:
    lose_answers(tmp_path, url, note, share=0.3, batches=2_000)


@pytest.mark.faults
@pytest.mark.timeout(7200)
def test_a_line_that_loses_nine_answers_of_ten_doubles_nothing(
    tmp_path: Path, url: str, note: Note
) -> None:
    lose_answers(tmp_path, url, note, share=0.9, batches=2_000)
