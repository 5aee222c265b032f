"""A page and a port are asked for within bounds, whatever the server does."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from agent.products import web
from checks.product_packs import Page


class Handler(BaseHTTPRequestHandler):
    """Answers by the path that is asked for."""

    def do_GET(self) -> None:
        place = self.path.partition("?")[0]
        if place == "/login":
            self.answer(200, "<title>用户登录</title>".encode())
        elif place == "/large":
            self.answer(200, b"x" * 200_000 + b"end")
        elif place == "/to-login":
            self.answer(302, b"", ("Location", "/login"))
        elif place == "/away":
            self.answer(302, b"", ("Location", "http://localhost.invalid/login"))
        elif place == "/round":
            self.answer(302, b"", ("Location", "/round"))
        elif place == "/odd":
            self.answer(302, b"", ("Location", "file:///etc/passwd"))
        elif place == "/drip":
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                try:
                    self.wfile.write(b"x")
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(0.05)
        else:
            self.answer(503, b"down")

    def answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving() as found:
        yield found


def page(port: int, path: str, marker: str = "", status: tuple[int, ...] = (200,)) -> Page:
    return Page(f"http://127.0.0.1:{port}{path}", status, marker)


def test_a_page_is_fetched_and_its_marker_looked_for(port: int) -> None:
    found = web.fetch(page(port, "/login?token=1", "用户登录"))
    assert (found.status, found.marked, found.refusal) == (200, True, "")
    assert found.address == f"http://127.0.0.1:{port}/login"
    assert found.seconds is not None
    assert web.fetch(page(port, "/login", "别的系统")).marked is False
    assert web.fetch(page(port, "/login")).marked is None


def test_a_redirection_is_followed_on_the_host_and_never_away(port: int) -> None:
    assert web.fetch(page(port, "/to-login", "用户登录")).marked is True
    assert web.fetch(page(port, "/to-login", status=(302,))).status == 302
    away = web.fetch(page(port, "/away"))
    assert "localhost.invalid" in away.refusal
    assert "more than" in web.fetch(page(port, "/round")).refusal
    assert web.fetch(page(port, "/odd")).refusal


def test_only_the_first_bytes_are_read(port: int) -> None:
    assert web.fetch(page(port, "/large", "end")).marked is False


def test_an_error_of_the_server_is_its_status(port: int) -> None:
    assert web.fetch(page(port, "/other")).status == 503


def test_a_server_that_drips_is_cut_off(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "SECONDS", 0.3)
    began = time.monotonic()
    found = web.fetch(page(port, "/drip"))
    assert time.monotonic() - began < 3
    # The head has come: a page that is cut off is no page.
    assert found.refusal == "timed out"


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert web.reach(f"127.0.0.1:{port}").refusal == "Connection refused"
    assert web.fetch(page(port, "/")).refusal == "Connection refused"
    assert web.reach("127.0.0.1:99999").refusal


def test_a_port_that_listens(port: int) -> None:
    found = web.reach(f"127.0.0.1:{port}")
    assert found.seconds is not None
    assert found.refusal == ""
