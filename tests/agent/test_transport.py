"""The way to the collector: every stage named, proxies, private authorities, wrong clocks."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent import connecting, transport
from agent.errors import Stage, Unreached
from agent.secret import SecretSource
from agent.settings import Collector
from agent.transport import LARGEST_ANSWER_BYTES, Response, Transport
from tests.agent.workbench import FakeCollector, answering, collecting
from tests.authority import TODAY, Authority
from tests.network import CLEAR, Line, Way, free_port, proxying, relaying
from wire.control import TIME, TimeAnswer
from wire.envelope import enclose
from wire.signing import PrivateKey

PATH = "/v1/agents/agent-1/epochs/e/batches/1"
YEAR = timedelta(days=365)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@contextmanager
def secured(certificate: Path, *reactions: object) -> Iterator[FakeCollector]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with collecting(*reactions, tls=context) as collector:  # type: ignore[arg-type] # reactions
        yield collector


def put(collector: Collector, key: bytes | None = None, body: bytes = b"x") -> Response:
    way = Transport(collector, key)
    try:
        return way.request("PUT", PATH, body)
    finally:
        way.close()


def failure(collector: Collector, key: bytes | None = None, body: bytes = b"x") -> Unreached:
    with pytest.raises(Unreached) as caught:
        put(collector, key, body)
    english, chinese = caught.value.text.en, caught.value.text.zh
    assert "{" not in english + chinese
    assert "Traceback" not in english
    return caught.value


@contextmanager
def raw(behaviour: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does with each connection what it is told."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    behaviour(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_what_fails_below_http_is_named_by_its_stage(authority: Authority) -> None:
    assert failure(Collector("http://no-such-host.invalid")).stage is Stage.DNS
    assert failure(Collector(f"http://127.0.0.1:{free_port()}")).stage is Stage.TCP
    assert failure(Collector("http://127.0.0.1:99999")).stage is Stage.TCP
    with raw(lambda connection: None) as place:
        closed = failure(Collector(f"http://{place}"))
        assert closed.stage is Stage.HTTP
        assert closed.text.en.startswith("HTTP: ")
        handshake = failure(Collector(f"https://{place}"))
        assert (handshake.stage, handshake.again) == (Stage.TLS, True)
    with raw(lambda connection: connection.sendall(b"220 smtp.example ESMTP\r\n")) as place:
        assert failure(Collector(f"http://{place}")).stage is Stage.HTTP
        assert failure(Collector(f"https://{place}")).stage is Stage.TLS


def test_what_fails_in_a_certificate_is_named(authority: Authority, tmp_path: Path) -> None:
    ca_file = str(authority.ca_file)
    other = tmp_path / "other"
    other.mkdir()
    with secured(authority.issue("127.0.0.1")) as collector:
        for trusted in (None, str(Authority(other).ca_file)):
            chain = failure(Collector(collector.url, trusted))
            assert (chain.stage, chain.again) == (Stage.TLS_CHAIN, False)
            assert chain.text.en.startswith("TLS chain: ")
        unusable = failure(Collector(collector.url, str(tmp_path / "none.pem")))
        assert unusable.stage is Stage.TLS
        assert put(Collector(collector.url, ca_file)).status == 201
    with secured(authority.issue("127.0.0.2")) as collector:
        name = failure(Collector(collector.url, ca_file))
        assert (name.stage, name.again) == (Stage.TLS_NAME, False)
        assert "127.0.0.1" in name.text.en


def test_nothing_below_tls_1_2_is_spoken(authority: Authority) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.load_cert_chain(authority.issue("127.0.0.1"))
    with collecting(tls=context) as collector:
        old = failure(Collector(collector.url, str(authority.ca_file)))
    assert old.stage is Stage.TLS
    assert collector.requests == []


@pytest.mark.parametrize("secure", [False, True])
def test_a_proxy_is_used_with_and_without_a_password(
    authority: Authority, tmp_path: Path, secure: bool
) -> None:
    secret = tmp_path / "proxy.secret"
    secret.write_text("pass:wörd\n")
    secret.chmod(0o600)
    source = SecretSource(file=str(secret))
    ca_file = str(authority.ca_file)
    target = "CONNECT 127.0.0.1:{port}" if secure else "PUT http://127.0.0.1:{port}" + PATH
    opened = secured(authority.issue("127.0.0.1")) if secure else collecting()
    with opened as collector:
        asked = target.format(port=collector.url.rpartition(":")[2])
        with proxying() as proxy:
            way = Transport(Collector(collector.url, ca_file, proxy.url), None)
            assert [way.request("PUT", PATH, b"x").status for _ in range(2)] == [201, 200]
            way.close()
            assert set(proxy.asked) == {asked}
        with proxying("user:pass:wörd") as proxy:
            known = Collector(collector.url, ca_file, proxy.url, "user", source)
            assert put(known).status == 200
            for stranger in (
                Collector(collector.url, ca_file, proxy.url),
                Collector(collector.url, ca_file, proxy.url, "other", source),
            ):
                wrong = failure(stranger)
                assert (wrong.stage, wrong.again) == (Stage.PROXY, False)
                assert "407" in wrong.text.en
                assert "pass" not in wrong.text.en.replace("proxy_password", "").replace(
                    "a password", ""
                )
        with proxying(refusal=503) as proxy:
            refused = failure(Collector(collector.url, ca_file, proxy.url)) if secure else None
            if refused is not None:
                assert (refused.stage, refused.again) == (Stage.PROXY, True)
                assert "503" in refused.text.en
        unreached = failure(Collector(collector.url, ca_file, f"http://127.0.0.1:{free_port()}"))
        assert unreached.stage is Stage.PROXY
        unknown = failure(Collector(collector.url, ca_file, "http://no-such-proxy.invalid:3128"))
        assert unknown.stage is Stage.PROXY
        secret.chmod(0o644)
    assert len(collector.requests) == 3


def test_a_password_that_cannot_be_obtained_is_a_failure_of_the_proxy(tmp_path: Path) -> None:
    source = SecretSource(file=str(tmp_path / "absent"))
    missing = failure(Collector("http://127.0.0.1:9", None, "http://127.0.0.1:9", "user", source))
    assert (missing.stage, missing.again) == (Stage.PROXY, False)
    assert "collector.proxy_password" in missing.text.en


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with collecting() as collector:
        assert put(Collector(collector.url)).status == 201


def test_redirects_are_not_followed_and_the_path_of_the_address_is_kept() -> None:
    with collecting(answering(302, Location="http://127.0.0.1:9/")) as collector:
        answer = put(Collector(collector.url))
        assert (answer.status, answer.headers["location"]) == (302, "http://127.0.0.1:9/")
        paths: list[str] = []
        collector.take = lambda path, body: (paths.append(path), (200, {}, b""))[1]  # type: ignore[method-assign] # sees the path
        put(Collector(f"{collector.url}/采 x/"))
    assert paths == ["/%E9%87%87%20x" + PATH]


def test_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting(answering(200, b"y" * (LARGEST_ANSWER_BYTES + 5))) as collector:
        assert put(Collector(collector.url)).body == b"y" * LARGEST_ANSWER_BYTES

    def trickle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(1000):
            connection.sendall(b"X-%d: y\r\n" % number)
            time.sleep(0.02)

    monkeypatch.setattr(transport, "EXCHANGE_SECONDS", 0.3)
    with raw(trickle) as place:
        began = time.monotonic()
        slow = failure(Collector(f"http://{place}"))
        assert time.monotonic() - began < 2
    assert slow.stage is Stage.HTTP
    assert "not done within" in slow.text.en


def test_a_tunnel_and_a_handshake_that_trickle_are_cut_off(
    monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(1000):
            connection.sendall(b"X-%d: y\r\n" % number)
            time.sleep(0.02)

    monkeypatch.setattr(connecting, "HANDSHAKE_SECONDS", 0.3)
    with raw(trickle) as place:
        tunnel = failure(Collector("https://collector.invalid", None, f"http://{place}"))
        assert tunnel.stage is Stage.PROXY
        assert "not done within" in tunnel.text.en
    with raw(lambda connection: time.sleep(1)) as place:
        handshake = failure(Collector(f"https://{place}"))
        assert handshake.stage is Stage.TLS
        assert "not done within" in handshake.text.en


def test_a_line_that_is_slow_but_moves_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.5)
    slow = Line(to_server=Way(bytes_per_second=2e5))
    with collecting() as collector:
        port = int(collector.url.rpartition(":")[2])
        with relaying(port, lambda _: slow) as relay:
            body = bytes(300_000)
            assert put(Collector(f"http://127.0.0.1:{relay.port}"), body=body).status == 201


def test_an_answer_that_is_cut_off_is_no_answer() -> None:
    with collecting() as collector:
        port = int(collector.url.rpartition(":")[2])
        cut = Line(to_client=Way(cut_after=250))
        with relaying(port, lambda _: cut) as relay:
            half = failure(Collector(f"http://127.0.0.1:{relay.port}"))
    assert (half.stage, half.again) == (Stage.HTTP, True)


def test_a_connection_that_was_closed_meanwhile_is_made_again() -> None:
    def once(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with raw(once) as place:
        way = Transport(Collector(f"http://{place}"), None)
        assert [way.request("GET", "/").status for _ in range(3)] == [200, 200, 200]
        way.close()


def test_who_refuses_early_is_heard() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.2)

    with raw(refuse) as place:
        assert put(Collector(f"http://{place}"), body=bytes(8 * 2**20)).status == 413


def shifted(authority: Authority, days: float, length: float = 30) -> Path:
    """A certificate that is valid around the day that lies so far from the host's today."""
    middle = TODAY + timedelta(days=days)
    half = timedelta(days=length / 2)
    return authority.issue("127.0.0.1", since=middle - half, until=middle + half)


@pytest.mark.parametrize("days", [-3000, -20, 20, 3000])
def test_a_wrong_clock_is_made_up_for_by_the_collectors_signed_time(
    authority: Authority, days: float
) -> None:
    with secured(shifted(authority, days)) as collector:
        collector.now = lambda: datetime.now(UTC) + timedelta(days=days)
        settings = Collector(collector.url, str(authority.ca_file))
        way = Transport(settings, collector.key.public)
        assert way.request("PUT", PATH, b"x").status == 201
        assert not way.unproven
        way.close()  # the same certificate needs no second proof
        assert way.request("PUT", PATH, b"x").status == 200
        way.close()
        assert len(collector.asked_time) == 1
        put(settings, collector.key.public)
        assert len(set(collector.asked_time)) == 2


def test_another_certificate_is_proven_anew(authority: Authority) -> None:
    with (
        secured(shifted(authority, -100)) as collector,
        secured(shifted(authority, -100)) as renewed,
        secured(shifted(authority, -50)) as expired,
    ):
        ports = [int(one.url.rpartition(":")[2]) for one in (collector, renewed, expired)]
        for one in (collector, renewed, expired):
            one.key = collector.key
            one.now = lambda: TODAY - timedelta(days=100)
        with raw(lambda _: None) as place:
            way = Transport(
                Collector(f"https://{place}", str(authority.ca_file)), collector.key.public
            )
            listening = iter(ports)

            def through() -> None:
                way._way = None
                way._collector = Collector(
                    f"https://127.0.0.1:{next(listening)}", str(authority.ca_file)
                )
                way.close()

            through()
            way.request("PUT", PATH, b"x")
            through()
            way.request("PUT", PATH, b"x")
            assert [len(one.asked_time) for one in (collector, renewed)] == [1, 1]
            through()
            with pytest.raises(Unreached) as caught:
                way.request("PUT", PATH, b"x")
    assert caught.value.stage is Stage.TLS_TIME
    assert expired.requests == []


def test_a_certificate_that_has_really_expired_is_refused(authority: Authority) -> None:
    with secured(shifted(authority, -100)) as collector:
        settings = Collector(collector.url, str(authority.ca_file))
        ended = failure(settings, collector.key.public)
        assert (ended.stage, ended.again) == (Stage.TLS_TIME, False)
        assert "really is not valid" in ended.text.en
        assert collector.requests == []


def envelope_of(
    key: PrivateKey, nonce: str, at: datetime
) -> Callable[[str], tuple[int, dict[str, str], bytes]]:
    return lambda path: (200, {}, enclose(TimeAnswer(nonce=nonce, time=at), TIME, key))


def test_only_a_fresh_time_that_the_collector_signed_counts(authority: Authority) -> None:
    at = TODAY - timedelta(days=100)
    with secured(shifted(authority, -100)) as collector:
        settings = Collector(collector.url, str(authority.ca_file))
        genuine = collector.tell_time
        for tell in (
            envelope_of(collector.key, "0" * 32, at),  # an answer from another day
            lambda path: (404, {}, b""),
            lambda path: (200, {}, b"<html>sign in</html>"),
            lambda path: None,
            lambda path: (200, {}, genuine(path)[2][:-1]),
        ):
            collector.tell_time = tell  # type: ignore[method-assign] # answers as it likes
            none = failure(settings, collector.key.public)
            assert (none.stage, none.again) == (Stage.TLS_TIME, False)
            assert "expired" in none.text.en
            assert "look at the clock" in none.text.en
        collector.tell_time = genuine  # type: ignore[method-assign]
        collector.now = lambda: at
        assert failure(settings, PrivateKey.generate().public).stage is Stage.TLS_TIME
        assert collector.requests == []
        assert put(settings, collector.key.public).status == 201


def test_no_clock_excuses_another_fault_of_a_certificate(
    authority: Authority, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    elsewhere = authority.issue("127.0.0.2", since=TODAY - YEAR, until=TODAY - YEAR / 2)
    for certificate, ca_file, stage in (
        (shifted(authority, -100), Authority(other).ca_file, Stage.TLS_CHAIN),
        (elsewhere, authority.ca_file, Stage.TLS_NAME),
    ):
        with secured(certificate) as collector:
            collector.now = lambda: TODAY - timedelta(days=100)
            wrong = failure(Collector(collector.url, str(ca_file)), collector.key.public)
            assert wrong.stage is stage
            assert collector.asked_time == []


def test_at_enrolment_the_certificate_is_proven_afterwards(authority: Authority) -> None:
    with secured(shifted(authority, -100)) as collector:
        settings = Collector(collector.url, str(authority.ca_file))
        way = Transport(settings, None)
        assert way.request("PUT", PATH, b"x").status == 201
        assert way.unproven
        with pytest.raises(Unreached) as caught:
            way.prove(TODAY)
        assert caught.value.stage is Stage.TLS_TIME
        assert way.unproven
        way.prove(TODAY - timedelta(days=100))
        assert not way.unproven
        assert way.request("PUT", PATH, b"x").status == 200
        way.close()
        assert way.request("PUT", PATH, b"x").status == 200
        assert not way.unproven
        way.close()
        assert collector.asked_time == []
    with secured(authority.issue("127.0.0.1")) as collector:
        way = Transport(Collector(collector.url, str(authority.ca_file)), None)
        way.request("PUT", PATH, b"x")
        assert not way.unproven
        way.close()


def test_bytes_changed_on_the_way_are_a_failure_of_tls(authority: Authority) -> None:
    with secured(authority.issue("127.0.0.1")) as collector:
        port = int(collector.url.rpartition(":")[2])
        for line in (
            Line(to_client=Way(corrupt_at=300)),
            Line(to_server=Way(corrupt_at=900)),
            CLEAR,
        ):
            with relaying(port, lambda _, line=line: line) as relay:
                settings = Collector(f"https://127.0.0.1:{relay.port}", str(authority.ca_file))
                if line is CLEAR:
                    assert put(settings).status == 201
                else:
                    assert failure(settings, body=bytes(2000)).stage in (Stage.TLS, Stage.HTTP)
        assert len(collector.requests) == 1
