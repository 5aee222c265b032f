"""TLS to the collector: what failed in a certificate, and whether one is valid at a signed time.

A host's clock may be years wrong (security-reliability §3.5). Then the time is the one thing about
a certificate that is checked against the collector's signed clock and not against the host's;
chain, name and signatures are OpenSSL's business as ever.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from socket import socket
from ssl import CERT_REQUIRED, SSLContext, SSLError, TLSVersion, create_default_context
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from cryptography.x509.verification import Subject

# OpenSSL's x509_vfy.h; the ssl module names neither the flag nor the codes.
NO_CHECK_TIME = 0x200000
_TIME_CODES = {9, 10}  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_NAME_CODES = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


class Fault(Enum):
    """What is wrong with a TLS connection."""

    CHAIN = "chain"
    TIME = "time"
    NAME = "name"
    OTHER = "other"
    """No certificate in question: the handshake failed before or beside it."""


class NotValid(Exception):
    """A chain does not hold at a moment; the text is the library's reason."""


def context(ca_file: str | None, *, timeless: bool = False) -> SSLContext:
    """Return the context: TLS 1.2 at least, the authorities of `ca_file` or the system's.

    `timeless` leaves out the time of certificates, and nothing else. Raise OSError (also as
    SSLError) if the file holds no certificates.
    """
    made = create_default_context(cafile=ca_file)
    made.minimum_version = TLSVersion.TLSv1_2
    made.check_hostname = True
    made.verify_mode = CERT_REQUIRED
    if timeless:
        made.verify_flags |= NO_CHECK_TIME
    return made


def fault(error: OSError) -> Fault:
    """Return what an error of a handshake is about.

    OpenSSL stops at the first error and checks the time last: one about the time is the only one,
    or only signatures follow, which a timeless handshake checks.
    """
    code = getattr(error, "verify_code", None)
    if code is None or not isinstance(error, SSLError):
        return Fault.OTHER
    if code in _TIME_CODES:
        return Fault.TIME
    return Fault.NAME if code in _NAME_CODES else Fault.CHAIN


def presented(connection: socket) -> tuple[bytes, ...]:
    """Return the chain that the server showed, the leaf first, in DER. Raise NotValid.

    It is public from Python 3.13 on; before, the object below has it under the same name.
    """
    if hasattr(connection, "get_unverified_chain"):
        return tuple(connection.get_unverified_chain())
    below = getattr(connection, "_sslobj", None)
    if below is None or not hasattr(below, "get_unverified_chain"):
        raise NotValid("this Python does not show the certificates of a connection")
    from _ssl import ENCODING_DER

    shown = below.get_unverified_chain() or ()
    return tuple(certificate.public_bytes(ENCODING_DER) for certificate in shown)


def authorities(used: SSLContext, ca_file: str | None) -> tuple[bytes, ...]:
    """Return the authorities that a context trusts, in DER.

    Without `ca_file`, those of the system that a handshake has loaded: the ones that it needed
    are among them.
    """
    if ca_file is None:
        return tuple(used.get_ca_certs(binary_form=True))
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_certificates

    try:
        found = load_pem_x509_certificates(Path(ca_file).read_bytes())
    except (OSError, ValueError) as error:
        raise NotValid(str(error)) from error
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in found)


def demand_valid(chain: Sequence[bytes], trusted: Sequence[bytes], host: str, at: datetime) -> None:
    """Return if the chain leads to a trusted authority and all of it is valid at that moment.

    Raise NotValid. OpenSSL has accepted the chain in all but time, so extensions that a private
    authority may leave out are not asked for again.
    """
    from cryptography.x509 import BasicConstraints, SubjectAlternativeName
    from cryptography.x509.verification import (
        Criticality,
        ExtensionPolicy,
        PolicyBuilder,
        Store,
        VerificationError,
    )

    either = Criticality.AGNOSTIC
    leaf_policy = ExtensionPolicy.permit_all().require_present(SubjectAlternativeName, either, None)
    authority_policy = ExtensionPolicy.permit_all().require_present(BasicConstraints, either, None)
    try:
        roots = _loaded(trusted)
        leaf, *between = _loaded(chain)
        verifier = (
            PolicyBuilder()
            .store(Store(roots))
            .time(at)
            .extension_policies(ca_policy=authority_policy, ee_policy=leaf_policy)
            .build_server_verifier(_subject(host))
        )
        verifier.verify(leaf, between)
    except (VerificationError, ValueError) as error:
        raise NotValid(str(error).partition(" (encountered")[0]) from error


def _loaded(certificates: Sequence[bytes]) -> "list[Certificate]":
    from cryptography.x509 import load_der_x509_certificate

    return [load_der_x509_certificate(certificate) for certificate in certificates]


def _subject(host: str) -> "Subject":
    from cryptography.x509 import DNSName, IPAddress

    try:
        return IPAddress(ip_address(host))
    except ValueError:
        return DNSName(host.encode("idna").decode())
