"""Whatever is sent, by whomever: the answer is one that the OpenAPI document names (S1).

schemathesis makes the requests: all its phases (examples, boundary values, random, sequences),
valid and broken data. Four principals: nobody, an agent that signs what it sends, one that was
revoked, and an engineer who delivers the record of a session.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import schemathesis.engine
from schemathesis.config import ProjectConfig, SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import events
from schemathesis.hooks import HookContext

from collector.app import create_app
from collector.customers.models import Agent
from collector.database import open_database
from collector.enrolment.service import revoke
from collector.server import serving
from tests.collector.place import Place
from tests.collector.sample_checks import CATALOGUE
from tests.collector.sessions.place import Visit, visit
from tests.enrolled import COLLECTOR, enrolled
from tests.messages import START
from wire.control import BATCH, KEY_HEADER, SIGNATURE_HEADER
from wire.envelope import to_header
from wire.sessions import RECORD

EXAMPLES, MORE_EXAMPLES = 20, 1000
"""For each operation and principal; beside them the boundary values, as many as there are."""

CHECKS = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "use_after_free",
    "ensure_resource_availability",
}


def packed(value: object) -> bytes:
    """Return the bytes of what was made up as a batch."""
    if isinstance(value, bytes):
        return value
    data = getattr(value, "data", None)
    return data if isinstance(data, bytes) else str(value).encode(errors="replace")


@schemathesis.serializer(BATCH)
def as_it_is(_context: Any, value: object) -> bytes:
    return packed(value)


@schemathesis.serializer(RECORD)
def as_it_is_too(_context: Any, value: object) -> bytes:
    return packed(value)


@contextmanager
def recording(visit: Visit) -> Iterator[None]:
    """Let every part of a record be one of this session, with its engineer's signature."""

    def before_call(_context: HookContext, case: Any, _kwargs: dict[str, Any]) -> None:
        if "/record/" not in case.operation.path or case.body is None:
            return
        body = packed(case.body)
        case.body = body
        path = None if case.meta is None else case.meta.components.get(ParameterLocation.PATH)
        if path is None or path.mode.is_positive:
            case.path_parameters["session"] = visit.session
        case.headers = {
            **(case.headers or {}),
            KEY_HEADER: visit.engineer.id,
            SIGNATURE_HEADER: to_header(visit.engineer.sign(RECORD, body)),
        }

    schemathesis.hook(before_call)
    try:
        yield
    finally:
        schemathesis.hooks.unregister(before_call)


@contextmanager
def signing(place: Place | None) -> Iterator[None]:
    """Let every batch be one of this agent, with its signature; of nobody: leave all as it is."""

    def before_call(_context: HookContext, case: Any, _kwargs: dict[str, Any]) -> None:
        if place is None or "/batches/" not in case.operation.path or case.body is None:
            return
        body = packed(case.body)
        case.body = body
        # What was broken on purpose stays broken.
        path = None if case.meta is None else case.meta.components.get(ParameterLocation.PATH)
        if path is None or path.mode.is_positive:
            case.path_parameters["agent"] = place.agent
        case.headers = {
            **(case.headers or {}),
            KEY_HEADER: place.key.id,
            SIGNATURE_HEADER: to_header(place.key.sign(BATCH, body)),
        }

    schemathesis.hook(before_call)
    try:
        yield
    finally:
        schemathesis.hooks.unregister(before_call)


def run(folder: Path, principal: str, examples: int) -> tuple[dict[int, int], list[str]]:
    """Return how often each status was answered, and what was wrong."""
    database = open_database(f"sqlite:///{folder}/collector.db")
    visited = principal == "engineer"
    place = None if visited or principal == "nobody" else enrolled(database)
    session = visit(database)
    session.open()
    if place is not None and principal == "revoked":
        with database.writing() as session:
            agent = session.get_one(Agent, (place.customer_id, place.agent))
            revoke(session, agent, "given away", "tester", START)
    app = create_app(database, CATALOGUE, COLLECTOR)
    statuses: dict[int, int] = {}
    faults: list[str] = []
    with serving(app) as url, recording(session) if visited else signing(place):
        config = SchemathesisConfig()
        config.projects.default = ProjectConfig()
        schema = schemathesis.openapi.from_dict(app.openapi(), config=config)
        schema.config.update(base_url=url)
        schema.config.generation.update(max_examples=examples, deterministic=True)
        # Where the headers are put right afterwards, broken data may well be taken.
        checks = CHECKS if principal == "nobody" else CHECKS - {"negative_data_rejection"}
        schema.config.checks.update(included_check_names=sorted(checks))
        for event in schemathesis.engine.from_schema(schema).execute():
            if isinstance(event, (events.NonFatalError, events.FatalError)):
                faults.append(f"{event.info.title}: {event.info}")
            if not isinstance(event, events.ScenarioFinished):
                continue
            for interaction in event.recorder.interactions.values():
                if interaction.response is not None:
                    status = interaction.response.status_code
                    statuses[status] = statuses.get(status, 0) + 1
            for checks in event.recorder.checks.values():
                faults += [
                    f"{event.label}: {check.failure_info.failure}\n{check.failure_info.code_sample}"
                    for check in checks
                    if check.failure_info is not None
                ]
    database.close()
    return statuses, faults


def check(folder: Path, principal: str, examples: int) -> None:
    statuses, faults = run(folder, principal, examples)
    assert faults == []
    # It came as far as it was meant to.
    assert statuses.keys() >= {200, 204, 405, 415, 422}
    expected = {"nobody": 401, "active": 201, "revoked": 403, "engineer": 409}
    assert statuses.keys() & {401, 201, 403, 409} >= {expected[principal]}
    assert (201 in statuses) is (principal == "active")


PRINCIPALS = pytest.mark.parametrize("principal", ["nobody", "active", "revoked", "engineer"])


@PRINCIPALS
def test_every_answer_is_one_that_the_document_names(tmp_path: Path, principal: str) -> None:
    check(tmp_path, principal, EXAMPLES)


@pytest.mark.faults
@pytest.mark.timeout(3000)
@PRINCIPALS
def test_every_answer_is_named_at_length(tmp_path: Path, principal: str) -> None:
    check(tmp_path, principal, MORE_EXAMPLES)
