"""The agent's side of HTTP: one idempotent PUT for each batch, and a sign of life."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response

from collector.answers import ENVELOPE, answered, documented
from collector.errors import ForGood, UnknownKey
from collector.identity import Identity
from collector.intake.admission import Admission
from collector.intake.body import declared_length, demand_type, read_body
from collector.intake.known import KnownKeys
from collector.intake.service import Upload, check_body, too_large
from collector.intake.writer import Writer
from wire.batch import LIMITS, digest_of
from wire.control import (
    ACKNOWLEDGEMENT,
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

Identifier = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
Sequence = Annotated[int, Path(ge=1, le=2**53)]
LONGEST_DELIVERY = 2000
"""Characters of the header that tells the host's clocks; a longer one is not kept."""

# Told in the OpenAPI document, and not checked by it: who has no key gets one answer, always 401.
KeyId = Annotated[
    str, Header(alias=KEY_HEADER, json_schema_extra={"pattern": "^[0-9a-f]{64}$", "minLength": 64})
]
Signature = Annotated[
    str,
    Header(alias=SIGNATURE_HEADER, json_schema_extra={"pattern": "^[A-Za-z0-9+/]{86}==$"}),
]
Delivery = Annotated[str | None, Header(alias=DELIVERY_HEADER)]

_RESPONSES = {
    201: answered("Stored; signed acknowledgement."),
    200: answered("The same bytes had been stored before; signed acknowledgement."),
    409: answered("Stored beside another batch of that place; signed acknowledgement, `forked`."),
    **documented(401, 403, 413, 415, 422),
}


@router.put(
    "/v1/agents/{agent}/epochs/{epoch}/batches/{seq}",
    response_class=Response,
    status_code=201,
    responses=_RESPONSES,
    summary="Deliver one batch; the same bytes may be sent again.",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {BATCH: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def put_batch(
    request: Request,
    agent: Identifier,
    epoch: Identifier,
    seq: Sequence,
    key: KeyId = "",
    signature: Signature = "",
    delivery: Delivery = None,
) -> Response:
    """Answer with a signed acknowledgement once the batch is durable, never before."""
    # Before the body, which may take minutes: the note of the host's clocks is of this moment.
    now = datetime.now(UTC)
    demand_type(request, BATCH)
    try:
        signed = from_header(signature)
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
            acknowledgement = await writer.store(upload)
        except ForGood as error:
            refusal = Refusal(agent=agent, kind=error.kind, digest=digest, server_time=now)
            error.signed = identity.sign(refusal, REFUSAL)
            raise
    request.app.state.arrived.set()
    status = 409 if acknowledgement.forked else 200 if acknowledgement.duplicate else 201
    return Response(
        identity.sign(acknowledgement, ACKNOWLEDGEMENT), status_code=status, media_type=ENVELOPE
    )


@router.get(
    "/v1/health", response_class=Response, status_code=204, summary="Is the collector there?"
)
async def health() -> Response:
    """Answer 204."""
    return Response(status_code=204)
