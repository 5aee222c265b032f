"""HTTP of enrolment: a new agent, a new key, and the time for a host whose clock is wrong."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy.orm import Session

from collector.answers import ENVELOPE, ENVELOPE_CONTENT, answered, documented
from collector.controlled import controlled
from collector.enrolment.service import enrol, rotate
from collector.identity import Identity
from wire.control import TIME, TimeAnswer

router = APIRouter()

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
    return await controlled(request, enrol)


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

    return await controlled(request, of_this_agent)


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
