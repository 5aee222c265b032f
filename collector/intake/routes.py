"""The agent's side of HTTP: one idempotent PUT for each batch, and a sign of life."""

import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from collector.answers import ENVELOPE, answered, documented
from collector.errors import ForGood, NotABatch, UnknownKey
from collector.identity import Identity
from collector.intake.admission import Admission
from collector.intake.body import declared_length, demand_type, read_body
from collector.intake.known import KnownKeys
from collector.intake.service import Upload, check_body, too_large
from collector.intake.writer import Writer
from wire.batch import LIMITS, digest_of
from wire.control import (
    BATCH,
    DELIVERY_HEADER,
    KEY_HEADER,
    REFUSAL,
    SIGNATURE_HEADER,
    Refusal,
)
from wire.envelope import from_header
from wire.errors import Unreadable

router = APIRouter()

LONGEST_DELIVERY = 2000
"""Characters of the header that tells the host's clocks; a longer one is not kept."""

_IDENTIFIER = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$"}
_MOST_BATCHES = 2**53
# Told in the OpenAPI document, and read from the request itself: FastAPI takes longer over six
# parameters than the collector over all else. Headers are not checked by their form: who has no
# key gets one answer, always 401.
_PARAMETERS = [
    {"name": name, "in": place, "required": place == "path", "description": words, "schema": form}
    for name, place, words, form in (
        ("agent", "path", "The agent.", _IDENTIFIER),
        ("epoch", "path", "The epoch of its chain.", _IDENTIFIER),
        (
            "seq",
            "path",
            "The number in the epoch.",
            {"type": "integer", "minimum": 1, "maximum": _MOST_BATCHES},
        ),
        (
            KEY_HEADER,
            "header",
            "Id of the key that signed the batch.",
            {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        ),
        (
            SIGNATURE_HEADER,
            "header",
            "Signature over the batch, in base64.",
            {"type": "string", "pattern": "^[A-Za-z0-9+/]{86}==$"},
        ),
        (DELIVERY_HEADER, "header", "The host's clocks, signed.", {"type": "string"}),
    )
]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}", re.ASCII)
_NUMBER = re.compile(r"0*[1-9][0-9]{0,15}", re.ASCII)

_RESPONSES = {
    201: answered("Stored; signed acknowledgement."),
    200: answered("The same bytes had been stored before; signed acknowledgement."),
    409: answered("Stored beside another batch of that place; signed acknowledgement, `forked`."),
    **documented(401, 403, 413, 415, 422),
}


async def put_batch(request: Request) -> Response:
    """Answer with a signed acknowledgement once the batch is durable, never before."""
    # Before the body, which may take minutes: the note of the host's clocks is of this moment.
    now = datetime.now(UTC)
    agent, epoch, seq = _place(request)
    demand_type(request, BATCH)
    key, delivery = request.headers.get(KEY_HEADER, ""), request.headers.get(DELIVERY_HEADER)
    try:
        signed = from_header(request.headers.get(SIGNATURE_HEADER, ""))
    except Unreadable as error:
        raise UnknownKey(f"{SIGNATURE_HEADER}: {error}") from error
    known_keys: KnownKeys = request.app.state.known_keys
    await known_keys.demand(agent, key)
    admission: Admission = request.app.state.admission
    identity: Identity = request.app.state.identity
    # A body that does not tell its length may grow to the limit.
    length = declared_length(request)
    if length is not None and length > LIMITS.packed_bytes:
        raise too_large()
    with admission.of(LIMITS.packed_bytes if length is None else length, agent):
        payload = await read_body(request, LIMITS.packed_bytes, too_large())
        check_body(payload)
        digest = digest_of(payload)
        upload = Upload(
            *(agent, epoch, seq, payload, digest, now, key, signed),
            delivery=delivery if delivery is None or len(delivery) <= LONGEST_DELIVERY else None,
        )
        writer: Writer = request.app.state.writer
        try:
            stored = await writer.store(upload)
        except ForGood as error:
            refusal = Refusal(agent=agent, kind=error.kind, digest=digest, server_time=now)
            error.signed = identity.sign(refusal, REFUSAL)
            raise
    request.app.state.arrived.set()
    told = stored.acknowledgement
    status = 409 if told.forked else 200 if told.duplicate else 201
    return Response(stored.signed, status_code=status, media_type=ENVELOPE)


def _place(request: Request) -> tuple[str, str, int]:
    """Return agent, epoch and number from the path. Raise NotABatch."""
    agent, epoch, seq = (request.path_params[name] for name in ("agent", "epoch", "seq"))
    for name, value in (("agent", agent), ("epoch", epoch)):
        if _NAME.fullmatch(value) is None:
            raise NotABatch(f"The {name} in the path has 1 to 64 letters, digits or _.:- only.")
    if _NUMBER.fullmatch(seq) is None or int(seq) > _MOST_BATCHES:
        raise NotABatch(f"The number in the path is from 1 to {_MOST_BATCHES}.")
    return agent, epoch, int(seq)


class Plain(APIRoute):
    """A route whose function takes the request and gives the answer, with nothing in between.

    Solving no dependencies takes FastAPI two thirds of the time of an upload.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the function itself."""
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler


router.add_api_route(
    "/v1/agents/{agent}/epochs/{epoch}/batches/{seq}",
    put_batch,
    methods=["PUT"],
    route_class_override=Plain,
    response_class=Response,
    status_code=201,
    responses=_RESPONSES,
    summary="Deliver one batch; the same bytes may be sent again.",
    openapi_extra={
        "parameters": _PARAMETERS,
        "requestBody": {
            "required": True,
            "content": {BATCH: {"schema": {"type": "string", "format": "binary"}}},
        },
    },
)


@router.get(
    "/v1/health", response_class=Response, status_code=204, summary="Is the collector there?"
)
async def health() -> Response:
    """Answer 204."""
    return Response(status_code=204)
