"""Make a grant: what the customer has signed, with all that an engineer needs without a network."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import msgspec
from sqlalchemy.orm import Session

from checks.api import Check, Text
from collector.customers.models import Customer, Host, Site
from collector.enrolment.record import Person, audit
from collector.errors import Unusable
from collector.grants.host_keys import Pins, pins_of
from collector.grants.models import Engineer, GrantRow
from collector.grants.remote_agents import remote_agent_of
from collector.identity import Identity
from wire import envelope
from wire.grants import GRANT, Coverage, Grant, GrantedHost, GrantedPerson
from wire.messages import WIRE_VERSION
from wire.scopes import DEFAULT_SCOPES, Scope

LONGEST_WINDOW = timedelta(days=400)
"""A year and the time to renew it; own figure."""
LONGEST_REASON, LONGEST_LABEL = 2000, 255


@dataclass(frozen=True)
class WantedHost:
    """A host that somebody names for a grant."""

    host: Host
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the customer permits, as it was entered."""

    owner: Customer
    hosts: Sequence[WantedHost]
    jump_hosts: Sequence[WantedHost] = ()
    scopes: Sequence[Scope] = DEFAULT_SCOPES
    checks: Sequence[str] = ()
    persons: Sequence[Engineer]
    not_before: datetime
    not_after: datetime
    reason: str
    signer: str
    document_digest: str | None = None
    weak_algorithms: bool = False


@dataclass(frozen=True)
class Made:
    """A grant that was made."""

    grant: Grant
    envelope: bytes
    changed: dict[str, Pins] = field(default_factory=dict)
    """By host: its agent tells of another key than the one that is pinned."""


def make(
    session: Session, identity: Identity, wanted: Wanted, person: Person, now: datetime
) -> Made:
    """Make, sign and keep a grant. Raise Unusable for one that can't be meant."""
    _demand_sense(wanted, now)
    changed: dict[str, Pins] = {}

    def granted(each: WantedHost) -> GrantedHost:
        pins = pins_of(session, each.host, person, now)
        if pins.changed:
            changed[each.host.name] = pins
        return GrantedHost(
            host_id=each.host.id,
            name=each.host.name,
            site=session.get_one(Site, (each.host.customer_id, each.host.site_id)).name,
            addresses=each.addresses,
            agent=remote_agent_of(session, each.host, person, now).id,
            host_keys=pins.lines,
        )

    grant = Grant(
        wire=WIRE_VERSION,
        id=uuid4().hex,
        customer_id=wanted.owner.id,
        customer=wanted.owner.name,
        hosts=tuple(granted(each) for each in wanted.hosts),
        jump_hosts=tuple(granted(each) for each in wanted.jump_hosts),
        scopes=tuple(dict.fromkeys(wanted.scopes)),
        checks=tuple(dict.fromkeys(wanted.checks)),
        persons=tuple(
            GrantedPerson(each.name, each.id, each.public_key) for each in wanted.persons
        ),
        not_before=wanted.not_before,
        not_after=wanted.not_after,
        reason=wanted.reason.strip(),
        signer=wanted.signer.strip(),
        document_digest=wanted.document_digest,
        weak_algorithms=wanted.weak_algorithms,
        granted_at=now,
        granted_by=person,
        recipients=(identity.recipient,),
    )
    signed = _signed(identity, grant)
    session.add(
        GrantRow(
            customer_id=grant.customer_id,
            id=grant.id,
            envelope=signed,
            not_before=grant.not_before,
            not_after=grant.not_after,
            granted_at=now,
            granted_by=person,
        )
    )
    audit(
        session,
        grant.customer_id,
        person,
        "grant.made",
        f"grant {grant.id}",
        after={
            "hosts": [host.name for host in grant.hosts],
            "scopes": [scope.value for scope in grant.scopes],
            "checks": list(grant.checks),
            "persons": [each.name for each in grant.persons],
            "from": grant.not_before.isoformat(),
            "to": grant.not_after.isoformat(),
            "reason": grant.reason,
            "signer": grant.signer,
            "document": grant.document_digest,
        },
        now=now,
    )
    session.flush()
    return Made(grant, signed, changed)


def covered(grant: Grant, checks: dict[str, Check]) -> list[str]:  # type: ignore[type-arg] # of any facts
    """Return the ids of the checks that an inspection under a grant may run."""
    coverage = Coverage(grant.scopes, grant.checks)
    return [name for name, check in checks.items() if not coverage.missing(name, check.scopes)]


def _signed(identity: Identity, grant: Grant) -> bytes:
    """Return the grant in an envelope. Raise Unusable for one that no workstation would read."""
    payload = msgspec.json.encode(grant)
    try:
        msgspec.json.decode(payload, type=Grant)
    except msgspec.ValidationError as error:
        raise Unusable(
            Text(
                f"授权内容超出允许范围：{error}。请缩短或拆分为多个授权。",
                f"The grant holds more than it can: {error}. Shorten it, or make several.",
            )
        ) from error
    signed = identity.sign(grant, GRANT)
    if len(signed) > envelope.LARGEST_BYTES:
        raise Unusable(
            Text(
                f"授权文件为 {len(signed)} 字节，超过 1 MiB：请把主机分到多个授权中。",
                f"The grant would have {len(signed)} bytes, more than 1 MiB: make several, each "
                "for a part of the hosts.",
            )
        )
    return signed


def _demand_sense(wanted: Wanted, now: datetime) -> None:
    """Raise Unusable for a grant that can't be meant."""
    if wanted.not_after < wanted.not_before:
        raise Unusable(
            Text("--to 早于 --from：请核对时间。", "--to is before --from: look at the dates.")
        )
    if wanted.not_after - wanted.not_before > LONGEST_WINDOW:
        raise Unusable(
            Text(
                f"授权期超过 {LONGEST_WINDOW.days} 天：请缩短后到期续签。",
                f"The grant would last longer than {LONGEST_WINDOW.days} days: make it shorter, "
                "and renew it.",
            )
        )
    if wanted.not_after < now:
        raise Unusable(
            Text("--to 已过：这样的授权不允许任何操作。", "--to is past: it would permit nothing.")
        )
    for option, value, longest in (
        ("--reason", wanted.reason, LONGEST_REASON),
        ("--signer", wanted.signer, LONGEST_LABEL),
    ):
        if not value.strip() or len(value.strip()) > longest or not value.strip().isprintable():
            raise Unusable(
                Text(
                    f"{option} 须为 1 至 {longest} 个可打印字符。",
                    f"{option} has to have 1 to {longest} printable characters.",
                )
            )
