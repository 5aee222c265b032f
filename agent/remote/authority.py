"""What the customer has granted: the grant, verified, and whether it permits what is wanted here.

The window is held against this computer's clock. Whether the grant was revoked, only the collector
knows (agent/remote/asking.py).
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.errors import NotGranted, RemoteError
from agent.remote import texts
from agent.remote.trust import Trust
from checks.api import Text
from wire import envelope
from wire.envelope import LARGEST_BYTES
from wire.errors import WireError
from wire.grants import GRANT, Denial, Grant, GrantedHost, GrantedPerson, Request, refusal
from wire.scopes import Scope
from wire.sessions import LARGEST_PROOF_AGE_SECONDS, PROOF, Proof, Purpose

_MOST_NAMED = 8


class Granted(Struct, frozen=True):
    """A grant that the collector has signed."""

    grant: Grant
    envelope: bytes
    """As it came."""


class Authority(Struct, frozen=True):
    """What is permitted now, to this engineer, on this host."""

    granted: Granted
    host: GrantedHost
    person: GrantedPerson
    scopes: tuple[Scope, ...]
    """What the session wants."""

    @property
    def grant(self) -> Grant:
        """Return the grant."""
        return self.granted.grant


def load(path: str, trust: Trust) -> Granted:
    """Return the grant in a file. Raise NotGranted unless every byte is as the collector signed."""
    body = _content(path)
    try:
        grant = envelope.disclose(body, GRANT, Grant, trust.collector_keys)
        # Base64 has bits that nothing reads: a file that was changed in them was changed.
        if msgspec.json.encode(envelope.read(body)) != body:
            raise NotGranted(texts.GRANT_CHANGED.format(file=path))
    except WireError as error:
        detail = str(error).rstrip(".")
        raise NotGranted(texts.NO_GRANT.format(file=path, detail=detail)) from error
    return Granted(grant, body)


def wanted(grant: Grant, purpose: Purpose) -> tuple[Scope, ...]:
    """Return the scopes that a session asks for: all that a reading may use, or `change`."""
    if purpose is Purpose.SHELL:
        return (Scope.CHANGE,)
    return tuple(scope for scope in grant.scopes if scope is not Scope.CHANGE) or (Scope.METADATA,)


def authorise(
    granted: Granted, trust: Trust, address: str, purpose: Purpose, now: datetime | None = None
) -> Authority:
    """Return what the grant permits at an address. Raise NotGranted with the Denial and why."""
    grant = granted.grant
    at = now or datetime.now(UTC)
    scopes = wanted(grant, purpose)
    host = grant.host_of(address)
    request = Request(
        host_id=host.host_id if host is not None else "", key_id=trust.key.id, scopes=scopes, at=at
    )
    denial = refusal(grant, request)
    if host is None or denial is not None:
        denial = denial or Denial.NO_SUCH_HOST
        raise NotGranted(why(denial, granted.grant, trust, address, at), denial)
    person = next(each for each in grant.persons if each.key_id == trust.key.id)
    return Authority(granted, host, person, scopes)


def demand_passage(grant: Grant, address: str) -> GrantedHost:
    """Return the jump host at an address. Raise NotGranted for one that the grant doesn't name."""
    for host in (*grant.jump_hosts, *grant.hosts):
        if host.answers_to(address):
            return host
    named = _names(grant.jump_hosts)
    raise NotGranted(texts.NO_SUCH_JUMP.format(address=address, named=named), Denial.NO_SUCH_HOST)


def read_proof(
    path: str, trust: Trust, authority: Authority, now: datetime | None = None
) -> tuple[Proof, bytes]:
    """Return a proof of a backup that was brought as a file, and its envelope.

    Raise NotGranted unless the collector signed it, for this host, about a backup that is recent.
    """
    body = _content(path)
    try:
        proof = envelope.disclose(body, PROOF, Proof, trust.collector_keys)
    except WireError as error:
        detail = str(error).rstrip(".")
        raise NotGranted(
            texts.NO_PROOF_FILE.format(file=path, detail=detail), Denial.NO_PROOF
        ) from error
    demand_proof(proof, authority, now)
    return proof, body


def demand_proof(proof: Proof, authority: Authority, now: datetime | None = None) -> None:
    """Return if a proof is about this host and recent. Raise NotGranted."""
    at = now or datetime.now(UTC)
    whose = (proof.customer_id, proof.host_id)
    if whose != (authority.grant.customer_id, authority.host.host_id):
        raise NotGranted(texts.PROOF_OF_OTHER.format(host=authority.host.name), Denial.NO_PROOF)
    if at - proof.proved_at > timedelta(seconds=LARGEST_PROOF_AGE_SECONDS):
        raise NotGranted(
            texts.PROOF_TOO_OLD.format(
                subject=proof.subject, at=local(proof.proved_at), host=authority.host.name
            ),
            Denial.NO_PROOF,
        )


def why(denial: Denial, grant: Grant, trust: Trust, address: str, at: datetime) -> Text:
    """Return what is wrong, where, and what to do."""
    sentence = texts.DENIALS[denial]
    return sentence.format(
        grant=grant.id,
        customer=grant.customer,
        address=address,
        person=trust.person,
        hosts=_names(grant.hosts),
        persons=", ".join(each.name for each in grant.persons[:_MOST_NAMED]),
        begins=local(grant.not_before),
        ends=local(grant.not_after),
        now=local(at),
        scopes=", ".join(scope.value for scope in grant.scopes),
    )


def local(moment: datetime) -> str:
    """Return a moment as this computer's clock shows it, to the minute."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M %z}"


def _names(hosts: tuple[GrantedHost, ...]) -> str:
    shown = []
    for host in hosts[:_MOST_NAMED]:
        others = [each for each in host.addresses if each != host.name]
        shown.append(f"{host.name} ({', '.join(others[:3])})" if others else host.name)
    more = len(hosts) - _MOST_NAMED
    return ", ".join(shown) + (f", … (+{more})" if more > 0 else "") if shown else "-"


def _content(path: str) -> bytes:
    """Return a file, without the line ends after it. Raise RemoteError."""
    try:
        with Path(path).open("rb") as file:
            return file.read(LARGEST_BYTES + 2).rstrip(b"\r\n")
    except OSError as error:
        detail = error.strerror or str(error)
        raise RemoteError(texts.FILE_UNREADABLE.format(file=path, detail=detail)) from error
