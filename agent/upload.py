"""Hand a batch to the collector, and believe nothing but its acknowledgement.

PUT {url}/v1/agents/{agent}/epochs/{epoch}/batches/{seq}: idempotent, so that a lost answer costs
one more try and no duplicate.

stamina (65 ms) is imported where it is needed: only after a first failure.
"""

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from agent import messages
from agent.errors import NotCollector, Refused, Unreached
from agent.settings import Collector
from agent.spool import Sealed
from agent.transport import Transport
from wire.control import BATCH
from wire.messages import Acknowledgement

Value = TypeVar("Value")

ATTEMPTS = 3
TOTAL_SECONDS = 60.0
"""For one batch, waiting included; what is not handed over by then waits for the next run."""
LONGEST_PAUSE_SECONDS = 15.0
"""A collector that asks for a longer pause gets it: the batch waits for the next run."""

_BATCH_ONLY = {400, 409, 413, 415, 422}
"""Refusals that are about the batch; any other 4xx would meet the next batch just the same."""
_TRANSIENT = {408, 425, 429}


class Uploader:
    """The connection to one collector."""

    def __init__(self, collector: Collector) -> None:
        self._transport = Transport(collector, bytes(32))
        self._host = re.sub(r"^https?://(?:[^@/]*@)?([^/]+).*$", r"\1", collector.url)

    def send(self, sealed: Sealed) -> Acknowledgement:
        """Hand over one batch and return the acknowledgement that names it.

        Raise Unreached (after a few tries), NotCollector or Refused; the batch must be kept then.
        """
        return _tried(lambda: self._send_once(sealed))

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def _send_once(self, sealed: Sealed) -> Acknowledgement:
        response = self._transport.request(
            "PUT",
            f"/v1/agents/{sealed.agent}/epochs/{sealed.epoch}/batches/{sealed.seq}",
            sealed.batch.payload,
            {"Content-Type": BATCH, "Accept": "application/json"},
        )
        status, body = response.status, response.body
        if status >= 500 or status in _TRANSIENT:
            raise Unreached(
                messages.OVERLOADED.format(host=self._host, status=status),
                after_seconds=_seconds(response.headers.get("retry-after")),
            )
        if 400 <= status < 500:
            raise Refused(
                messages.REFUSED.format(host=self._host, status=status, detail=_said(body)),
                status=status,
                batch_only=status in _BATCH_ONLY,
            )
        answer = _acknowledgement(body) if status in (200, 201) else None
        wanted = (sealed.agent, sealed.epoch, sealed.seq, sealed.batch.digest)
        if answer is None or (answer.agent, answer.epoch, answer.seq, answer.digest) != wanted:
            raise NotCollector(messages.NOT_ACKNOWLEDGED.format(host=self._host, status=status))
        return answer


def _tried(attempt: Callable[[], Value]) -> Value:
    """Try once; only where that fails for want of an answer, load the library and try again."""
    try:
        return attempt()
    except Unreached as error:
        wait = _pause(error)
        if wait is False:
            raise
    import time

    import stamina
    from stamina.instrumentation import set_on_retry_hooks

    set_on_retry_hooks([])  # it would look for structlog and prometheus
    time.sleep(wait if wait is not True else 0.2)
    for again in stamina.retry_context(
        on=_pause, attempts=ATTEMPTS - 1, timeout=TOTAL_SECONDS, wait_initial=0.5, wait_jitter=0.5
    ):
        with again:
            return attempt()
    raise AssertionError("stamina lets the last error through")  # for the type checker


def _pause(error: Exception) -> bool | float:
    """Return whether another try is worth it, or after how many seconds."""
    if not isinstance(error, Unreached) or not error.again:
        return False
    if error.after_seconds is None:
        return True
    return error.after_seconds if error.after_seconds <= LONGEST_PAUSE_SECONDS else False


def _acknowledgement(body: bytes) -> Acknowledgement | None:
    try:
        return msgspec.json.decode(body, type=Acknowledgement)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _seconds(retry_after: str | None) -> float | None:
    """Return Retry-After in seconds; its form as a date needs a right clock and is not read."""
    return float(retry_after) if retry_after is not None and retry_after.isdecimal() else None


def _said(body: bytes) -> str:
    """Return what the collector gave as the reason (problem JSON), printable and short."""
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    detail = content.get("detail") if isinstance(content, dict) else None
    if not isinstance(detail, str):
        return ""
    return ": " + "".join(letter if letter.isprintable() else " " for letter in detail[:300])
