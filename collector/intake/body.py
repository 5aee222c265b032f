"""The body of a request, never more of it in memory than may be, and not for longer."""

import asyncio

from fastapi import Request

from collector.errors import BodyTooLarge, TooSlow, WrongType

SHORTEST_SECONDS = 90.0
"""For any body, and so much more as it takes …"""
SLOWEST_BYTES_PER_SECOND = 4096
"""… on the slowest line that is served; the agent waits as long (agent/transport.py)."""


async def read_body(request: Request, largest_bytes: int, too_large: BodyTooLarge) -> bytes:
    """Return the body. Raise `too_large` as soon as it is, declared or not; TooSlow."""
    declared = declared_length(request)
    if declared is not None and declared > largest_bytes:
        raise too_large
    expected = largest_bytes if declared is None else declared
    chunks: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(SHORTEST_SECONDS + expected / SLOWEST_BYTES_PER_SECOND):
            async for chunk in request.stream():
                length += len(chunk)
                if length > largest_bytes:
                    raise too_large
                chunks.append(chunk)
    except TimeoutError as error:
        raise TooSlow("The body did not arrive in time.") from error
    return b"".join(chunks)


def declared_length(request: Request) -> int | None:
    """Return what Content-Length says; None where the body comes in pieces, or it says nonsense."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() else None


def demand_type(request: Request, wanted: str) -> None:
    """Return if the request says that its body is of this type. Raise WrongType."""
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said != wanted:
        raise WrongType(f"The body must be {wanted}.")
