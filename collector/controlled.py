"""Control messages over HTTP: small bodies from anybody, a few at a time, one transaction each."""

from collections.abc import Callable
from datetime import UTC, datetime

from anyio import Semaphore
from fastapi import Request, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from collector.answers import ENVELOPE
from collector.database import Database
from collector.errors import BodyTooLarge, Refused
from collector.identity import Identity
from collector.intake.admission import Admission
from collector.intake.body import declared_length, demand_type, read_body

LARGEST_BYTES = 2**16
"""Of a control message."""

Answer = Callable[[Session, Identity, bytes, datetime], bytes]
"""Gives the signed answer to a body, in the transaction that it may write in."""


async def controlled(request: Request, answer: Answer) -> Response:
    """Answer a control message with what `answer` makes of it, once that is durable.

    Raise Refused, with whatever was written down along with it, and DatabaseUnusable.
    """
    demand_type(request, ENVELOPE)
    too_large = BodyTooLarge(f"A control message has at most {LARGEST_BYTES} bytes.", LARGEST_BYTES)
    length = declared_length(request)
    if length is not None and length > LARGEST_BYTES:
        raise too_large
    admission: Admission = request.app.state.control_admission
    with admission.of(LARGEST_BYTES if length is None else length):
        return await written(request, await read_body(request, LARGEST_BYTES, too_large), answer)


async def written(request: Request, body: bytes, answer: Answer) -> Response:
    """Return the answer to a body that has been read, once it is durable. Raise as above."""
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
