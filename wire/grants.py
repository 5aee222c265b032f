"""Grants (授权): what a customer permits, signed by the collector, and the one predicate over them.

A grant travels as a file and is verified against the collector's key, without a network
(security-reliability §2.4). The predicate is the same on the engineer's computer, on the host and
on the collector.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from fnmatch import fnmatchcase
from typing import Annotated

from msgspec import Meta, Struct

from wire.control import PublicKey, Recipient
from wire.messages import Digest, Identifier, Label, Moment, Sentence
from wire.scopes import DEFAULT_SCOPES, Scope

GRANT = "application/vnd.xunjian.grant.v1"

HostKeyLine = Annotated[str, Meta(max_length=2000)]
Pattern = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.*?\[\]-]{1,100}$(?!\n)")]


class GrantedPerson(Struct, frozen=True):
    """An engineer, known by his key."""

    name: Label
    key_id: Digest
    public_key: PublicKey


class GrantedHost(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A host that may be looked at."""

    host_id: Identifier
    name: Label
    """What the customer's people and the report call it."""
    site: Label
    addresses: Annotated[tuple[Label, ...], Meta(max_length=20)] = ()
    """Names and addresses that it is reached by; its name is one, too."""
    agent: Identifier
    """Its remote agent: whose batches the inspection will be."""
    host_keys: Annotated[tuple[HostKeyLine, ...], Meta(max_length=20)] = ()
    """Public SSH host keys from the collector's inventory, `type base64` each; none: the engineer
    has to type a fingerprint."""

    def answers_to(self, address: str) -> bool:
        """Tell whether an address is one of this host's."""
        wanted = address.strip().lower()
        return wanted in {each.lower() for each in (self.name, *self.addresses)}


class Grant(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The customer's permission."""

    wire: Label
    id: Identifier
    customer_id: Identifier
    customer: Label
    hosts: Annotated[tuple[GrantedHost, ...], Meta(min_length=1, max_length=500)]
    jump_hosts: Annotated[tuple[GrantedHost, ...], Meta(max_length=20)] = ()
    """Hosts that may be passed through, and not looked at."""
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=6)] = DEFAULT_SCOPES
    checks: Annotated[tuple[Pattern, ...], Meta(max_length=500)] = ()
    """Ids of checks, chapters or globs; empty: every check that the scopes cover."""
    persons: Annotated[tuple[GrantedPerson, ...], Meta(min_length=1, max_length=100)]
    not_before: Moment
    not_after: Moment
    reason: Sentence
    signer: Label
    """Who of the customer's people has signed."""
    document_digest: Digest | None = None
    """SHA-256 of the signed paper, where there is one."""
    weak_algorithms: bool = False
    """The customer accepts weak cryptography on the way to these hosts."""
    granted_at: Moment
    granted_by: Label
    """Who entered it at the collector."""
    recipients: Annotated[tuple[Recipient, ...], Meta(max_length=8)] = ()
    """Whom bundles are encrypted to (age)."""

    def host_of(self, address: str) -> GrantedHost | None:
        """Return the host that is reached by an address; None: it is not in the grant."""
        return next((host for host in self.hosts if host.answers_to(address)), None)


class Denial(Enum):
    """Why something is not permitted."""

    NO_SUCH_HOST = "no_such_host"
    OTHER_PERSON = "other_person"
    TOO_EARLY = "too_early"
    EXPIRED = "expired"
    SCOPE_MISSING = "scope_missing"
    REVOKED = "revoked"
    UNKNOWN_GRANT = "unknown_grant"
    UNKNOWN_PERSON = "unknown_person"
    """Only the collector knows these three: an engineer removed, a grant revoked or never given."""
    NO_PROOF = "no_proof"
    """A change without a backup that is proved good."""


class Request(Struct, frozen=True, kw_only=True):
    """What somebody wants to do."""

    host_id: str
    key_id: str
    """Of the engineer's key."""
    scopes: tuple[Scope, ...]
    at: datetime


def refusal(grant: Grant, request: Request) -> Denial | None:
    """Return why the grant does not permit a request; None: it does.

    The window has both its ends in it. Revocation is not the grant's to tell.
    """
    if all(host.host_id != request.host_id for host in grant.hosts):
        return Denial.NO_SUCH_HOST
    if all(person.key_id != request.key_id for person in grant.persons):
        return Denial.OTHER_PERSON
    if request.at < grant.not_before:
        return Denial.TOO_EARLY
    if request.at > grant.not_after:
        return Denial.EXPIRED
    if not set(request.scopes) <= set(grant.scopes):
        return Denial.SCOPE_MISSING
    return None


class Coverage(Struct, frozen=True):
    """What a grant lets an inspection read."""

    scopes: tuple[Scope, ...]
    checks: tuple[str, ...] = ()

    def missing(self, check_id: str, scopes: Sequence[Scope]) -> str:
        """Return what the grant lacks for a check, as a word; empty: it is covered."""
        if self.checks and not any(
            fnmatchcase(check_id, pattern) or check_id.startswith(f"{pattern}.")
            for pattern in self.checks
        ):
            return check_id
        lacking = [scope.value for scope in scopes if scope not in self.scopes]
        return ", ".join(lacking)
