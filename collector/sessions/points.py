"""One thing that was looked at, and signed messages as they must have been written."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from checks.api import Text
from collector.sessions.outcome import Outcome
from wire import envelope
from wire.envelope import Message
from wire.errors import WireError

_NOTHING = Text("", "")
CHANGED = Text("内容被改动或签名无效", "it was changed, or its signature is not valid")


@dataclass(frozen=True)
class Point:
    """One thing that was looked at."""

    what: Text
    outcome: Outcome
    detail: Text = _NOTHING


def disclosed(
    body: bytes, payload_type: str, model: type[Message], keys: Mapping[str, bytes]
) -> Message | None:
    """Return a message that all of these keys have signed, as it was written; None: it is not."""
    if not keys:
        return None
    try:
        signed = envelope.read(body)
        message = envelope.disclose(body, payload_type, model, keys)
    except WireError:
        return None
    # What signatures don't cover, such as spare bits in base64, was not written by us either.
    return message if msgspec.json.encode(signed) == body else None


def judged(what: Text, good: bool, why: Text = CHANGED) -> Point:
    """Return what came of a look that can only be good or wrong."""
    return Point(what, Outcome.GOOD) if good else Point(what, Outcome.WRONG, why)
