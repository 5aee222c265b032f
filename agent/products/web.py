"""Ask a port and a page as a browser would, but bounded: 5 s, 64 KiB, never another host."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import SplitResult, urljoin, urlsplit

from checks.product_packs import Page
from checks.products import Fetched, Reached

SECONDS = 5.0
MOST_BYTES = 2**16
MOST_REDIRECTIONS = 4
_TIMED_OUT = "timed out"
_REDIRECTIONS = (301, 302, 303, 307, 308)


def reach(place: str) -> Reached:
    """Connect and hang up; what refuses is told in the system's words."""
    host, _, port = place.rpartition(":")
    began = time.monotonic()
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS):
            return Reached(place, time.monotonic() - began)
    except (OSError, OverflowError, UnicodeError) as error:
        return Reached(place, refusal=_words(error))


def fetch(page: Page) -> Fetched:
    """Get a page; redirections are followed where they stay on the host. Cookies are not kept."""
    address = page.address
    shown = urlsplit(page.address)._replace(query="").geturl()[:255]
    ends = time.monotonic() + SECONDS
    first = urlsplit(address)
    try:
        for _ in range(MOST_REDIRECTIONS + 1):
            status, away, body = _get(urlsplit(address), page, ends)
            if time.monotonic() >= ends:  # what was cut off looks like a page that has ended
                return Fetched(shown, refusal=_TIMED_OUT)
            seconds = SECONDS - (ends - time.monotonic())
            if status not in _REDIRECTIONS or status in page.status or not away:
                marked = page.marker.encode() in body if page.marker else None
                return Fetched(shown, seconds, status, marked)
            address = urljoin(address, away)
            if urlsplit(address).hostname != first.hostname:
                there = (urlsplit(address).hostname or "")[:100]
                return Fetched(shown, seconds, status, refusal=f"redirected away to {there}")
        return Fetched(shown, refusal=f"redirected more than {MOST_REDIRECTIONS} times")
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = time.monotonic() >= ends
        return Fetched(shown, refusal=_TIMED_OUT if late else _words(error))


def _get(address: SplitResult, page: Page, ends: float) -> tuple[int, str, bytes]:
    """Return status, place of a redirection and the first bytes of a page."""
    connection = _connection(address, page, max(0.1, ends - time.monotonic()))
    try:
        connection.connect()
        with _cut_at(ends, connection):
            target = address._replace(scheme="", netloc="", fragment="").geturl() or "/"
            connection.request(
                "GET", target, headers={"User-Agent": "xunjian-agent", "Connection": "close"}
            )
            response = connection.getresponse()
            body = response.read(MOST_BYTES)
            return response.status, response.getheader("Location") or "", body
    finally:
        connection.close()


def _connection(address: SplitResult, page: Page, seconds: float) -> http.client.HTTPConnection:
    host = address.hostname or ""
    if address.scheme == "http":
        return http.client.HTTPConnection(host, address.port, timeout=seconds)
    if address.scheme != "https":
        raise ValueError(f"redirected to {address.scheme[:20]}:")
    context = ssl.create_default_context()
    if not page.verify_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, address.port, timeout=seconds, context=context)


@contextmanager
def _cut_at(ends: float, connection: http.client.HTTPConnection) -> Iterator[None]:
    """Cut a connection at its deadline: a time-out of each byte alone would never end it."""
    opened: socket.socket = connection.sock
    timer = threading.Timer(max(0.0, ends - time.monotonic()), _silent(opened.shutdown))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _silent(shut: Callable[[int], None]) -> Callable[[], None]:
    def cut() -> None:
        try:
            shut(socket.SHUT_RDWR)
        except OSError:  # it has ended by itself
            return

    return cut


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return _TIMED_OUT
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not valid: {error.verify_message}"[:255]
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(words)[:255]
