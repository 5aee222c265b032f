"""Certificates of this host's servers: files in the usual places, and what its TLS ports show.

A TLS port is asked by one handshake over this host's loopback, within 2 seconds; nothing is sent
but the handshake, and the answer is not trusted, only read. Ports that take TLS at once are asked
(HTTPS, LDAPS, mail), not those that switch to it later; a listener on one LAN address only is not.
Of a file that also holds a private key nothing but the certificates is taken. `cryptography` and
`ssl` are imported only where there is something to read: their import costs more than the rest.
"""

import re
import socket
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Host,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    grade,
    limit,
    not_applicable,
    not_run,
)
from checks.errors import ProbeError, TimedOut, UnexpectedOutput, Unreachable
from checks.wording import days

if TYPE_CHECKING:
    from cryptography import x509

PLACES = (
    "/etc/letsencrypt/live/*/cert.pem",
    "/etc/nginx/*",
    "/etc/nginx/*/*",
    "/etc/nginx/*/*/*",
    "/usr/local/nginx/conf/*",
    "/usr/local/nginx/conf/*/*",
    "/etc/apache2/*",
    "/etc/apache2/*/*",
    "/etc/httpd/*/*",
    "/etc/haproxy/*",
    "/etc/haproxy/*/*",
    "/etc/pki/tls/certs/*",
    "/etc/pki/nginx/*",
    "/etc/ssl/*",
    "/etc/postfix/*",
    "/etc/dovecot/*",
    "/etc/openldap/certs/*",
    "/etc/postgresql/*/*/*",
    "/var/lib/pgsql/*/data/server.crt",
    "/var/lib/mysql/server-cert.pem",
    "/opt/*/conf/*",
    "/opt/*/conf/*/*",
)
SUFFIXES = (".pem", ".crt", ".cer")
# Stores of the authorities that a host trusts, not what it shows to others.
STORES = ("ca-bundle", "ca-certificates", "cacert", "/etc/ssl/certs/", "dhparam")
TLS_PORTS = (443, 465, 636, 993, 995, 5671, 6443, 8443, 9443)
MOST_FILES = 200
MOST_BYTES = 65536
DEADLINE_SECONDS = 2


class Certificate(Struct, frozen=True):
    """The certificate at one place that ends first."""

    place: str
    """The path of the file, or `tcp/443`."""
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime


class Unread(Struct, frozen=True):
    """A place whose certificate could not be read."""

    place: str
    failure: Failure


class Facts(Struct, frozen=True):
    """What was found, file by file and port by port."""

    certificates: tuple[Certificate, ...]
    unread: tuple[Unread, ...]


def probe(host: Host) -> Facts:
    """Read certificate files, then ask the TLS ports that listen on this host."""
    found: list[Certificate] = []
    unread: list[Unread] = []
    for path in _files(host):
        try:
            found += _soonest(path, host.read_bytes(path, limit_bytes=MOST_BYTES))
        except ProbeError as error:
            unread.append(Unread(path[:255], error.failure()))
    for port in TLS_PORTS if host.exists("/proc/net/tcp") else ():
        try:
            found += _soonest(f"tcp/{port}", shown_by(port) or b"")
        except ProbeError as error:
            unread.append(Unread(f"tcp/{port}", error.failure()))
    return Facts(tuple(found), tuple(unread))


def _files(host: Host) -> list[str]:
    paths = {path for place in PLACES for path in host.list(place) if path.endswith(SUFFIXES)}
    return sorted(path for path in paths if not any(store in path for store in STORES))[:MOST_FILES]


_BLOCK = re.compile(b"-----BEGIN CERTIFICATE-----[^-]{1,20000}-----END CERTIFICATE-----")


def _soonest(place: str, data: bytes) -> list[Certificate]:
    """Return the certificate in the file that ends first; [] where it holds none."""
    blocks = _BLOCK.findall(data)
    if not blocks and data[:1] == b"\x30":
        blocks = [data]
    if not blocks:
        return []
    return [min((parse(place, block) for block in blocks[:10]), key=lambda one: one.not_after)]


def parse(place: str, block: bytes) -> Certificate:
    """Read one certificate in PEM or DER; raise UnexpectedOutput where it is none."""
    from cryptography import x509
    from cryptography.utils import CryptographyDeprecationWarning

    try:
        with warnings.catch_warnings():
            # It warns of oddities in the customer's certificate, which still can be read.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            if block[:1] == b"-":
                certificate = x509.load_pem_x509_certificate(block)
            else:
                certificate = x509.load_der_x509_certificate(block)
            return Certificate(
                place[:255],
                _name(certificate, issuer=False),
                _name(certificate, issuer=True),
                certificate.not_valid_before_utc,
                certificate.not_valid_after_utc,
            )
    # Whatever is wrong inside shows as ValueError, an invalid version or extension as its
    # relatives; cryptography derives those from Exception itself.
    except (ValueError, TypeError, x509.InvalidVersion) as error:
        raise UnexpectedOutput(place, str(error)[:200]) from error


def _name(certificate: "x509.Certificate", *, issuer: bool) -> str:
    name = certificate.issuer if issuer else certificate.subject
    return name.rfc4514_string()[:200]


def shown_by(port: int, address: str = "127.0.0.1") -> bytes | None:
    """Return the certificate, in DER, that the port shows in a handshake; None if none listens."""
    subject = f"tcp/{port}"
    try:
        plain = socket.create_connection((address, port), timeout=DEADLINE_SECONDS)
    except OSError:
        return None  # Refused, as most of the ports are: nothing to judge here.
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The certificate is read, not trusted: an expired or self-signed one is the finding.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with plain, context.wrap_socket(plain) as secured:
            shown = secured.getpeercert(binary_form=True)
    except TimeoutError as error:
        raise TimedOut(subject, f"no TLS handshake within {DEADLINE_SECONDS} s") from error
    except OSError as error:
        raise Unreachable(subject, str(error)[:200]) from error
    if not shown:
        raise UnexpectedOutput(subject, "the server shows no certificate")
    return shown


class ExpiryThresholds(Thresholds, frozen=True):
    """How long before its end a certificate counts."""

    warning_days_left: Annotated[float, limit("d", "DCK 1 month; ND 14 d")] = 30
    critical_days_left: Annotated[float, limit("d", "ND 7 d")] = 7


def expiry(facts: Facts, thresholds: ExpiryThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the days until each certificate ends."""
    if not facts.certificates and not facts.unread:
        yield not_applicable(
            "",
            Text(
                "常见位置没有服务器证书，也没有 TLS 端口在监听。",
                "No server certificate in the usual places, and no TLS port listens.",
            ),
        )
    reference = Text("剩余大于 {days}", "more than {days} left").format(
        days=days(thresholds.warning_days_left)
    )
    for one in facts.certificates:
        left = (one.not_after - past.observed_at).total_seconds() / 86400
        state = grade(
            left,
            thresholds.warning_days_left,
            thresholds.critical_days_left,
            lower_is_worse=True,
        )
        current = Text("{date} 到期，剩 {days}", "ends {date}, {days} left").format(
            date=f"{one.not_after.astimezone(UTC):%Y-%m-%d}", days=days(left)
        )
        message = None if state is State.OK else _message(one, left)
        yield Verdict(one.place, state, current, reference, message)
    for other in facts.unread:
        yield not_run(other.place, other.failure)


def _message(one: Certificate, left: float) -> Text:
    if left < 0:
        text = Text(
            "{place} 的证书（{subject}）已过期 {days}。",
            "The certificate at {place} ({subject}) ended {days} ago.",
        )
    else:
        text = Text(
            "{place} 的证书（{subject}）将在 {days}后到期。",
            "The certificate at {place} ({subject}) ends in {days}.",
        )
    return text.format(place=one.place, subject=one.subject, days=days(abs(left)))


CHECK = Check(
    title=Text("证书有效期", "Certificates"),
    chapter=Chapter.SECURITY,
    facts=Facts,
    probe=probe,
    reads=(
        *(f"{place} ({', '.join(SUFFIXES)})" for place in PLACES),
        f"TLS handshake with 127.0.0.1, ports {', '.join(map(str, TLS_PORTS))}",
    ),
    privilege=Text(
        "可读取证书文件的账户（通常为 root）", "an account that can read the files (root)"
    ),
    rules=(
        Rule(
            "OS-CRT-001",
            Text("证书到期", "Certificate expiry"),
            why=Text(
                "证书到期当天，网站、接口和客户端会立即无法连接，造成业务中断。",
                "On the day a certificate ends, web sites, interfaces and clients stop connecting.",
            ),
            remedy=Text(
                "提前向证书颁发机构续签（Let's Encrypt 可执行 certbot renew），"
                "替换证书文件并重载服务（如 nginx -s reload），"
                "再用 openssl s_client -connect 主机:443 核对到期日期；"
                "不再使用的证书文件请移除。",
                "Renew it with its authority in time (Let's Encrypt: certbot renew), replace the"
                " file, reload the service (nginx -s reload) and check with openssl s_client"
                " -connect HOST:443; remove files that are no longer used.",
            ),
            priority=1,
            thresholds=ExpiryThresholds,
            evaluate=expiry,
        ),
    ),
)
