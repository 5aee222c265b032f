"""What the collector's answer to a batch means for it: the table of security-reliability §3.4.

Only what the collector has signed ends anything: a batch leaves by a signed acknowledgement that
repeats its digest, the agent stops for a day by a signed refusal that does. Whatever else answers
(a captive portal, a proxy) makes the agent come again later, and nothing more.
"""

import base64
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from agent import delivery_messages as messages
from agent.answers import detail
from agent.errors import Unreached
from agent.identity import Identity
from agent.pause import PauseReason
from agent.spool import Sealed
from agent.transport import Response
from checks.api import Text
from wire.control import ACKNOWLEDGEMENT, REFUSAL, Refusal, RefusalKind
from wire.envelope import disclose
from wire.errors import WireError
from wire.messages import Acknowledgement

HOUR_SECONDS = 3600.0
DAY_SECONDS = 86400.0
LEAST_SPLIT_BYTES = 2**18
"""A batch below this is not split any more: a proxy that answers 413 to everything must not wear
the data down. Own figure."""

_NOT_A_BATCH = {400, 415, 422}
_COME_AGAIN = {408, 425}
_REFUSALS = {
    RefusalKind.REVOKED: messages.REVOKED,
    RefusalKind.KEY_RETIRED: messages.KEY_RETIRED,
}


class Taken(Struct, frozen=True):
    """The batch is durable at the collector."""

    acknowledgement: Acknowledgement


class TooLarge(Struct, frozen=True):
    """It has to be split; `largest_bytes` is what fits, as far as it is known."""

    largest_bytes: int
    text: Text


class Rejected(Struct, frozen=True):
    """This batch is not taken; others may be."""

    text: Text


class Held(Struct, frozen=True):
    """Nothing is taken now. `seconds`: what was asked for; None: the agent's own back-off.

    `again`: another try within seconds is worth it.
    """

    reason: PauseReason
    text: Text
    seconds: float | None = None
    again: bool = False


Reply = Taken | TooLarge | Rejected | Held


def unreached(error: Unreached) -> Held:
    """Return what a failure on the way means."""
    return Held(PauseReason.UNREACHED, error.text, again=error.again)


def meaning(
    response: Response, sealed: Sealed, identity: Identity, shown: str, now: datetime
) -> Reply:
    """Return what an answer to this batch means; `shown` is the collector's name for messages."""
    status = response.status
    acknowledgement = _acknowledgement(response, sealed, identity)
    if acknowledgement is not None:
        return Taken(acknowledgement)
    refused = messages.REFUSED.format(host=shown, status=status, detail=detail(response.body))
    if status == 403:
        refusal = _refusal(response.body, sealed, identity)
        if refusal is not None:
            text = _REFUSALS[refusal.kind].format(host=shown)
            return Held(PauseReason.REFUSED, text, DAY_SECONDS)
    if status in (401, 403):
        return Held(PauseReason.UNKNOWN_KEY, refused, HOUR_SECONDS)
    if status == 413:
        return _too_large(response.body, sealed, refused)
    if status in _NOT_A_BATCH:
        return Rejected(refused)
    if status == 426:
        return Held(PauseReason.OUTDATED, messages.OUTDATED.format(host=shown), DAY_SECONDS)
    overloaded = messages.OVERLOADED.format(host=shown, status=status)
    if status in (429, 503):
        asked = retry_after(response, now)
        reason = PauseReason.UNREACHED if asked is None else PauseReason.OVERLOADED
        return Held(reason, overloaded, asked, again=asked is None)
    if status >= 500 or status in _COME_AGAIN:
        return Held(PauseReason.UNREACHED, overloaded, again=True)
    if 400 <= status < 500 and status != 409:
        return Held(PauseReason.UNREACHED, refused)
    text = messages.NOT_ACKNOWLEDGED.format(host=shown, status=status)
    return Held(PauseReason.UNREACHED, text)


def retry_after(response: Response, now: datetime) -> float | None:
    """Return Retry-After in seconds, at most a day; None where there is none that can be read.

    A moment is measured from the Date of the same answer: no clock of this host takes part, unless
    there is no such header.
    """
    told = response.headers.get("retry-after", "").strip()
    if told.isdecimal() and len(told) < 12:
        return min(float(told), DAY_SECONDS)
    moment = _date(told)
    if moment is None:
        return None
    wait = moment - (_date(response.headers.get("date", "")) or now)
    return min(max(wait, timedelta()).total_seconds(), DAY_SECONDS)


def _acknowledgement(
    response: Response, sealed: Sealed, identity: Identity
) -> Acknowledgement | None:
    """Return the acknowledgement if it is the collector's, and of just this batch."""
    if response.status not in (200, 201, 409):
        return None
    try:
        answer = disclose(response.body, ACKNOWLEDGEMENT, Acknowledgement, identity.collector_keys)
    except WireError:
        return None
    named = (answer.agent, answer.epoch, answer.seq, answer.digest)
    ours = (sealed.agent, sealed.epoch, sealed.seq, sealed.batch.digest)
    return answer if named == ours else None


def _refusal(body: bytes, sealed: Sealed, identity: Identity) -> Refusal | None:
    """Return the refusal if it is the collector's, and of just this batch."""
    signed = _problem(body).get("signed")
    if not isinstance(signed, str):
        return None
    try:
        envelope = base64.b64decode(signed, validate=True)
        refusal = disclose(envelope, REFUSAL, Refusal, identity.collector_keys)
    except (WireError, ValueError):
        return None
    fits = (refusal.agent, refusal.digest) == (sealed.agent, sealed.batch.digest)
    return refusal if fits else None


def _too_large(body: bytes, sealed: Sealed, text: Text) -> Reply:
    size = len(sealed.batch.payload)
    if size <= LEAST_SPLIT_BYTES:
        return Rejected(text)
    limit = _problem(body).get("limit_bytes")
    if not isinstance(limit, int) or not 0 < limit < size:
        limit = size // 2  # whoever refused did not say what he takes
    return TooLarge(max(limit, LEAST_SPLIT_BYTES), text)


def _problem(body: bytes) -> dict[object, object]:
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _date(text: str) -> datetime | None:
    """Return a date of HTTP; None if it is none, or has no zone."""
    from email.utils import parsedate_to_datetime  # 4 ms, and only for such an answer

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else None
