"""An engineer's workstation: a registered person, and grants that a collector has signed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pyrage.x25519 import Identity as AgeIdentity

from agent.remote import authority, person, trust
from agent.remote.authority import Authority
from agent.remote.trust import Trust
from wire import codes, envelope
from wire.grants import GRANT, Grant, GrantedHost, GrantedPerson
from wire.messages import WIRE_VERSION
from wire.scopes import Scope
from wire.sessions import PROOF, REGISTRATION, TRUSTED, Proof, Purpose, Registration, Trusted
from wire.signing import PrivateKey, key_id

COLLECTOR = PrivateKey(b"c" * 32)
AGE = AgeIdentity.generate()
FINGERPRINT = " ".join(codes.fingerprint(COLLECTOR.public))
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def answered(request: bytes, *, key: PrivateKey = COLLECTOR, url: str = "") -> bytes:
    """Return what a collector answers to a registration."""
    read = envelope.read(request)
    asked = envelope.opened(read, REGISTRATION, Registration)
    envelope.check(read, {key_id(asked.public_key): asked.public_key})
    told = Trusted(
        wire=WIRE_VERSION,
        nonce=asked.nonce,
        person=asked.person,
        key_id=key_id(asked.public_key),
        collector_key=key.public,
        recipients=(str(AGE.to_public()),),
        url=url,
    )
    return envelope.enclose(told, TRUSTED, key)


def registered(home: Path, *, name: str = "张工", url: str = "") -> Trust:
    """Return the trust of an engineer who has registered in a folder."""
    answer = answered(person.request(home, name), url=url)
    return trust.conclude(home, answer, FINGERPRINT)


def host(name: str = "erp-db", *addresses: str, **more: Any) -> GrantedHost:
    """Return a host as grants name it."""
    fields = {
        "host_id": f"host-{name}",
        "name": name,
        "site": "总部机房",
        "addresses": addresses,
        "agent": f"remote-{name}",
    }
    return GrantedHost(**(fields | more))


def granted(known: Trust, *hosts: GrantedHost, **more: Any) -> Grant:
    """Return a grant for the engineer of a workstation, an hour around now."""
    now = datetime.now(UTC)
    fields = {
        "wire": WIRE_VERSION,
        "id": "grant-1",
        "customer_id": "customer-1",
        "customer": "示例公司",
        "hosts": hosts or (host("erp-db", "192.0.2.10", "127.0.0.1"),),
        "scopes": (Scope.METADATA,),
        "persons": (GrantedPerson(known.person, known.key.id, known.key.public),),
        "not_before": now - timedelta(hours=1),
        "not_after": now + timedelta(hours=1),
        "reason": "年度巡检",
        "signer": "李主任",
        "granted_at": now,
        "granted_by": "王工",
        "recipients": known.recipients,
    }
    return Grant(**(fields | more))


def signed(grant: Grant, key: PrivateKey = COLLECTOR) -> bytes:
    """Return the content of a grant file."""
    return envelope.enclose(grant, GRANT, key)


def written(folder: Path, grant: Grant, key: PrivateKey = COLLECTOR) -> str:
    """Write a grant file and return its path."""
    path = folder / f"{grant.id}.grant"
    path.write_bytes(signed(grant, key) + b"\n")
    return str(path)


def permitted(
    known: Trust, address: str = "erp-db", purpose: Purpose = Purpose.INSPECT, **more: Any
) -> Authority:
    """Return what a fresh grant permits."""
    grant = granted(known, **more)
    return authority.authorise(authority.Granted(grant, signed(grant)), known, address, purpose)


def proof_of(host_id: str = "host-erp-db", *, hours: float = 1, **more: Any) -> bytes:
    """Return a proof of a backup, so many hours old."""
    now = datetime.now(UTC)
    fields = {
        "wire": WIRE_VERSION,
        "customer_id": "customer-1",
        "host_id": host_id,
        "proved_at": now - timedelta(hours=hours),
        "kind": "uploaded",
        "subject": "恢复演练记录",
        "evidence": "0" * 64,
        "issued_at": now,
    }
    return envelope.enclose(Proof(**(fields | more)), PROOF, COLLECTOR)
