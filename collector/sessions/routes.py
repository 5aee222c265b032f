"""HTTP of remote sessions: opening, keys, record, end. Every request may be sent again."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from collector.answers import ENVELOPE_CONTENT, answered, documented
from collector.controlled import Answer, controlled, written
from collector.errors import BodyTooLarge, NotABatch, UnknownKey
from collector.identity import Identity
from collector.intake.admission import Admission
from collector.intake.body import declared_length, demand_type, read_body
from collector.sessions.keys import add_key
from collector.sessions.known import KnownSessions
from collector.sessions.opening import open_session
from collector.sessions.record_keeping import PartUpload, close, keep_part
from wire.control import KEY_HEADER, SIGNATURE_HEADER
from wire.envelope import from_header
from wire.errors import Unreadable
from wire.session_parts import MOST_PARTS
from wire.sessions import LARGEST_PART_BYTES, RECORD

router = APIRouter()

Identifier = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
_ENVELOPE_BODY = {"requestBody": {"required": True, "content": ENVELOPE_CONTENT}}
_PROBLEMS = documented(401, 409, 413, 415, 422)
# Headers are not checked by their form: who has no key gets one answer, always 401.
_HEADERS = [
    {"name": name, "in": "header", "required": False, "description": words, "schema": form}
    for name, words, form in (
        (
            KEY_HEADER,
            "Id of the engineer's key.",
            {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        ),
        (
            SIGNATURE_HEADER,
            "Signature over the lines, in base64.",
            {"type": "string", "pattern": "^[A-Za-z0-9+/]{86}==$"},
        ),
    )
]


@router.put(
    "/v1/sessions/{session}",
    response_class=Response,
    status_code=200,
    responses={200: answered("Kept; whether the session is permitted."), **_PROBLEMS},
    openapi_extra=_ENVELOPE_BODY,
    summary="Open a remote session, signed by the engineer; a refused one is kept, too.",
)
async def put_session(request: Request, session: Identifier) -> Response:
    """Answer whether the session is permitted, signed."""
    return await controlled(request, _of(session, open_session))


@router.post(
    "/v1/sessions/{session}/keys",
    response_class=Response,
    status_code=200,
    responses={200: answered("The key counts, or why the session is refused."), **_PROBLEMS},
    openapi_extra=_ENVELOPE_BODY,
    summary="Let a key that was made on the host sign batches; signed by the session's key, too.",
)
async def post_session_key(request: Request, session: Identifier) -> Response:
    """Answer whether the key counts, signed."""
    return await controlled(request, _of(session, add_key))


@router.put(
    "/v1/sessions/{session}/closing",
    response_class=Response,
    status_code=200,
    responses={200: answered("Kept."), **_PROBLEMS},
    openapi_extra=_ENVELOPE_BODY,
    summary="End the record of a session, signed by the engineer.",
)
async def put_closing(request: Request, session: Identifier) -> Response:
    """Answer that the end is kept, signed."""
    return await controlled(request, _of(session, close))


@router.put(
    "/v1/sessions/{session}/record/{part}",
    response_class=Response,
    status_code=200,
    responses={200: answered("The part is durable."), **_PROBLEMS},
    openapi_extra={
        "parameters": _HEADERS,
        "requestBody": {
            "required": True,
            "content": {RECORD: {"schema": {"type": "string", "format": "binary"}}},
        },
    },
    summary="Deliver a part of a session's record: whole lines, signed by the engineer.",
)
async def put_part(
    request: Request, session: Identifier, part: Annotated[int, Path(ge=1, le=MOST_PARTS)]
) -> Response:
    """Answer that the part is durable, signed; never before it is."""
    demand_type(request, RECORD)
    key = request.headers.get(KEY_HEADER, "")
    try:
        signature = from_header(request.headers.get(SIGNATURE_HEADER, ""))
    except Unreadable as error:
        raise UnknownKey(f"{SIGNATURE_HEADER}: {error}") from error
    known: KnownSessions = request.app.state.known_sessions
    await known.demand(session, key)
    most = LARGEST_PART_BYTES
    too_large = BodyTooLarge(f"A part of a record has at most {most} bytes.", most)
    length = declared_length(request)
    if length is not None and length > most:
        raise too_large
    admission: Admission = request.app.state.admission
    with admission.of(most if length is None else length, session):
        payload = await read_body(request, most, too_large)
        if not payload:
            raise NotABatch("The body is empty: lines of a record are expected.")

        def kept(database: Session, identity: Identity, body: bytes, now: datetime) -> bytes:
            upload = PartUpload(session, part, body, key, signature)
            return keep_part(database, identity, upload, now)

        return await written(request, payload, kept)


def _of(name: str, answer: Callable[[Session, Identity, str, bytes, datetime], bytes]) -> Answer:
    def of_this_session(session: Session, identity: Identity, body: bytes, now: datetime) -> bytes:
        return answer(session, identity, name, body, now)

    return of_this_session
