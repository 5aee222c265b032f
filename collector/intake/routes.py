"""The agent's side of HTTP: one idempotent PUT for each batch, and a sign of life."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request, Response

from collector.intake.service import Upload, check_body, too_large
from collector.intake.writer import Writer
from wire.batch import LIMITS, digest_of

router = APIRouter()
_encoder = msgspec.json.Encoder()

Identifier = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
Sequence = Annotated[int, Path(ge=1, le=2**53)]


@router.put(
    "/v1/agents/{agent}/epochs/{epoch}/batches/{seq}",
    response_class=Response,
    summary="Deliver one batch; the same bytes may be sent again.",
)
async def put_batch(
    request: Request, agent: Identifier, epoch: Identifier, seq: Sequence
) -> Response:
    """Answer 201 for new bytes and 200 for the same bytes again, both with an acknowledgement."""
    payload = await _body(request)
    check_body(payload)
    writer: Writer = request.app.state.writer
    upload = Upload(agent, epoch, seq, payload, digest_of(payload), datetime.now(UTC))
    acknowledgement = await writer.store(upload)
    request.app.state.arrived.set()
    return Response(
        _encoder.encode(acknowledgement),
        status_code=200 if acknowledgement.duplicate else 201,
        media_type="application/json",
    )


@router.get("/v1/health", response_class=Response, summary="Is the collector there?")
async def health() -> Response:
    """Answer 204."""
    return Response(status_code=204)


async def _body(request: Request) -> bytes:
    """Return the body, never holding more than the limit. Raise BodyTooLarge."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > LIMITS.packed_bytes:
        raise too_large()
    chunks: list[bytes] = []
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > LIMITS.packed_bytes:
            raise too_large()
        chunks.append(chunk)
    return b"".join(chunks)
