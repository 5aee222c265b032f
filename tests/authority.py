"""Certificates for tests, with dates as tight as a real authority's."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TODAY = datetime.now(UTC)
Key = ec.EllipticCurvePrivateKey


class Authority:
    """A private authority that is valid for ten years around `around`."""

    def __init__(self, folder: Path, around: datetime = TODAY) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("authority")
        self._issued = 0
        decade = timedelta(days=3650)
        self._certificate = _signed(
            self._name, self._name, self._key, self._key, around - decade, around + decade, ca=True
        )
        self.ca_file = folder / "authority.pem"
        self.ca_file.write_bytes(_pem(self._certificate))

    def issue(
        self,
        *hosts: str,
        since: datetime = TODAY - timedelta(days=1),
        until: datetime = TODAY + timedelta(days=30),
    ) -> Path:
        """Write a certificate with its key, as `load_cert_chain` wants it."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _signed(_name(hosts[0]), self._name, key, self._key, since, until, hosts=hosts)
        self._issued += 1
        path = self._folder / f"server-{self._issued}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.write_bytes(private + _pem(made))
        return path


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: Key,
    issuer_key: Key,
    since: datetime,
    until: datetime,
    *,
    ca: bool = False,
    hosts: Sequence[str] = (),
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), True)
    )
    if hosts:
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        builder = builder.add_extension(names, False)
    return builder.sign(issuer_key, hashes.SHA256())


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
