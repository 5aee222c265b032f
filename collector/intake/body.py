"""The body of a request, never more of it in memory than may be."""

from fastapi import Request

from collector.errors import BodyTooLarge, WrongType


async def read_body(request: Request, largest_bytes: int, too_large: BodyTooLarge) -> bytes:
    """Return the body. Raise `too_large` as soon as it is, declared or not."""
    declared = declared_length(request)
    if declared is not None and declared > largest_bytes:
        raise too_large
    chunks: list[bytes] = []
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > largest_bytes:
            raise too_large
        chunks.append(chunk)
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
