"""Make a connection step by step, so that what fails is known by its stage: DNS, TCP, proxy, TLS.

http.client's own HTTPSConnection does all steps in one; here its plain connection goes as far as
TCP or the proxy's tunnel, and TLS is put on top.
"""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from msgspec import Struct

from agent import delivery_messages as messages
from agent import redaction
from agent.errors import Stage, Unreached
from agent.secret import SecretError, obtain
from agent.settings import Collector
from checks.api import Text

if TYPE_CHECKING:
    from http.client import HTTPConnection
    from ssl import SSLContext

CONNECT_SECONDS = 10.0
TUNNEL_SECONDS = 30.0
"""For a proxy that looks for the collector, or a collector that does not go on in TLS."""
HANDSHAKE_SECONDS = 45.0
"""For a tunnel or a TLS handshake, however slowly it trickles."""

_PATH_SAFE = "/%:@!$&'()*+,;=~"
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3}) ?(.*)", re.DOTALL)


class Way(Struct, frozen=True):
    """How the collector is reached."""

    shown: str
    """Host and port as the settings name them, for messages."""
    secure: bool
    host: str
    port: int
    base: str
    """Path of the address, quoted, without a slash at its end."""
    proxy_shown: str = ""
    proxy_host: str = ""
    proxy_port: int = 0
    proxy_headers: tuple[tuple[str, str], ...] = ()


def shown(collector: Collector) -> str:
    """Return host and port as the settings name them; no user that stands before them."""
    return re.sub(r"^https?://(?:[^@/]*@)?([^/]+).*$", r"\1", collector.url)


def way(collector: Collector) -> Way:
    """Return the way that the settings describe. Raise Unreached if there can be none.

    The proxy's password is obtained here.
    """
    name = shown(collector)
    try:
        url = urlsplit(collector.url)
        port = url.port
    except ValueError as error:  # brackets without an address, a port beyond 65535
        raise failed(messages.NOT_CONNECTED, Stage.TCP, name, error, again=False) from error
    secure = url.scheme == "https"
    direct = Way(
        shown=name,
        secure=secure,
        host=url.hostname or "",
        port=port or (443 if secure else 80),
        base=quote(url.path.rstrip("/"), safe=_PATH_SAFE),
    )
    if collector.proxy is None:
        return direct
    proxy_shown = collector.proxy.removeprefix("http://").rstrip("/")
    try:
        proxy = urlsplit(collector.proxy)
        proxy_port = proxy.port or 3128
    except ValueError as error:
        raise _proxy_failed(proxy_shown, error) from error
    return Way(
        shown=direct.shown,
        secure=secure,
        host=direct.host,
        port=direct.port,
        base=direct.base,
        proxy_shown=proxy_shown,
        proxy_host=proxy.hostname or "",
        proxy_port=proxy_port,
        proxy_headers=_credentials(collector),
    )


def reach(way: Way) -> "HTTPConnection":
    """Return a connection that stands in the clear: to the collector, or to or through the proxy.

    Raise Unreached (DNS, TCP, PROXY).
    """
    from http.client import HTTPConnection, HTTPException
    from socket import gaierror

    try:
        if not way.proxy_host:
            connection = HTTPConnection(way.host, way.port, timeout=CONNECT_SECONDS)
        else:
            connection = HTTPConnection(way.proxy_host, way.proxy_port, timeout=TUNNEL_SECONDS)
            if way.secure:
                headers = {"Host": f"{way.host}:{way.port}", **dict(way.proxy_headers)}
                connection.set_tunnel(way.host, way.port, headers)
        with within(connection, HANDSHAKE_SECONDS):
            connection.connect()
    except gaierror as error:
        if way.proxy_host:
            raise _proxy_failed(way.proxy_shown, error) from error
        raise Unreached(messages.NAME_NOT_FOUND.format(host=way.shown), stage=Stage.DNS) from error
    # ValueError: a name that DNS can't have. HTTPException: no answer to CONNECT that can be read.
    except (OSError, ValueError, HTTPException) as error:
        connection.close()
        if not way.proxy_host:
            raise failed(messages.NOT_CONNECTED, Stage.TCP, way.shown, error) from error
        answered = _TUNNEL.match(str(error))
        if answered is None:
            raise _proxy_failed(way.proxy_shown, error) from error
        raise refused_by_proxy(way, int(answered[1]), answered[2]) from error
    connection.sock.settimeout(TUNNEL_SECONDS)
    return connection


def secure(connection: "HTTPConnection", way: Way, context: "SSLContext") -> None:
    """Put TLS on a connection; it is closed if that fails.

    Raise ssl.SSLCertVerificationError for a certificate, Unreached for everything else.
    """
    from ssl import SSLCertVerificationError

    try:
        # The handshake apart: what is cut off after too long must be known to the connection.
        connection.sock = context.wrap_socket(
            connection.sock, server_hostname=way.host, do_handshake_on_connect=False
        )
        with within(connection, HANDSHAKE_SECONDS):
            connection.sock.do_handshake()
    except SSLCertVerificationError:
        connection.close()
        raise
    except (OSError, ValueError) as error:
        connection.close()
        raise failed(messages.TLS_FAILED, Stage.TLS, way.shown, error) from error


@contextmanager
def within(connection: "HTTPConnection", seconds: float) -> Iterator[None]:
    """Cut the connection off if the block takes longer: it fails then with TimeoutError.

    The time-out of a socket begins again with every byte that trickles in; this one does not.
    """
    import socket
    import threading
    from http.client import HTTPException

    def too_slow() -> TimeoutError:
        return TimeoutError(messages.TOO_SLOW.format(seconds=f"{seconds:g}").en)

    late = threading.Event()

    def cut() -> None:
        late.set()
        if connection.sock is not None:
            with suppress(OSError):
                # Not the method of SSLSocket: it takes TLS off first.
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, HTTPException) as error:
        if late.is_set():
            raise too_slow() from error
        raise
    finally:
        timer.cancel()
    if late.is_set():  # the end that this made may look like an end of its own
        raise too_slow()


def refused_by_proxy(way: Way, status: int, words: str) -> Unreached:
    """Return what an answer of the proxy itself means."""
    proxy = way.proxy_shown or way.shown  # one that nobody told us of
    if status == 407:
        text = messages.PROXY_WANTS_PASSWORD.format(proxy=proxy)
        return Unreached(text, stage=Stage.PROXY, again=False)
    detail = f"{status} {_printable(words)}".strip()
    text = messages.PROXY_REFUSED.format(proxy=proxy, host=way.shown, detail=detail)
    return Unreached(text, stage=Stage.PROXY)


def failed(
    sentence: Text, stage: Stage, host: str, error: Exception, *, again: bool = True
) -> Unreached:
    """Return a failure with the system's own words."""
    return Unreached(sentence.format(host=host, detail=words(error)), stage=stage, again=again)


def words(error: Exception) -> str:
    """Return what the system says about an error, short and printable."""
    said = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or error
    return _printable(str(said)) or type(error).__name__


def _proxy_failed(proxy: str, error: Exception) -> Unreached:
    text = messages.PROXY_NOT_REACHED.format(proxy=proxy, detail=words(error))
    return Unreached(text, stage=Stage.PROXY)


def _credentials(collector: Collector) -> tuple[tuple[str, str], ...]:
    if collector.proxy_user is None:
        return ()
    password = ""
    if collector.proxy_password is not None:
        try:
            password = obtain(collector.proxy_password, "collector.proxy_password").reveal()
        except SecretError as error:
            text = messages.PROXY_PASSWORD.format(why=error.text)
            raise Unreached(text, stage=Stage.PROXY, again=False) from error
    token = base64.b64encode(f"{collector.proxy_user}:{password}".encode()).decode()
    return (("Proxy-Authorization", f"Basic {token}"),)


def _printable(text: str) -> str:
    text = redaction.clean(text)[:200]
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()
