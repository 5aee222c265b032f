"""What is asked of the collector about a session: nothing counts but what it has signed.

    PUT  /v1/sessions/{session}                 Opening     → Opened
    POST /v1/sessions/{session}/keys            SessionKey  → Opened
    PUT  /v1/sessions/{session}/record/{part}   lines       → RecordKept
    PUT  /v1/sessions/{session}/closing         Closing     → Opened

Each may be repeated without harm.
"""

import base64
import hashlib
from typing import TypeVar

import msgspec
from msgspec import Struct

from agent.answers import detail
from agent.errors import Stage, Unreached
from agent.remote import texts
from agent.remote.trust import Trust
from agent.transport import Response, Transport
from wire import envelope
from wire.control import KEY_HEADER, SIGNATURE_HEADER
from wire.errors import WireError
from wire.sessions import OPENED, RECORD, RECORD_KEPT, Opened, RecordKept

Message = TypeVar("Message", bound=Struct)

_JSON = {"Content-Type": "application/json"}
ATTEMPTS = 3


class Answered(Struct, frozen=True):
    """What the collector says of an opening, a key or a closing."""

    opened: Opened
    envelope: bytes


class _Problem(Struct, frozen=True):
    """An answer that refuses (RFC 9457), with what the collector signed of it."""

    signed: str = ""


class Asking:
    """The collector, over one connection. Every question raises Unreached where no word comes."""

    def __init__(self, trust: Trust) -> None:
        """Be ready to ask. Raise Unreached where the collector is not reached by network."""
        if trust.collector is None:
            raise Unreached(texts.NO_COLLECTOR_URL, stage=Stage.DNS, again=False)
        self._trust = trust
        self._transport = Transport(trust.collector, trust.collector_key)

    def open(self, session: str, opening: bytes) -> Answered:
        """Tell of a session, and return whether it is permitted."""
        return self._told("PUT", f"/v1/sessions/{session}", session, opening)

    def add_key(self, session: str, statement: bytes) -> Answered:
        """Tell of a key that was made on the host."""
        return self._told("POST", f"/v1/sessions/{session}/keys", session, statement)

    def close(self, session: str, closing: bytes) -> Answered:
        """Tell of the end of a record."""
        return self._told("PUT", f"/v1/sessions/{session}/closing", session, closing)

    def keep_part(self, session: str, part: int, lines: bytes) -> RecordKept:
        """Hand over a part of the record, signed by the engineer."""
        headers = {
            "Content-Type": RECORD,
            KEY_HEADER: self._trust.key.id,
            SIGNATURE_HEADER: envelope.to_header(self._trust.key.sign(RECORD, lines)),
        }
        path = f"/v1/sessions/{session}/record/{part}"
        kept, _ = self._asked("PUT", path, lines, headers, RECORD_KEPT, RecordKept)
        whole = hashlib.sha256(lines).hexdigest()
        if (kept.session, kept.part, kept.digest) != (session, part, whole):
            raise self._no_word(200, b"")
        return kept

    def end(self) -> None:
        """Close the connection."""
        self._transport.close()

    def _told(self, method: str, path: str, session: str, body: bytes) -> Answered:
        told, signed = self._asked(method, path, body, _JSON, OPENED, Opened)
        asked = hashlib.sha256(envelope.read(body).payload).hexdigest()
        if (told.session, told.digest) != (session, asked):
            raise self._no_word(200, b"")
        return Answered(told, signed)

    def _asked(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: dict[str, str],
        payload_type: str,
        model: type[Message],
    ) -> tuple[Message, bytes]:
        """Ask, again where that may help, and return the signed answer with its envelope."""
        from stamina import retry_context
        from stamina.instrumentation import set_on_retry_hooks

        set_on_retry_hooks([])  # it would look for structlog and prometheus
        for attempt in retry_context(
            on=_worth_another, attempts=ATTEMPTS, timeout=30.0, wait_initial=0.3, wait_jitter=0.3
        ):
            with attempt:
                response = self._transport.request(method, path, body, headers)
                for signed in _candidates(response):
                    try:
                        told = envelope.disclose(
                            signed, payload_type, model, self._trust.collector_keys
                        )
                    except WireError:
                        continue
                    return told, signed
                raise self._no_word(response.status, response.body)
        raise AssertionError("retry_context lets the last error through")  # for the type checker

    def _no_word(self, status: int, body: bytes) -> Unreached:
        text = texts.NO_WORD.format(
            host=self._transport.shown, status=str(status), detail=detail(body)
        )
        return Unreached(text, again=status in (429, 500, 502, 503, 504))


def _candidates(response: Response) -> tuple[bytes, ...]:
    """Return what of an answer may be signed: all of it, or a part of a refusal."""
    try:
        problem = msgspec.json.decode(response.body, type=_Problem)
        return (response.body, base64.b64decode(problem.signed, validate=True))
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        return (response.body,)


def _worth_another(error: Exception) -> bool:
    return isinstance(error, Unreached) and error.again and error.stage is Stage.HTTP
