"""Enrolment and rotation in any order, answers lost on the way, against a model of them (S3)."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from collector.customers.models import Agent
from collector.customers.service import ensure_host_of
from collector.database import Database, open_database
from collector.enrolment.models import AgentKey, Alarm, Slot
from collector.enrolment.service import CODE_LIFETIME, approve, enrol, open_slot, revoke, rotate
from collector.errors import Refused
from collector.intake.service import accept
from tests.collector.place import Place, uploaded
from tests.enrolled import COLLECTOR, request_of
from tests.messages import START
from wire import envelope
from wire.control import ENROLLED, ROTATION, Enrolled, Rotation
from wire.messages import WIRE_VERSION, Acknowledgement, Standing
from wire.signing import PrivateKey

KEYS = {COLLECTOR.key.id: COLLECTOR.key.public}


@cache
def template() -> Path:
    """Return a database that was migrated once; it goes with the process of the tests."""
    folder = tempfile.TemporaryDirectory(prefix="xunjian-states-")
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "template.db"
    open_database(f"sqlite:///{path}").close()
    return path


@dataclass
class ModelAgent:
    id: str
    keys: list[PrivateKey]
    """In their order; the last one counts."""
    standing: Standing = Standing.PENDING
    batches: int = 0


@dataclass
class ModelSlot:
    code: str
    expires: timedelta
    agent: ModelAgent | None = None


@dataclass
class Model:
    slots: list[ModelSlot] = field(default_factory=list)
    now: timedelta = timedelta()
    ids: set[str] = field(default_factory=set)
    alarms: int = 0

    @property
    def agents(self) -> list[ModelAgent]:
        return [slot.agent for slot in self.slots if slot.agent is not None]

    def owner(self, key: PrivateKey) -> ModelAgent | None:
        return next((a for a in self.agents if key.id in {k.id for k in a.keys}), None)


class Enrolments(RuleBasedStateMachine):
    slots = Bundle("slots")
    keys = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="xunjian-states-"))
        shutil.copy(template(), self.folder / "collector.db")
        self.database = Database(f"sqlite:///{self.folder}/collector.db")
        with self.database.writing() as session:
            self.host = ensure_host_of(
                session,
                customer="示例公司",
                site="总部机房",
                time_zone="Asia/Shanghai",
                host="erp-db",
                now=START,
            )
            session.flush()
            session.expunge_all()
        self.model = Model()

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    @property
    def now(self) -> datetime:
        return START + self.model.now

    @rule(target=keys)
    def make_key(self) -> PrivateKey:
        return PrivateKey.generate()

    @rule(target=slots)
    def open(self) -> ModelSlot:
        with self.database.writing() as session:
            opened = open_slot(session, self.host, "tester", self.now)
        slot = ModelSlot(opened.code, self.model.now + CODE_LIFETIME)
        self.model.slots.append(slot)
        return slot

    @rule(hours=st.sampled_from([1, 30, 169]))
    def wait(self, hours: int) -> None:
        self.model.now += timedelta(hours=hours)

    @rule(slot=slots, key=keys)
    def enrol(self, slot: ModelSlot, key: PrivateKey) -> None:
        """Enrol; after a lost answer it is the same request again."""
        owner = self.model.owner(key)
        if slot.agent is None:
            allowed = self.model.now <= slot.expires and owner is None
        else:
            allowed = owner is slot.agent
            self.model.alarms += not allowed
        answer = self._answer(
            lambda session: enrol(session, COLLECTOR, request_of(slot.code, key), self.now)
        )
        assert (answer is not None) is allowed
        if answer is None:
            return
        told = envelope.disclose(answer, ENROLLED, Enrolled, KEYS)
        if slot.agent is None:
            assert told.agent not in self.model.ids
            self.model.ids.add(told.agent)
            slot.agent = ModelAgent(told.agent, [key])
        assert told.agent == slot.agent.id
        assert told.standing is slot.agent.standing

    @rule(slot=slots)
    def approve(self, slot: ModelSlot) -> None:
        # The command refuses revoked ones; the service is asked for others only.
        if slot.agent is None or slot.agent.standing is Standing.REVOKED:
            return
        with self.database.writing() as session:
            approve(session, session.get_one(Agent, self._name(slot.agent)), "tester", self.now)
        slot.agent.standing = Standing.ACTIVE

    @rule(slot=slots)
    def revoke(self, slot: ModelSlot) -> None:
        if slot.agent is None:
            return
        with self.database.writing() as session:
            agent = session.get_one(Agent, self._name(slot.agent))
            revoke(session, agent, "given away", "tester", self.now)
        slot.agent.standing = Standing.REVOKED

    @rule(slot=slots, old=keys, new=keys, again=st.booleans())
    def rotate(self, slot: ModelSlot, old: PrivateKey, new: PrivateKey, again: bool) -> None:
        """Rotate, from any key to any; the answer may be lost, and comes again."""
        agent = slot.agent
        if agent is None:
            return
        for _ in range(1 + again):
            self._rotate(agent, old, new)

    @rule(slot=slots, new=keys)
    def rotate_rightly(self, slot: ModelSlot, new: PrivateKey) -> None:
        if slot.agent is not None:
            self._rotate(slot.agent, slot.agent.keys[-1], new)

    def _rotate(self, agent: ModelAgent, old: PrivateKey, new: PrivateKey) -> None:
        names = [key.id for key in agent.keys]
        statement = Rotation(
            wire=WIRE_VERSION, agent=agent.id, old_key_id=old.id, public_key=new.public
        )
        body = envelope.enclose(statement, ROTATION, old, new)
        if old.id not in names:
            expected, alarmed = False, False
        elif new.id in names[names.index(old.id) + 1 : names.index(old.id) + 2]:
            expected, alarmed = True, False  # it is what happened: answered again
        else:
            free = self.model.owner(new) is None
            expected = free and names[-1] == old.id and agent.standing is not Standing.REVOKED
            alarmed = not expected
            if expected:
                agent.keys.append(new)
        self.model.alarms += alarmed
        answer = self._answer(lambda session: rotate(session, COLLECTOR, agent.id, body, self.now))
        assert (answer is not None) is expected

    @rule(slot=slots, key=keys)
    def deliver(self, slot: ModelSlot, key: PrivateKey) -> None:
        """Whoever has a copy of a key (a clone) is taken for the agent while that key counts."""
        agent = slot.agent
        if agent is None:
            return
        counts = key.id == agent.keys[-1].id and agent.standing is not Standing.REVOKED
        agent.batches += counts
        place = Place(self.host.customer_id, self.host.id, agent.id, key)
        sent = uploaded(place, b"x%d" % agent.batches, seq=agent.batches + (not counts))
        with self.database.writing() as session:
            (answer,) = accept(session, [sent])
        assert isinstance(answer, Acknowledgement) is counts

    @rule(slot=slots)
    def deliver_rightly(self, slot: ModelSlot) -> None:
        if slot.agent is not None:
            self.deliver(slot, slot.agent.keys[-1])

    @invariant()
    def the_tables_say_what_the_model_says(self) -> None:
        with self.database.reading() as session:
            users = {
                row.id: row.agent_id
                for row in session.execute(select(Slot.id, Slot.agent_id))
                if row.agent_id
            }
            assert len(set(users.values())) == len(users), "one slot for an agent"
            assert set(users.values()) == {agent.id for agent in self.model.agents}
            assert session.scalar(select(func.count()).select_from(Alarm)) == self.model.alarms
            found: dict[str, list[AgentKey]] = {}
            for key in session.scalars(select(AgentKey)):
                found.setdefault(key.agent_id, []).append(key)
            for agent in self.model.agents:
                names = {key.id: key.successor for key in found[agent.id]}
                chain = [key.id for key in agent.keys]
                assert names == dict(zip(chain, [*chain[1:], None], strict=True))

    def _answer(self, ask: Callable[[Session], bytes]) -> bytes | None:
        with self.database.writing() as session:
            try:
                return ask(session)
            except Refused:
                return None

    def _name(self, agent: ModelAgent) -> tuple[str, str]:
        return (self.host.customer_id, agent.id)


def play(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Enrolments,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_enrolment_keeps_to_its_model() -> None:
    play(100, 50)


@pytest.mark.faults
@pytest.mark.timeout(3000)
def test_enrolment_keeps_to_its_model_at_length() -> None:
    play(1000, 100)
