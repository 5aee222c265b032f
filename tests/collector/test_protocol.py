"""What strangers send that is no proper request: bounded in bytes and time, answered or cut off."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from collector import protocol
from collector.app import create_app
from collector.database import open_database
from collector.intake import body
from collector.server import serving
from tests.collector.place import Place
from tests.collector.sample_checks import CATALOGUE
from tests.collector.test_intake import signed_headers
from tests.enrolled import COLLECTOR, enrolled

PROBLEM = b"content-type: application/problem+json"


@pytest.fixture
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Place]]:
    database = open_database(f"sqlite:///{tmp_path_factory.mktemp('protocol')}/collector.db")
    place = enrolled(database)
    with serving(create_app(database, CATALOGUE, COLLECTOR)) as url:
        yield int(url.rpartition(":")[2]), place
    database.close()


def spoken(port: int, *pieces: bytes, seconds: float = 20, pause: float = 0) -> bytes:
    """Send pieces and return what comes back until the other side closes or is silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        for piece in pieces:
            with suppress(ConnectionError):
                connection.sendall(piece)
            time.sleep(pause)
        return heard(connection)


def heard(connection: socket.socket) -> bytes:
    said = b""
    with suppress(ConnectionError, TimeoutError):
        while piece := connection.recv(2**16):
            said += piece
    return said


def statuses(said: bytes) -> list[int]:
    return [int(part[:3]) for part in said.split(b"HTTP/1.1 ")[1:]]


def request(line: str, *headers: str) -> bytes:
    return "\r\n".join([line, "Host: x", "Connection: close", *headers, "", ""]).encode()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (request("HEAD /v1/health HTTP/1.1"), [405]),
        (request("OPTIONS /v1/health HTTP/1.1"), [405]),
        (request("OPTIONS * HTTP/1.1"), [404]),
        (request("TRACE /v1/health HTTP/1.1", "Secret: echo"), [405]),
        (request("CONNECT example.com:443 HTTP/1.1"), [400]),
        (request("GET http://example.com/v1/health HTTP/1.1"), [204]),
        (request("GET /v1/health/ HTTP/1.1"), [404]),
        (request("GET //v1/health HTTP/1.1"), [404]),
        (request("GET /v1/../v1/health HTTP/1.1"), [404]),
        (request("GET /docs HTTP/1.1"), [404]),
        (request("GET /redoc HTTP/1.1"), [404]),
        (request("GET /openapi.json HTTP/1.1"), [404]),
        (request("GET /%ff%fe HTTP/1.1"), [404]),
        (request("GET /v1/health HTTP/1.1", "Upgrade: websocket", "Connection: upgrade"), [204]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400]),  # TLS where there is none
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
        (b"nonsense\r\n\r\n", [400]),
        (request("GET /v1/health HTTP/1.1", "Bad Name: x"), [400]),
        (request("GET /v1/health HTTP/1.1", "A: b\x00c"), [400]),
        (request("GET /v1/health HTTP/1.1", "A: " + "b" * 70_000), [431]),
        (request("GET /v1/health HTTP/1.1", *(f"A{n}: {n}" for n in range(9000))), [431]),
        (request("GET /" + "a" * 70_000 + " HTTP/1.1"), [400]),
    ],
)
def test_odd_requests_are_answered(
    here: tuple[int, Place], sent: bytes, expected: list[int]
) -> None:
    said = spoken(here[0], sent)
    assert statuses(said) == expected
    assert b"\r\nserver:" not in said.lower()
    assert b"Secret" not in said
    if expected[0] >= 400:
        assert PROBLEM in said.lower() or sent.startswith(b"HEAD")


@pytest.mark.parametrize(
    "host", ["", "evil.example", "a:b:c", "[::1", "x" * 5000, "\xff", "a/b?c#d"]
)
def test_the_host_header_decides_nothing_and_is_not_repeated(
    here: tuple[int, Place], host: str
) -> None:
    head = f"GET /v1/health/ HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: {host}\r\n"
    said = spoken(here[0], head.encode("latin-1") + b"Connection: close\r\n\r\n")
    assert statuses(said) == [404]
    assert b"location" not in said.lower()
    assert not host or host.encode("latin-1") not in said


INNER = b"GET /v1/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 6", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 6"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: +6"],
        ["Content-Length: -1"],
        ["Content-Length: 6,6"],
        ["Content-Length: 0x6"],
        ["Content-Length: 99999999999999999999999"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding : chunked"],
        [" Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked\n"],
    ],
)
def test_no_second_request_is_smuggled_in(here: tuple[int, Place], headers: list[str]) -> None:
    head = "\r\n".join(["POST /v1/enrolments HTTP/1.1", "Host: x", *headers, "", ""]).encode()
    said = spoken(here[0], head + b"0\r\n\r\nG" + INNER, seconds=3)
    # At most one answer and its end, and no other request after it on this connection.
    assert statuses(said) in ([400], [415, 400], [415], []), said
    assert b"404" not in said


def test_a_header_without_end_is_cut_off(here: tuple[int, Place]) -> None:
    with socket.create_connection(("127.0.0.1", here[0]), timeout=20) as connection:
        connection.sendall(b"GET /v1/health HTTP/1.1\r\nA: ")
        sent = 0
        with suppress(ConnectionError):
            while sent < 100 * 2**20:
                connection.sendall(b"x" * 2**16)
                sent += 2**16
        assert sent < 20 * 2**20  # what the kernel's buffers take
        assert statuses(heard(connection)) in ([431], [])


def test_a_header_that_trickles_is_cut_off(
    here: tuple[int, Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.5)
    start = time.monotonic()
    said = spoken(here[0], b"GET /v1/health HTTP/1.1\r\n", *[b"A: b\r\n"] * 12, pause=0.1)
    assert statuses(said) == [408]
    assert spoken(here[0]) == b""  # not a word
    # After a request that was answered, the next one has its time, too.
    said = spoken(here[0], b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /v1", pause=0.2)
    assert statuses(said) == [204, 408]
    assert time.monotonic() - start < 15


def put(place: Place, payload: bytes, *headers: str) -> bytes:
    told = [f"{name}: {value}" for name, value in signed_headers(place.key, payload).items()]
    line = f"PUT /v1/agents/{place.agent}/epochs/epoch-1/batches/1 HTTP/1.1"
    return "\r\n".join([line, "Host: x", *told, *headers, "", ""]).encode()


def test_a_body_that_trickles_is_refused(
    here: tuple[int, Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, place = here
    monkeypatch.setattr(body, "SHORTEST_SECONDS", 0.5)
    said = spoken(port, put(place, b"x", "Content-Length: 100"), *[b"x"] * 10, pause=0.1)
    assert statuses(said) == [408]
    assert b"connection: close" in said.lower()
    said = spoken(port, put(place, b"x", "Content-Length: 1"), b"x", b"", pause=0.1, seconds=3)
    assert statuses(said) == [201]


def test_the_rest_of_a_refused_body_is_not_waited_for_without_end(
    here: tuple[int, Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "REST_SECONDS", 0.5)
    head = b"POST /v1/enrolments HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n"
    start = time.monotonic()
    assert statuses(spoken(here[0], head, *[b"x"] * 12, pause=0.1)) == [415]
    assert time.monotonic() - start < 8


@pytest.mark.parametrize("length", ["8388609", "99999999999", "9" * 19])
def test_a_length_that_is_too_large_is_refused_before_the_body_comes(
    here: tuple[int, Place], length: str
) -> None:
    port, place = here
    said = spoken(port, put(place, b"x", f"Content-Length: {length}"), seconds=3)
    assert statuses(said)[:1] in ([413], [400])


def test_a_chunked_body_without_end_is_refused_at_the_limit(here: tuple[int, Place]) -> None:
    port, place = here
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(put(place, b"x", "Transfer-Encoding: chunked"))
        with suppress(ConnectionError):
            for _ in range(9):
                connection.sendall(b"100000\r\n" + b"x" * 2**20 + b"\r\n")
        connection.settimeout(5)
        assert statuses(connection.recv(2**16)) == [413]


def test_without_a_known_key_no_body_is_waited_for(here: tuple[int, Place]) -> None:
    """Nobody without a key holds room: he is answered before a byte of the body came."""
    from dataclasses import replace

    from wire.signing import PrivateKey

    port, place = here
    stranger = replace(place, key=PrivateKey.generate())
    said = spoken(port, put(stranger, b"x", "Content-Length: 8000000"), seconds=3)
    assert statuses(said) == [401]


def test_an_agent_has_room_for_two_bodies_and_others_keep_theirs(here: tuple[int, Place]) -> None:
    port, place = here
    waiting = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(2)]
    try:
        for connection in waiting:
            connection.sendall(put(place, b"x", "Content-Length: 8000000") + b"x")
        time.sleep(0.5)
        said = spoken(port, put(place, b"x", "Content-Length: 1") + b"x", seconds=3)
        assert statuses(said) == [503]
        assert b"retry-after" in said.lower()
    finally:
        for connection in waiting:
            connection.close()
    deadline = time.monotonic() + 10
    while True:  # room is given back when they are gone
        said = spoken(port, put(place, b"x", "Content-Length: 1", "Connection: close") + b"x")
        if statuses(said) != [503] or time.monotonic() > deadline:
            break
    assert statuses(said) == [201]


def test_too_many_connections_are_asked_to_come_again(
    here: tuple[int, Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 3)
    monkeypatch.setattr(protocol, "HARD_MOST_CONNECTIONS", 5)
    health = b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n"
    kept = []
    answers = []
    try:
        for _ in range(6):
            connection = socket.create_connection(("127.0.0.1", here[0]), timeout=5)
            kept.append(connection)
            with suppress(ConnectionError):
                connection.sendall(health)
                answers.append(connection.recv(2**16)[9:12])
        assert answers[:5] == [b"204"] * 3 + [b"503"] * 2
        assert answers[5:] in ([], [b""])
        # Those who were there before are served as ever.
        kept[0].sendall(health)
        assert kept[0].recv(2**16)[9:12] == b"204"
    finally:
        for connection in kept:
            connection.close()


def test_who_hangs_up_leaves_no_line_in_the_log(
    here: tuple[int, Place], caplog: pytest.LogCaptureFixture
) -> None:
    port, place = here
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(put(place, b"x", "Content-Length: 1000") + b"x")
        time.sleep(0.2)
    spoken(port, b"nonsense\r\n\r\n")
    time.sleep(0.5)
    assert caplog.records == []
