"""Reading certificates from files and from a real TLS port."""

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from agent.host import LocalHost
from checks.errors import ProbeError, TimedOut, Unreachable
from checks.host import certificates
from checks.host.certificates import parse, probe, shown_by

END = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)


def pem_and_key() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "测试 server")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(END - timedelta(days=90))
        .not_valid_after(END)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM), secret


PEM, KEY = pem_and_key()


@contextmanager
def server(folder: Path | None) -> Iterator[int]:
    """Serve one connection: a TLS handshake, or silence where there is no folder for the key."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def serve() -> None:
            with suppress(OSError):
                plain, _ = listener.accept()
                if folder is None:
                    done.wait(10)
                else:
                    (folder / "both.pem").write_bytes(KEY + PEM)
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    context.load_cert_chain(folder / "both.pem")
                    with suppress(OSError), context.wrap_socket(plain, server_side=True) as secured:
                        secured.recv(1)
                plain.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            done.set()
            thread.join()


def test_a_tls_port_shows_its_certificate(tmp_path: Path) -> None:
    with server(tmp_path) as port:
        shown = shown_by(port)
    assert shown is not None
    found = parse("tcp/443", shown)
    assert found.not_after == END
    assert "测试" in found.subject


def test_the_probe_asks_the_ports_that_listen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server(tmp_path) as port:
        monkeypatch.setattr(certificates, "TLS_PORTS", (port,))
        facts = probe(LocalHost())
    assert f"tcp/{port}" in [one.place for one in facts.certificates]


def test_a_silent_port_runs_out_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "DEADLINE_SECONDS", 0.2)
    with server(None) as port, pytest.raises(TimedOut):
        shown_by(port)


def test_a_port_that_speaks_no_tls_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answer = threading.Thread(target=lambda: answer_plainly(listener))
        answer.start()
        with pytest.raises(Unreachable):
            shown_by(listener.getsockname()[1])
        answer.join()


def answer_plainly(listener: socket.socket) -> None:
    plain, _ = listener.accept()
    with plain:
        plain.recv(1000)
        plain.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")


def test_a_port_that_does_not_listen_shows_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert shown_by(port) is None


def test_cryptography_is_not_imported_where_there_is_nothing_to_read() -> None:
    code = (
        "import sys; from checks.host import certificates as c; from tests.situation import"
        " CapturedHost; c.probe(CapturedHost({}));"
        "sys.exit('cryptography' in sys.modules or 'ssl' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@given(st.binary() | st.integers(0, len(PEM)).map(lambda length: PEM[:length]))
def test_any_bytes_give_a_certificate_or_a_probe_error(data: bytes) -> None:
    with suppress(ProbeError):
        assert parse("x", data).subject
    with suppress(ProbeError):
        assert isinstance(certificates._soonest("x", data), list)


@given(st.integers(0, 1000), st.integers(0, 255))
def test_a_damaged_certificate_gives_facts_or_a_probe_error(at: int, byte: int) -> None:
    der = bytearray(ssl.PEM_cert_to_DER_cert(PEM.decode()))
    der[at % len(der)] = byte
    with suppress(ProbeError):
        assert parse("x", bytes(der))
