"""How grants are shown: in words for people, plain for programs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from checks.api import Text
from collector.customers.models import Host
from collector.grants import typed
from collector.grants.granting import Made
from collector.grants.host_keys import changed_key, keys_of
from collector.grants.service import KeptGrant
from collector.options import local, said
from collector.reports.words import Language
from wire.grants import Grant, GrantedHost

COLUMNS = (
    Text("编号", "id"),
    Text("主机", "hosts"),
    Text("工程师", "engineers"),
    Text("范围", "scopes"),
    Text("有效期", "from – to"),
    Text("状态", "state"),
    Text("事由", "reason"),
)
STATES = {
    "revoked": Text("已撤销", "revoked"),
    "expired": Text("已过期", "expired"),
    "waiting": Text("未生效", "not yet"),
    "open": Text("有效", "in force"),
}
VOID = "void"
"""State of what bears no signature of ours, for programs."""


def warnings_of(session: Session, made: Made) -> list[Text]:
    """Return what the engineer will be asked for, and what contradicts itself."""
    found = []
    for each in (*made.grant.hosts, *made.grant.jump_hosts):
        if not each.host_keys:
            found.append(
                Text(
                    f"主机“{each.name}”没有固定的 SSH 公钥：工程师须输入客户提供的指纹；"
                    "或先用 host-key add 登记后重新授权。",
                    f"The host {each.name!r} has no pinned SSH key: the engineer has to type the "
                    "fingerprint that the customer tells; or add it with host-key add and grant "
                    "again.",
                )
            )
        pins = made.changed.get(each.name)
        if pins is not None:
            host = session.get_one(Host, (made.grant.customer_id, each.host_id))
            known = keys_of(session, host)
            found += [changed_key(host, key, known) for key in pins.changed]
    return found


def zone_of_grant(session: Session, grant: Grant) -> str:
    """Return the time zone of the site of its first host."""
    host = session.get_one(Host, (grant.customer_id, grant.hosts[0].host_id))
    return typed.zone_of(session, host)


def _host(host: GrantedHost, lang: Language) -> str:
    addresses = f"={','.join(host.addresses)}" if host.addresses else ""
    keys = Text(f"固定公钥 {len(host.host_keys)} 把", f"{len(host.host_keys)} pinned keys")
    return f"{host.site} / {host.name}{addresses} ({said(keys, lang)})"


def fields_of(grant: Grant, zone: str, lang: Language) -> dict[Text, str]:
    """Return what a grant permits, in words."""
    every = Text("范围内的全部检查", "every check that the scopes cover")
    fields = {
        Text("授权", "grant"): grant.id,
        Text("客户", "customer"): grant.customer,
        Text("主机", "hosts"): "; ".join(_host(host, lang) for host in grant.hosts),
        Text("跳板机", "jump hosts"): "; ".join(_host(host, lang) for host in grant.jump_hosts),
        Text("工程师", "engineers"): ", ".join(each.name for each in grant.persons),
        Text("范围", "scopes"): ", ".join(
            f"{scope.value} ({said(typed.SCOPES[scope], lang)})" for scope in grant.scopes
        ),
        Text("检查", "checks"): ", ".join(grant.checks) or said(every, lang),
        Text("有效期", "from – to"): _window(grant, zone),
        Text("事由", "reason"): grant.reason,
        Text("签字人", "signed by"): grant.signer,
        Text("签字文件 SHA-256", "SHA-256 of the paper"): grant.document_digest or "",
        Text("弱加密算法", "weak cryptography"): said(Text("允许", "accepted"), lang)
        if grant.weak_algorithms
        else "",
        Text("录入", "entered"): f"{grant.granted_by}, {local(grant.granted_at, zone)}",
    }
    return {title: value for title, value in fields.items() if value}


def _window(grant: Grant, zone: str) -> str:
    return f"{local(grant.not_before, zone)} – {local(grant.not_after, zone)} ({zone})"


def _state(kept: KeptGrant, now: datetime) -> str:
    if kept.row.revoked_at is not None:
        return "revoked"
    if now > kept.grant.not_after:
        return "expired"
    return "waiting" if now < kept.grant.not_before else "open"


def plain_of(grant: Grant) -> dict[str, Any]:
    """Return a grant for a program."""
    plain: dict[str, Any] = msgspec.to_builtins(grant)
    return plain


def plain_of_kept(kept: KeptGrant, now: datetime) -> dict[str, Any]:
    """Return a grant that is kept for a program, with what became of it."""
    row = kept.row
    return plain_of(kept.grant) | {
        "state": _state(kept, now),
        "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
        "revoked_by": row.revoked_by,
        "revoked_why": row.revoked_why,
    }


def cells_of(session: Session, kept: KeptGrant, now: datetime, lang: Language) -> Sequence[str]:
    """Return the row of a grant in a list (COLUMNS)."""
    grant = kept.grant
    why = f" ({kept.row.revoked_why})" if kept.row.revoked_why else ""
    return (
        grant.id[:12],
        ", ".join(host.name for host in grant.hosts),
        ", ".join(each.name for each in grant.persons),
        ", ".join(scope.value for scope in grant.scopes),
        _window(grant, zone_of_grant(session, grant)),
        said(STATES[_state(kept, now)], lang) + why,
        grant.reason,
    )
