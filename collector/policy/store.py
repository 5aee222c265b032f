"""Keep the decisions of the policy: read them, take one in, remove one."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Rule, Text
from collector.customers.models import Customer, Host, Site
from collector.enrolment.record import Person, audit
from collector.errors import NotFound, Unusable
from collector.policy.layers import DEFAULT, Override, Policy, policy_of
from collector.policy.models import PolicyEntry

LONGEST_REASON = 1000


def overrides_of(session: Session, customer_id: str) -> tuple[Override, ...]:
    """Return every decision of a customer, the oldest first."""
    rows = session.scalars(
        select(PolicyEntry)
        .where(PolicyEntry.customer_id == customer_id)
        .order_by(PolicyEntry.set_at, PolicyEntry.id)
    )
    return tuple(
        Override(
            id=row.id,
            code=row.code,
            site=row.site,
            host=row.host,
            object=row.object,
            thresholds=row.thresholds,
            waived=row.waived,
            why=row.why,
            person=row.person,
            set_at=row.set_at,
            expires=row.expires,
        )
        for row in rows
    )


def policy_for(session: Session, customer_id: str, host_id: str, at: datetime) -> Policy:
    """Return what the customer decided for a host, on the day of its site."""
    overrides = overrides_of(session, customer_id)
    if not overrides:
        return DEFAULT
    host, site, zone = session.execute(
        select(Host.name, Site.name, Site.time_zone)
        .join(Site, (Site.customer_id == Host.customer_id) & (Site.id == Host.site_id))
        .where(Host.customer_id == customer_id, Host.id == host_id)
    ).one()
    return policy_of(overrides, site, host, at.astimezone(ZoneInfo(zone)).date())


def decide(
    session: Session,
    owner: Customer,
    rule: Rule[Any, Any],
    *,
    site: str = "",
    host: str = "",
    object: str = "",
    thresholds: Mapping[str, str] | None = None,
    waived: bool = False,
    why: str,
    person: Person,
    expires: date | None = None,
    now: datetime,
) -> PolicyEntry:
    """Take in a decision; one about the same rule and place is replaced.

    Raise Unusable for a threshold that the rule hasn't, a value that is none, or no reason;
    NotFound for a site or host that the customer hasn't.
    """
    reason = why.strip()[:LONGEST_REASON]
    if not reason:
        raise Unusable(Text("请用 --why 写明原因。", "Say why with --why."))
    _demand_place(session, owner, site, host)
    values = _values(rule, thresholds or {})
    entry = session.scalar(
        select(PolicyEntry).filter_by(
            customer_id=owner.id, code=rule.code, site=site, host=host, object=object, waived=waived
        )
    )
    before = None
    if entry is None:
        entry = PolicyEntry(customer_id=owner.id, id=uuid4().hex[:8], code=rule.code)
        session.add(entry)
    else:
        before = {"thresholds": entry.thresholds, "why": entry.why}
        values = {**entry.thresholds, **values}
    entry.site, entry.host, entry.object = site, host, object
    entry.thresholds, entry.waived = values, waived
    entry.why, entry.person, entry.set_at, entry.expires = reason, person, now, expires
    after = {"thresholds": values, "waived": waived, "why": reason}
    audit(
        session,
        owner.id,
        person,
        "policy.set",
        _subject(entry),
        before=before,
        after=after,
        now=now,
    )
    return entry


def remove(
    session: Session, owner: Customer, entry_id: str, person: Person, now: datetime
) -> PolicyEntry:
    """Remove a decision and return it. Raise NotFound."""
    entry = session.get(PolicyEntry, (owner.id, entry_id))
    if entry is None:
        raise NotFound(
            Text(
                f"客户“{owner.name}”没有编号为 {entry_id} 的策略：请用 policy list 查看。",
                f"{owner.name!r} has no policy entry {entry_id}: see policy list.",
            )
        )
    before = {"thresholds": entry.thresholds, "waived": entry.waived, "why": entry.why}
    audit(session, owner.id, person, "policy.removed", _subject(entry), before=before, now=now)
    session.delete(entry)
    return entry


def _subject(entry: PolicyEntry) -> str:
    return " / ".join(part for part in (entry.code, entry.site, entry.host, entry.object) if part)[
        :200
    ]


def _values(rule: Rule[Any, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of thresholds in their types. Raise Unusable."""
    names: Sequence[str] = rule.thresholds.__struct_fields__
    for name in given:
        if name not in names:
            known = ", ".join(names) or "-"
            raise Unusable(
                Text(
                    f"{rule.code} 没有阈值 {name}；可设置：{known}。",
                    f"{rule.code} has no threshold {name}; there are: {known}.",
                )
            )
    try:
        chosen = msgspec.convert(dict(given), rule.thresholds, strict=False)
    except msgspec.ValidationError as error:
        raise Unusable(
            Text(
                f"{rule.code} 的阈值无效：{error}。",
                f"A threshold of {rule.code} is no valid value: {error}.",
            )
        ) from error
    return {name: msgspec.to_builtins(getattr(chosen, name)) for name in given}


def _demand_place(session: Session, owner: Customer, site: str, host: str) -> None:
    for model, name, zh, en in ((Site, site, "站点", "site"), (Host, host, "主机", "host")):
        if not name:
            continue
        known = session.scalars(
            select(model.name).where(model.customer_id == owner.id).order_by(model.name)
        ).all()
        if name not in known:
            names = ", ".join(known)
            raise NotFound(
                Text(
                    f"客户“{owner.name}”没有{zh}“{name}”；现有：{names or '无'}。",
                    f"{owner.name!r} has no {en} {name!r}; there are: {names or 'none'}.",
                )
            )
