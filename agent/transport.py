"""Requests to the collector over one connection, each failure named by the stage that failed.

The environment is never asked for a proxy, redirects are not followed, answers and waiting are
bounded. Where a certificate fails only by the host's clock, the collector's signed time decides
(agent/tls.py, security-reliability §3.5); the host's clock is never set.

http.client (20 ms; why not urllib3: docs/decisions/0008-http-client.md), ssl and cryptography are
imported where they are needed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from agent import delivery_messages as messages
from agent.connecting import (
    Way,
    failed,
    reach,
    refused_by_proxy,
    secure,
    shown,
    way,
    within,
    words,
)
from agent.errors import Stage, Unreached
from agent.settings import Collector
from checks.api import Text
from wire.control import TIME, TimeAnswer
from wire.envelope import disclose
from wire.errors import WireError
from wire.signing import key_id

if TYPE_CHECKING:
    from http.client import HTTPConnection
    from ssl import SSLCertVerificationError, SSLContext

LARGEST_ANSWER_BYTES = 2**20
"""What is longer is cut off, so that no signature over it holds."""
SILENCE_SECONDS = 30.0
"""For a connection on which nothing moves."""
EXCHANGE_SECONDS = 90.0
"""For one request and its answer, however slowly they trickle, …"""
SLOWEST_BYTES_PER_SECOND = 4096
"""… and so much more as the body takes on the slowest line that is served.

It may stand in the kernel's buffers long after it was sent, so silence is allowed as much."""


class Response(Struct, frozen=True):
    """An answer; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """The connection to one collector; made when it is needed, kept until close.

    `time_key` is the collector's public key, which signs its time. Without it (at enrolment) a
    certificate that fails only by the host's clock is let through *unproven*: nothing that came
    over it may be believed until `prove` was called with a time that is authentic by itself.
    """

    def __init__(self, collector: Collector, time_key: bytes | None) -> None:
        self._collector = collector
        self._time_key = time_key
        self._way: Way | None = None
        self._connection: HTTPConnection | None = None
        self._context: SSLContext | None = None
        self._timeless: SSLContext | None = None
        """Set once the host's clock was found not to fit."""
        self._complaint = ""
        self._proven: set[bytes] = set()
        """Leaf certificates that are valid at a signed time."""
        self._unproven: dict[bytes, tuple[bytes, ...]] = {}
        """Chains by their leaf."""

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send a request to a path below the collector's address and return the answer.

        `path` starts with a slash and is sent as it is. The request must be one that can be
        repeated without harm. Raise Unreached with the stage that failed.
        """
        if self._connection is not None and self._connection.sock is not None:
            try:
                return self._exchange(self._connection, method, path, body, headers or {})
            except Unreached as error:
                # A collector closes a connection that was idle: no failure yet.
                if not isinstance(error.__cause__, ConnectionError):
                    raise
        self._connection = self._connected()
        return self._exchange(self._connection, method, path, body, headers or {})

    @property
    def shown(self) -> str:
        """Return the collector's host and port as the settings name them, for messages."""
        return shown(self._collector)

    @property
    def unproven(self) -> bool:
        """Whether a certificate was let through that fails by the host's clock."""
        return bool(self._unproven)

    def prove(self, at: datetime) -> None:
        """Verify at an authentic time what was let through. Raise Unreached (TLS_TIME)."""
        for chain in tuple(self._unproven.values()):
            self._demand_valid(chain, at)

    def collector_time(self) -> datetime:
        """Return the collector's clock: who tells it is the collector, whatever stands between.

        Raise Unreached where nobody does, or who does is somebody else. Needs the `time_key`.
        """
        nonce, path = _time_question()
        answer = self.request("GET", path)
        told = None if self._time_key is None else _told_time(answer, nonce, self._time_key)
        if told is None:
            text = messages.NOT_ACKNOWLEDGED.format(host=self.shown, status=answer.status)
            raise Unreached(text, again=False)
        return told

    def close(self) -> None:
        """Close the connection; the next request makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> "HTTPConnection":
        if self._way is None:
            self._way = way(self._collector)
        if not self._way.secure:
            return reach(self._way)
        from ssl import SSLCertVerificationError

        from agent import tls

        if self._timeless is None:
            if self._context is None:
                self._context = self._new_context(self._way)
            connection = reach(self._way)
            try:
                secure(connection, self._way, self._context)
            except SSLCertVerificationError as error:
                if tls.fault(error) is not tls.Fault.TIME:
                    raise _unfit(self._way, error) from error
                self._timeless = self._new_context(self._way, timeless=True)
                self._complaint = words(error)
            else:
                return connection
        connection = reach(self._way)
        try:
            secure(connection, self._way, self._timeless)
        except SSLCertVerificationError as error:
            raise _unfit(self._way, error) from error
        try:
            self._settle_time(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _new_context(self, way: Way, *, timeless: bool = False) -> "SSLContext":
        from agent import tls

        try:
            return tls.context(self._collector.ca_file, timeless=timeless)
        except OSError as error:  # SSLError is one, too
            raise failed(messages.TLS_FAILED, Stage.TLS, way.shown, error, again=False) from error

    def _settle_time(self, connection: "HTTPConnection") -> None:
        """Return if the certificate of a timeless connection is proven, or may stay unproven."""
        from agent import tls

        try:
            chain = tls.presented(connection.sock)
        except tls.NotValid as error:
            raise self._no_time(Text.same(str(error))) from error
        if chain[0] in self._proven:
            return
        if self._time_key is None:
            self._unproven[chain[0]] = chain
        else:
            self._demand_valid(chain, self._signed_time(connection, self._time_key))

    def _signed_time(self, connection: "HTTPConnection", key: bytes) -> datetime:
        """Return the collector's time, signed and fresh. Raise Unreached (TLS_TIME)."""
        nonce, path = _time_question()
        try:
            answer = self._exchange(connection, "GET", path, b"", {})
        except Unreached as error:
            raise self._no_time(error.text) from error
        told = _told_time(answer, nonce, key)
        if told is None:
            status = messages.STATUS.format(status=answer.status)
            raise self._no_time(messages.NOT_SIGNED if answer.status == 200 else status)
        return told

    def _demand_valid(self, chain: tuple[bytes, ...], at: datetime) -> None:
        from agent import tls

        assert self._way is not None
        assert self._timeless is not None
        try:
            trusted = tls.authorities(self._timeless, self._collector.ca_file)
            tls.demand_valid(chain, trusted, self._way.host, at)
        except tls.NotValid as error:
            raise Unreached(
                messages.TLS_EXPIRED.format(
                    host=self._way.shown, at=f"{at:%Y-%m-%d %H:%M} UTC", detail=str(error)
                ),
                stage=Stage.TLS_TIME,
                again=False,
            ) from error
        self._proven.add(chain[0])
        self._unproven.pop(chain[0], None)

    def _no_time(self, why: Text) -> Unreached:
        assert self._way is not None
        text = messages.TLS_TIME.format(host=self._way.shown, detail=self._complaint, why=why)
        return Unreached(text, stage=Stage.TLS_TIME, again=False)

    def _exchange(
        self,
        connection: "HTTPConnection",
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
    ) -> Response:
        import io
        from http.client import HTTPException, IncompleteRead

        assert self._way is not None
        target = self._way.base + path
        sent = dict(headers)
        if self._way.proxy_host and not self._way.secure:
            target = f"http://{self._way.shown}{target}"
            sent.update(self._way.proxy_headers)
        if body:
            sent["Content-Length"] = str(len(body))
        allowance = len(body) / SLOWEST_BYTES_PER_SECOND
        connection.sock.settimeout(SILENCE_SECONDS + allowance)
        try:
            with within(connection, EXCHANGE_SECONDS + allowance):
                try:
                    # In pieces: the time-out of a socket is for the whole of what is sent at once.
                    connection.request(method, target, io.BytesIO(body) if body else None, sent)
                except (BrokenPipeError, ConnectionResetError):
                    # Whoever refuses early answers early; what he said may have arrived.
                    if connection.sock is None:
                        raise
                answer = connection.getresponse()
                content = answer.read(LARGEST_ANSWER_BYTES)
                if answer.read(1):
                    connection.close()
                elif answer.length:
                    raise IncompleteRead(content, answer.length)
        # ValueError: a header that is none.
        except (OSError, HTTPException, ValueError) as error:
            # In whatever state it is: the next request gets a new one.
            connection.close()
            raise failed(messages.NO_ANSWER, Stage.HTTP, self._way.shown, error) from error
        if answer.status == 407:
            connection.close()
            raise refused_by_proxy(self._way, answer.status, answer.reason)
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, found, content)


def _time_question() -> tuple[str, str]:
    """Return a new nonce and the path that asks for the time with it."""
    import secrets

    nonce = secrets.token_hex(16)
    return nonce, f"/v1/time?nonce={nonce}"


def _told_time(answer: Response, nonce: str, key: bytes) -> datetime | None:
    """Return the time in an answer; None unless the key signed it for this nonce."""
    try:
        told = disclose(answer.body, TIME, TimeAnswer, {key_id(key): key})
    except WireError:
        return None
    return told.time if told.nonce == nonce else None


def _unfit(way: Way, error: "SSLCertVerificationError") -> Unreached:
    """Return what is wrong with a certificate, its time apart."""
    from agent import tls

    named = tls.fault(error) is tls.Fault.NAME
    sentence, stage = (
        (messages.TLS_NAME, Stage.TLS_NAME) if named else (messages.TLS_CHAIN, Stage.TLS_CHAIN)
    )
    return failed(sentence, stage, way.shown, error, again=False)
