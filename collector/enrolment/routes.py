"""HTTP of enrolment: a new agent, a new key, and the time for a host whose clock is wrong."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from anyio import Semaphore
from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from collector.answers import ENVELOPE, ENVELOPE_CONTENT, answered, documented
from collector.database import Database
from collector.enrolment.service import enrol, rotate
from collector.errors import BodyTooLarge, Refused
from collector.identity import Identity
from collector.intake.admission import Admission
from collector.intake.body import declared_length, demand_type, read_body
from wire.control import TIME, TimeAnswer

router = APIRouter()

LARGEST_BYTES = 2**16
"""Of a control message."""

Identifier = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
_BODY = {"requestBody": {"required": True, "content": ENVELOPE_CONTENT}}


@router.post(
    "/v1/enrolments",
    response_class=Response,
    status_code=200,
    responses={200: answered("Enrolled."), **documented(401, 403, 413, 415, 422)},
    openapi_extra=_BODY,
    summary="Enrol an agent with a one-time code; the same request again gets the same answer.",
)
async def post_enrolment(request: Request) -> Response:
    """Answer with a signed enrolment: the agent's id, and what it needs to trust this collector."""
    return await _controlled(request, enrol)


@router.post(
    "/v1/agents/{agent}/keys",
    response_class=Response,
    status_code=200,
    responses={200: answered("The new key counts."), **documented(401, 413, 415, 422)},
    openapi_extra=_BODY,
    summary="Put a new key in place of an old one; signed by both.",
)
async def post_key(request: Request, agent: Identifier) -> Response:
    """Answer with a signed confirmation."""

    def of_this_agent(session: Session, identity: Identity, body: bytes, now: datetime) -> bytes:
        return rotate(session, identity, agent, body, now)

    return await _controlled(request, of_this_agent)


@router.get(
    "/v1/time",
    response_class=Response,
    status_code=200,
    responses={200: answered("The time, signed, with the nonce."), **documented(422)},
    summary="The collector's clock, for an agent whose own is wrong.",
)
async def get_time(
    request: Request, nonce: Annotated[str, Query(pattern=r"^[0-9a-f]{32}$")]
) -> Response:
    """Answer with the time; the agent knows by nonce and signature that it is this collector's."""
    identity: Identity = request.app.state.identity
    answer = TimeAnswer(nonce=nonce, time=datetime.now(UTC))
    return Response(identity.sign(answer, TIME), media_type=ENVELOPE)


async def _controlled(
    request: Request, answer: Callable[[Session, Identity, bytes, datetime], bytes]
) -> Response:
    demand_type(request, ENVELOPE)
    too_large = BodyTooLarge(f"A control message has at most {LARGEST_BYTES} bytes.", LARGEST_BYTES)
    length = declared_length(request)
    if length is not None and length > LARGEST_BYTES:
        raise too_large
    admission: Admission = request.app.state.control_admission
    with admission.of(LARGEST_BYTES if length is None else length):
        return await _answer(request, await read_body(request, LARGEST_BYTES, too_large), answer)


async def _answer(
    request: Request, body: bytes, answer: Callable[[Session, Identity, bytes, datetime], bytes]
) -> Response:
    database: Database = request.app.state.database
    identity: Identity = request.app.state.identity

    def work() -> bytes | Refused:
        with database.writing(alone=True) as session:
            try:
                return answer(session, identity, body, datetime.now(UTC))
            except Refused as error:
                # Returned, not raised: an alarm that comes with it is to be committed.
                return error

    # A few at a time: nobody needs a key to ask, and the connections are for all.
    limit: Semaphore = request.app.state.control_threads
    async with limit:
        result = await run_in_threadpool(work)
    if isinstance(result, Refused):
        raise result
    return Response(result, media_type=ENVELOPE)
