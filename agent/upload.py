"""Hand a batch to the collector, and believe nothing but its acknowledgement.

PUT {url}/v1/agents/{agent}/epochs/{epoch}/batches/{seq}: idempotent, so that a lost answer costs
one more try and no duplicate. Redirects are not followed and proxies of the environment not used.

http.client (20 ms; why not urllib3: docs/decisions/0008-http-client.md) and stamina (65 ms, only
after a first failure) are imported where they are needed.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from agent import messages
from agent.errors import NotCollector, Refused, Unreached
from agent.settings import Collector
from agent.spool import Sealed
from checks.api import Text
from wire.control import BATCH
from wire.messages import Acknowledgement

if TYPE_CHECKING:
    from http.client import HTTPConnection

Value = TypeVar("Value")

ATTEMPTS = 3
TOTAL_SECONDS = 60.0
"""For one batch, waiting included; what is not handed over by then waits for the next run."""
LONGEST_PAUSE_SECONDS = 15.0
"""A collector that asks for a longer pause gets it: the batch waits for the next run."""

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 20.0
_LARGEST_ANSWER_BYTES = 2**16
_BATCH_ONLY = {400, 409, 413, 415, 422}
"""Refusals that are about the batch; any other 4xx would meet the next batch just the same."""
_TRANSIENT = {408, 425, 429}


class Uploader:
    """The connection to one collector."""

    def __init__(self, collector: Collector) -> None:
        self._url = collector.url.rstrip("/")
        self._host = re.sub(r"^https?://(?:[^@/]*@)?([^/]+).*$", r"\1", collector.url)
        self._ca_file = collector.ca_file
        self._connection: HTTPConnection | None = None

    def send(self, sealed: Sealed) -> Acknowledgement:
        """Hand over one batch and return the acknowledgement that names it.

        Raise Unreached (after a few tries), NotCollector or Refused; the batch must be kept then.
        """
        return _tried(lambda: self._send_once(sealed))

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send_once(self, sealed: Sealed) -> Acknowledgement:
        status, body, retry_after = self._put(
            f"{self._url}/v1/agents/{sealed.agent}/epochs/{sealed.epoch}/batches/{sealed.seq}",
            sealed.batch.payload,
        )
        if status >= 500 or status in _TRANSIENT:
            raise Unreached(
                messages.OVERLOADED.format(host=self._host, status=status),
                after_seconds=_seconds(retry_after),
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

    def _put(self, url: str, payload: bytes) -> tuple[int, bytes, str | None]:
        """Return status, the start of the body, and Retry-After."""
        from http.client import HTTPException
        from ssl import SSLError

        connection = self._connected()
        try:
            connection.request(
                "PUT",
                quote(urlsplit(url).path, safe="/%:@!$&'()*+,;=~"),
                body=payload,
                headers={"Content-Type": BATCH, "Accept": "application/json"},
            )
            response = connection.getresponse()
            body = response.read(_LARGEST_ANSWER_BYTES)
            if response.read(1):
                self.close()
        except (OSError, HTTPException) as error:
            # In whatever state it is: the next try gets a new one.
            self.close()
            sentence = messages.TLS_FAILED if isinstance(error, SSLError) else messages.NO_ANSWER
            raise self._failed(sentence, error) from error
        return response.status, body, response.headers.get("Retry-After")

    def _connected(self) -> "HTTPConnection":
        """Return the connection, made if there is none that still stands."""
        if self._connection is not None and self._connection.sock is not None:
            return self._connection
        from socket import gaierror
        from ssl import SSLError

        try:
            connection = self._new()
            connection.connect()
        except gaierror as error:
            raise Unreached(messages.NAME_NOT_FOUND.format(host=self._host)) from error
        except SSLError as error:
            raise self._failed(messages.TLS_FAILED, error) from error
        # ValueError: brackets without an address, a port beyond 65535, a name that DNS can't have.
        except (OSError, ValueError) as error:
            raise self._failed(messages.NOT_CONNECTED, error) from error
        connection.sock.settimeout(_READ_SECONDS)
        self._connection = connection
        return connection

    def _new(self) -> "HTTPConnection":
        from http.client import HTTPConnection, HTTPSConnection

        url = urlsplit(self._url)
        if url.scheme == "http":
            return HTTPConnection(url.hostname or "", url.port, timeout=_CONNECT_SECONDS)
        import ssl

        try:
            context = ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:  # SSLError is one, too
            raise self._failed(messages.TLS_FAILED, error) from error
        return HTTPSConnection(
            url.hostname or "", url.port, timeout=_CONNECT_SECONDS, context=context
        )

    def _failed(self, sentence: Text, error: Exception) -> Unreached:
        words = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or error
        return Unreached(
            sentence.format(host=self._host, detail=str(words)[:200]),
            # A certificate does not get better within a minute.
            again=not hasattr(error, "verify_message"),
        )


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
