"""Take the host keys of a known_hosts file in, for the hosts of a customer that it names."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from collector.customers.models import Customer, Host
from collector.enrolment.record import Person
from collector.grants.host_keys import KNOWN_HOSTS, Kept, keep
from collector.grants.service import grants_of
from collector.grants.typed import NamedHost, find_host
from wire.host_keys import DEFAULT_PORT, Fault, KnownHost, KnownHosts

FAULTS = {
    Fault.FIELDS: Text("缺少字段", "it has too few fields"),
    Fault.MARKER: Text("标记无法识别", "its marker is not known"),
    Fault.NAMES: Text("主机名无法识别", "its names can't be read"),
    Fault.TYPE: Text("密钥类型不支持", "its type of key is not supported"),
    Fault.KEY: Text("密钥不完整或类型不符", "its key was cut, or is of another type"),
    Fault.AUTHORITY: Text("不支持证书颁发者", "authorities are not supported"),
}
_PORT = re.compile(r"\[[^\]]+\]:(\d{1,5})")


@dataclass(frozen=True)
class Line:
    """What became of one line for one host; of a line about none of them the host is empty."""

    number: int
    host: str
    key: str
    kept: Kept | None
    """None: not kept, because no host has its name, or because it is a key that was revoked."""
    revoked: bool = False


def import_lines(
    session: Session,
    owner: Customer,
    read: KnownHosts,
    named: Sequence[NamedHost],
    person: Person,
    now: datetime,
) -> list[Line]:
    """Keep what a file says of a customer's hosts. `named`: addresses of hosts that no grant
    names. Raise NotFound for one that there isn't."""
    addresses = _addresses(session, owner, named)
    hosts = session.scalars(
        select(Host).where(Host.customer_id == owner.id).order_by(Host.name)
    ).all()
    revoked = {line.key.fingerprint for line in read.hosts if line.revoked}
    found = []
    for line in read.hosts:
        about = [host for host in hosts if _is_about(line, addresses[host.id])]
        if not about:
            found.append(Line(line.line, "", str(line.key), None, line.revoked))
        for host in about:
            if line.key.fingerprint in revoked:
                found.append(Line(line.line, host.name, str(line.key), None, revoked=True))
                continue
            kept = keep(session, host, line.key, source=KNOWN_HOSTS, person=person, now=now)
            found.append(Line(line.line, host.name, str(line.key), kept))
    return found


def _addresses(
    session: Session, owner: Customer, named: Sequence[NamedHost]
) -> Mapping[str, set[str]]:
    """Return by what each host is called: its name, the addresses in grants, and those given."""
    called = {
        host.id: {host.name}
        for host in session.scalars(select(Host).where(Host.customer_id == owner.id))
    }
    for kept in grants_of(session, owner):
        for granted in (*kept.grant.hosts, *kept.grant.jump_hosts):
            called[granted.host_id].update(granted.addresses)
    for each in named:
        called[find_host(session, owner, each.name).id].update(each.addresses)
    return called


def _is_about(line: KnownHost, addresses: Iterable[str]) -> bool:
    ports = {int(port) for name in line.names for port in _PORT.findall(name)} | {DEFAULT_PORT}
    return any(line.is_about(address, port) for address in addresses for port in ports)
