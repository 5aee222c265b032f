"""Who may do what: every route, every principal, one table (S4). A route that is not in it fails.

Where somebody has no right to know, the answer tells nothing: unknown and forbidden look alike,
also in the time they take.
"""

import base64
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from statistics import median

import pytest
import urllib3
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import func, select

from collector.app import create_app
from collector.customers.models import Agent
from collector.database import Database
from collector.enrolment.service import revoke, rotate
from collector.grants.models import Engineer
from collector.intake.models import StoredBatch
from collector.server import serving
from tests.collector.place import Place
from tests.collector.sample_checks import CATALOGUE
from tests.collector.sessions.place import Visit, a_record, visit
from tests.enrolled import COLLECTOR, enrolled, request_of
from tests.messages import START
from wire import codes, envelope
from wire.control import (
    BATCH,
    KEY_HEADER,
    REFUSAL,
    ROTATION,
    SIGNATURE_HEADER,
    Refusal,
    RefusalKind,
    Rotation,
)
from wire.envelope import disclose, to_header
from wire.messages import WIRE_VERSION
from wire.sessions import RECORD
from wire.signing import PrivateKey


class Principal(Enum):
    """Who asks."""

    NOBODY = "nobody"
    MALFORMED = "a signature that is none"
    FORGED = "its own key, another's signature"
    STRANGER = "a key that nobody knows"
    ACTIVE = "an active agent"
    PENDING = "an agent that waits for approval"
    NEIGHBOUR = "another agent of the same customer"
    FOREIGN = "an agent of another customer"
    REVOKED = "a revoked agent"
    RETIRED = "a key that was replaced"
    ENGINEER = "an engineer"
    REMOVED = "an engineer who has left"


BATCH_ROUTE = "PUT /v1/agents/{agent}/epochs/{epoch}/batches/{seq}"
KEY_ROUTE = "POST /v1/agents/{agent}/keys"
ENROLMENT_ROUTE = "POST /v1/enrolments"
TIME_ROUTE = "GET /v1/time"
HEALTH_ROUTE = "GET /v1/health"
SESSION_ROUTE = "PUT /v1/sessions/{session}"
SESSION_KEY_ROUTE = "POST /v1/sessions/{session}/keys"
RECORD_ROUTE = "PUT /v1/sessions/{session}/record/{part}"
CLOSING_ROUTE = "PUT /v1/sessions/{session}/closing"
SESSION_ROUTES = (SESSION_ROUTE, SESSION_KEY_ROUTE, RECORD_ROUTE, CLOSING_ROUTE)

ALL = tuple(Principal)
ENGINEERS = (Principal.ENGINEER, Principal.REMOVED)
NONE = dict.fromkeys(ALL, 401)
TABLE: Mapping[tuple[str, str], Mapping[Principal, int]] = {
    # (route, whose path): status by principal
    (BATCH_ROUTE, "own"): NONE
    | {
        Principal.ACTIVE: 201,
        Principal.PENDING: 201,
        Principal.NEIGHBOUR: 201,
        Principal.FOREIGN: 201,
        Principal.REVOKED: 403,
        Principal.RETIRED: 403,
    },
    (BATCH_ROUTE, "another's"): NONE,
    (BATCH_ROUTE, "nobody's"): NONE,
    # Who has signed nothing has sent no envelope at all: that is told before anything is looked up.
    (KEY_ROUTE, "own"): NONE
    | {
        Principal.NOBODY: 422,
        Principal.ACTIVE: 200,
        Principal.PENDING: 200,
        Principal.NEIGHBOUR: 200,
        Principal.FOREIGN: 200,
    },
    (KEY_ROUTE, "another's"): NONE | {Principal.NOBODY: 422},
    (KEY_ROUTE, "nobody's"): NONE | {Principal.NOBODY: 422},
    # Enrolment is for whoever knows a code, and these know none; time and health are for all.
    (ENROLMENT_ROUTE, ""): dict.fromkeys(ALL, 403)
    | {Principal.NOBODY: 422, Principal.MALFORMED: 401, Principal.FORGED: 401},
    (TIME_ROUTE, ""): dict.fromkeys(ALL, 200),
    (HEALTH_ROUTE, ""): dict.fromkeys(ALL, 204),
    # Sessions are the engineers': an opening is kept whatever is said to it (the answer tells).
    (SESSION_ROUTE, "own"): NONE | {Principal.NOBODY: 422} | dict.fromkeys(ENGINEERS, 200),
    (SESSION_ROUTE, "another's"): NONE | {Principal.NOBODY: 422} | dict.fromkeys(ENGINEERS, 409),
    (SESSION_ROUTE, "nobody's"): NONE | {Principal.NOBODY: 422} | dict.fromkeys(ENGINEERS, 200),
    (SESSION_KEY_ROUTE, "own"): NONE | {Principal.NOBODY: 422} | dict.fromkeys(ENGINEERS, 200),
    (SESSION_KEY_ROUTE, "another's"): NONE | {Principal.NOBODY: 422},
    (SESSION_KEY_ROUTE, "nobody's"): NONE | {Principal.NOBODY: 422},
    # Who has left still hands over the records of what he did.
    (RECORD_ROUTE, "own"): NONE | dict.fromkeys(ENGINEERS, 200),
    (RECORD_ROUTE, "another's"): NONE,
    (RECORD_ROUTE, "nobody's"): NONE,
    (CLOSING_ROUTE, "own"): NONE | {Principal.NOBODY: 422} | dict.fromkeys(ENGINEERS, 200),
    (CLOSING_ROUTE, "another's"): NONE | {Principal.NOBODY: 422},
    (CLOSING_ROUTE, "nobody's"): NONE | {Principal.NOBODY: 422},
}
SIGNED_REFUSALS = {
    Principal.REVOKED: RefusalKind.REVOKED,
    Principal.RETIRED: RefusalKind.KEY_RETIRED,
}


@dataclass(frozen=True)
class World:
    url: str
    database: Database
    places: Mapping[Principal, Place]
    victim: Place
    """Whose paths the others try."""
    visits: Mapping[Principal, Visit]
    """The session of each."""
    visited: Visit
    """Whose session the others try."""


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    places: dict[Principal, Place] = {
        Principal.ACTIVE: enrolled(database, host="active"),
        Principal.PENDING: enrolled(database, host="pending", approved=False),
        Principal.NEIGHBOUR: enrolled(database, host="neighbour"),
        Principal.FOREIGN: enrolled(database, customer="另一家公司", host="active"),
        Principal.REVOKED: enrolled(database, host="revoked"),
        Principal.RETIRED: enrolled(database, host="retired"),
    }
    victim = enrolled(database, host="victim")
    # What is no agent's at all still names one: then only the signature tells.
    for principal in (Principal.NOBODY, Principal.MALFORMED, Principal.FORGED):
        places[principal] = places[Principal.ACTIVE]
    places[Principal.STRANGER] = replace(places[Principal.ACTIVE], key=PrivateKey.generate())
    with database.writing() as session:
        given_away = places[Principal.REVOKED]
        agent = session.get_one(Agent, (given_away.customer_id, given_away.agent))
        revoke(session, agent, "given away", "tester", START)
        retired, new = places[Principal.RETIRED], PrivateKey.generate()
        rotate(session, COLLECTOR, retired.agent, rotation(retired, new), START)
    visits, visited = sessions(database, places)
    with serving(create_app(database, CATALOGUE, COLLECTOR)) as url:
        yield World(url, database, places, victim, visits, visited)


def sessions(
    database: Database, places: dict[Principal, Place]
) -> tuple[Mapping[Principal, Visit], Visit]:
    """Open a session for each engineer, and one that is another's."""
    visited = visit(database, host="visited", grant_id="grant-victim")
    visited.open()
    visits = {}
    for principal in ENGINEERS:
        own = visit(database, host=principal.name.lower(), grant_id=principal.name)
        visits[principal] = replace(own, session=f"own-{principal.name}")
        visits[principal].open()
        places[principal] = Place(own.customer_id, own.host_id, own.agent, own.engineer)
    with database.writing() as session:
        session.get_one(Engineer, visits[Principal.REMOVED].engineer.id).removed_at = START
    # All others try with the keys that they have.
    for principal in ALL:
        if principal not in visits:
            key = places[principal].key
            visits[principal] = replace(visited, engineer=key, key=key, session="own")
    return visits, visited


def rotation(place: Place, new: PrivateKey, *, signer: PrivateKey | None = None) -> bytes:
    statement = Rotation(
        wire=WIRE_VERSION, agent=place.agent, old_key_id=place.key.id, public_key=new.public
    )
    return envelope.enclose(statement, ROTATION, signer or place.key, new)


def forged(body: bytes, signature: bytes) -> bytes:
    """Return an envelope whose first signature is this."""
    import msgspec

    sent = envelope.read(body)
    first = msgspec.structs.replace(sent.signatures[0], sig=signature)
    return msgspec.json.encode(
        msgspec.structs.replace(sent, signatures=(first, *sent.signatures[1:]))
    )


def ask(
    world: World, route: str, whose: str, principal: Principal, seq: int = 1
) -> urllib3.BaseHTTPResponse:
    """Send what this principal would send there."""
    place = world.places[principal]
    agent = {"own": place.agent, "another's": world.victim.agent, "nobody's": "0" * 32, "": ""}
    method, _, path = route.partition(" ")
    path = path.format(agent=agent[whose], epoch="epoch-1", seq=seq, session="", part=1)
    headers, body = {}, b""
    if route == BATCH_ROUTE:
        body = b"not looked at"
        headers = {"Content-Type": BATCH} | batch_headers(principal, place, body)
    elif route in (KEY_ROUTE, ENROLMENT_ROUTE):
        headers = {"Content-Type": "application/json"}
        if route == KEY_ROUTE:
            body = rotation(replace(place, agent=agent[whose]), PrivateKey.generate())
        else:
            body = request_of(codes.new_code(), place.key)
        if principal is Principal.NOBODY:
            body = b"{}"
        elif principal is Principal.MALFORMED:
            body = forged(body, b"none")
        elif principal is Principal.FORGED:
            body = forged(body, bytes(64))
    elif route in SESSION_ROUTES:
        path, headers, body = of_session(world, route, whose, principal)
    elif route == TIME_ROUTE:
        path += "?nonce=" + "0" * 32
    return urllib3.request(
        method, world.url + path, body=body, headers=headers, retries=False, timeout=20
    )


def of_session(
    world: World, route: str, whose: str, principal: Principal
) -> tuple[str, dict[str, str], bytes]:
    """Return path, headers and body of what this principal would send to a session."""
    own = world.visits[principal]
    unknown = f"no-{own.session}-{SESSION_ROUTES.index(route)}"
    name = {"own": own.session, "another's": world.visited.session, "nobody's": unknown}
    if whose == "nobody's":
        own = replace(own, key=PrivateKey.generate())
    mine = replace(own, session=name[whose])
    path = route.partition(" ")[2].format(session=name[whose], part=1)
    lines = a_record(mine)
    if route == RECORD_ROUTE:
        place = Place("", "", "", mine.engineer)
        signed = batch_headers(principal, place, lines[0], RECORD)
        return path, {"Content-Type": RECORD} | signed, lines[0]
    body = mine.opening if route == SESSION_ROUTE else mine.closing(lines)
    if route == SESSION_KEY_ROUTE:
        body = mine.key_statement(PrivateKey.generate())
    if principal is Principal.NOBODY:
        body = b"{}"
    elif principal is Principal.MALFORMED:
        body = forged(body, b"none")
    elif principal is Principal.FORGED:
        body = forged(body, bytes(64))
    return path, {"Content-Type": "application/json"}, body


def batch_headers(
    principal: Principal, place: Place, body: bytes, kind: str = BATCH
) -> dict[str, str]:
    if principal is Principal.NOBODY:
        return {}
    signature = to_header(place.key.sign(kind, body))
    if principal is Principal.MALFORMED:
        signature = "none"
    elif principal is Principal.FORGED:
        signature = to_header(PrivateKey.generate().sign(kind, body))
    return {KEY_HEADER: place.key.id, SIGNATURE_HEADER: signature}


def routes(app: FastAPI) -> set[str]:
    return {
        f"{method.upper()} {path}"
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    }


def test_every_route_stands_in_the_table(database: Database) -> None:
    app = create_app(database, CATALOGUE, COLLECTOR)
    assert routes(app) == {route for route, _ in TABLE}
    # And nothing is served that the document does not know: no pages, no document, no files.
    served = set()
    for context in iter_route_contexts(app.routes):
        assert context.include_in_schema
        served |= {f"{method} {context.path}" for method in context.methods or ()}
    assert served == routes(app)
    for (route, _), expected in TABLE.items():
        assert set(expected) == set(Principal), route


def test_every_principal_is_answered_as_the_table_says(world: World) -> None:
    wrong = []
    for (route, whose), expected in TABLE.items():
        # Who is refused comes first: those who rotate their key have another one afterwards.
        for principal in ALL:
            answer = ask(world, route, whose, principal)
            if answer.status != expected[principal]:
                wrong.append((route, whose, principal, answer.status, answer.data[:200]))
            if route == BATCH_ROUTE and answer.status == 403:
                signed = base64.b64decode(answer.json()["signed"])
                keys = {COLLECTOR.key.id: COLLECTOR.key.public}
                refusal = disclose(signed, REFUSAL, Refusal, keys)
                assert refusal.kind is SIGNED_REFUSALS[principal]
    assert wrong == []
    with world.database.reading() as session:
        of_victim = select(func.count()).where(StoredBatch.agent_id == world.victim.agent)
        assert session.scalar(of_victim) == 0
        assert session.scalar(select(func.count()).select_from(StoredBatch)) == 4


def test_unknown_and_forbidden_look_alike(world: World) -> None:
    # Who shows no signature at all is told so, before anything is looked up.
    outsiders = [p for p in ALL if p not in (Principal.NOBODY, Principal.MALFORMED)]
    for route in (BATCH_ROUTE, KEY_ROUTE, *SESSION_ROUTES[1:]):
        answers = {
            (answer.status, answer.data, tuple(sorted(answer.headers.keys())))
            for whose in ("another's", "nobody's")
            for principal in outsiders
            for answer in [ask(world, route, whose, principal)]
        }
        answers |= {
            (answer.status, answer.data, tuple(sorted(answer.headers.keys())))
            for answer in [ask(world, route, "own", Principal.FORGED)]
        }
        assert len(answers) == 1, answers


def test_unknown_and_forbidden_take_alike_long(world: World) -> None:
    def seconds(whose: str, principal: Principal) -> float:
        taken = []
        for _ in range(15):
            start = time.perf_counter()
            ask(world, BATCH_ROUTE, whose, principal)
            taken.append(time.perf_counter() - start)
        return median(taken)

    cases = [
        ("own", Principal.STRANGER),
        ("own", Principal.FORGED),
        ("another's", Principal.NEIGHBOUR),
        ("another's", Principal.FOREIGN),
        ("another's", Principal.REVOKED),
        ("nobody's", Principal.ACTIVE),
    ]
    took = {case: seconds(*case) for case in cases}
    assert max(took.values()) < 10 * min(took.values()), took
