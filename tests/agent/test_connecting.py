"""TLS for real: the agent trusts the authority of its settings and no other. Odd addresses."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.agent.workbench import Answer, FakeCollector, Site, answering, collecting

TODAY = datetime.now(UTC)


def certificate(folder: Path, *, address: str = "127.0.0.1", days: int = 30) -> Path:
    """Write a self-signed certificate and its key into one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "collector")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(TODAY - timedelta(days=60))
        .not_valid_after(TODAY + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{address}-{days}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.checks({"sample.one": "pass"})
    return site


@pytest.fixture
def collector(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeCollector]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path, **getattr(request, "param", {})))
    with collecting(tls=context) as collector:
        yield collector


def configured(site: Site, collector: FakeCollector, ca_file: Path | None) -> None:
    site.url = collector.url
    site.configure()
    if ca_file is not None:
        path = site.folder / "agent.toml"
        path.write_text(path.read_text() + f'ca_file = "{ca_file}"\n')


def test_a_collector_signed_by_the_authority_of_the_settings_is_trusted(
    site: Site, collector: FakeCollector, tmp_path: Path
) -> None:
    configured(site, collector, tmp_path / "127.0.0.1-30.pem")
    finished = site.run()
    assert finished.exit_code == 0, finished.output
    assert len(collector.stored) == 1


def test_an_authority_that_is_not_in_the_settings_is_not_trusted(
    site: Site, collector: FakeCollector, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for ca_file in (None, certificate(other)):
        configured(site, collector, ca_file)
        finished = site.run("--lang", "en")
        assert finished.exit_code == 1
        assert finished.events("kept")[0]["why"].startswith("TLS chain: ")
        assert "certificate" in finished.events("kept")[0]["why"]
    assert collector.requests == []


@pytest.mark.parametrize(
    ("collector", "words"),
    [
        ({"address": "127.0.0.2"}, "not valid for '127.0.0.1'"),
        ({"days": -1}, "really is not valid at"),
    ],
    indirect=["collector"],
)
def test_a_certificate_for_another_name_or_time_is_told_as_such(
    site: Site, collector: FakeCollector, tmp_path: Path, words: str
) -> None:
    configured(site, collector, next(tmp_path.glob("127.*.pem")))
    finished = site.run("--lang", "en")
    assert finished.exit_code == 1
    assert words in finished.events("kept")[0]["why"]
    assert collector.requests == []


@pytest.mark.parametrize(
    ("url", "stage"),
    [
        ("https://no-such-host.invalid", "DNS: "),
        ("https://[no-address", "TCP: "),
        ("http://127.0.0.1:99999", "TCP: "),
        ("http://127.0.0.1:9/采集", "TCP: "),
        (f"https://{'x' * 70}.invalid", "TCP: "),
    ],
)
def test_an_address_that_leads_nowhere_is_one_sentence_and_the_batch_is_kept(
    site: Site, url: str, stage: str
) -> None:
    site.url = url
    finished = site.run("--lang", "en")
    assert finished.exit_code == 1
    assert finished.events("kept")[0]["why"].startswith(stage)
    assert len(finished.errors.splitlines()) == 1


def test_the_path_of_the_address_stands_before_that_of_the_batch(site: Site) -> None:
    with collecting() as collector:
        taken = collector.take
        paths: list[str] = []

        def take(path: str, body: bytes) -> Answer | None:
            paths.append(path)
            return taken(path.removeprefix("/%E9%87%87%20x"), body)

        collector.take = take  # type: ignore[method-assign] # sees the whole path
        site.url = f"{collector.url}/采%20x/"
        assert site.run().exit_code == 0
    assert [path.split("/v1/")[0] for path in paths] == ["/%E9%87%87%20x"]


def test_batches_share_a_connection_and_a_cut_one_is_replaced(site: Site) -> None:
    for _ in range(3):
        site.run()
    with collecting(answering(201, b"{}", Connection="close")) as collector:
        site.url = collector.url
        site.configure()
        assert site.run().exit_code == 1
        assert site.run().exit_code == 0
    assert sorted(seq for _, seq in collector.stored) == [1, 2, 3, 4, 5]
