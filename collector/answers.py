"""How the collector answers: signed envelopes, and problems in the form of RFC 9457."""

import base64
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from collector.errors import BodyTooLarge, ForGood, Overloaded, Refused, TooSlow, UnknownKey
from collector.intake.admission import wait_seconds

ENVELOPE = "application/json"
PROBLEM = "application/problem+json"

_MEANINGS = {
    400: "No HTTP.",
    401: "Not signed by a key that is known here.",
    403: "Refused; `signed` holds a signed refusal where it is for good.",
    404: "There is no such place.",
    405: "Not by this method; Allow tells which.",
    408: "The request did not arrive in time; it may be sent again.",
    409: "Something else stands there already; what came first stays.",
    413: "Too large; `limit_bytes` is the limit.",
    415: "Not of the type that is wanted here.",
    422: "Not understood.",
    431: "The header of the request is too large.",
    503: "Not now; Retry-After tells when.",
}
_SCHEMA = {
    "type": "object",
    "required": ["status", "detail"],
    "additionalProperties": False,
    "properties": {
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "signed": {"type": "string", "contentEncoding": "base64"},
        "limit_bytes": {"type": "integer", "minimum": 1},
    },
}
_BYTES = {"type": "string", "contentEncoding": "base64"}
_ENVELOPE_SCHEMA = {
    "type": "object",
    "description": "A DSSE envelope: wire/schema.json has it and what its payload may be.",
    "required": ["payloadType", "payload", "signatures"],
    "properties": {
        "payloadType": {"type": "string", "maxLength": 200},
        "payload": _BYTES,
        "signatures": {
            "type": "array",
            "minItems": 1,
            "maxItems": 4,
            "items": {
                "type": "object",
                "required": ["keyid", "sig"],
                "properties": {
                    "keyid": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                    "sig": _BYTES,
                },
            },
        },
    },
}
ENVELOPE_CONTENT = {ENVELOPE: {"schema": _ENVELOPE_SCHEMA}}
"""What OpenAPI says of a body that is a signed envelope."""
EVERYWHERE = (400, 404, 405, 408, 431, 503)
"""What may be answered before a route is found."""


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of the problems that a route may answer with."""
    return {
        status: {"description": _MEANINGS[status], "content": {PROBLEM: {"schema": _SCHEMA}}}
        for status in statuses
    }


def answered(description: str) -> dict[str, Any]:
    """Return what OpenAPI says of an answer that is a signed envelope."""
    return {"description": description, "content": ENVELOPE_CONTENT}


async def refused(_request: Request, error: Exception) -> JSONResponse:
    """Answer a request that is not taken."""
    if isinstance(error, Overloaded):
        return problem(error.status, str(error), {"Retry-After": str(wait_seconds())})
    if isinstance(error, TooSlow):
        return problem(error.status, str(error), {"Connection": "close"})
    if isinstance(error, UnknownKey):
        return problem(error.status, str(error), {"WWW-Authenticate": "Xunjian-Signature"})
    if isinstance(error, BodyTooLarge):
        return problem(error.status, str(error), limit_bytes=error.limit_bytes)
    signed = error.signed if isinstance(error, ForGood) else b""
    return problem(error.status if isinstance(error, Refused) else 400, str(error), signed=signed)


async def unavailable(_request: Request, error: Exception) -> JSONResponse:
    """Answer while the database can't be used."""
    return problem(503, str(error), {"Retry-After": "30"})


async def hung_up(_request: Request, _error: Exception) -> JSONResponse:
    """Answer nobody: whoever asked is gone in the midst of it, and nothing is wrong here."""
    return problem(400, "The request ended before it was complete.")


async def not_understood(_request: Request, error: Exception) -> JSONResponse:
    """Answer a request whose path or headers are wrong."""
    faults: list[dict[str, Any]] = (
        list(error.errors()) if isinstance(error, RequestValidationError) else []
    )
    where = "; ".join(
        f"{'.'.join(str(step) for step in fault['loc'])}: {fault['msg']}" for fault in faults
    )
    return problem(422, f"The request is not understood: {where}.")


async def no_such_place(_request: Request, error: Exception) -> JSONResponse:
    """Answer where there is no route, or not for this method."""
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail), dict(error.headers or {}))


def problem(
    status: int,
    detail: str,
    headers: dict[str, str] | None = None,
    *,
    signed: bytes = b"",
    limit_bytes: int | None = None,
) -> JSONResponse:
    """Return one sentence that a person can act on; `signed` is an envelope that proves it."""
    content: dict[str, object] = {"status": status, "detail": detail}
    if signed:
        content["signed"] = base64.b64encode(signed).decode()
    if limit_bytes is not None:
        content["limit_bytes"] = limit_bytes
    return JSONResponse(content, status_code=status, media_type=PROBLEM, headers=headers)
