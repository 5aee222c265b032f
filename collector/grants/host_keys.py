"""Public SSH keys of hosts, as somebody vouched for them: a person, or the host's own agent.

Nothing is trusted on first use. A host that shows another key than before is a question for a
person: the old key has to be removed first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from collector.customers.models import Customer, Host
from collector.enrolment.record import Person, audit
from collector.errors import NotFound, Unusable
from collector.grants.inventory import told_keys
from collector.grants.models import SshHostKey
from wire.host_keys import HostKey, read_keys

INVENTORY, TYPED, KNOWN_HOSTS = "inventory", "typed", "known_hosts"
"""Where a key is from."""
MOST_PINS = 20
"""Of a host in a grant (wire.grants.GrantedHost)."""


class Kept(Enum):
    """What became of a key that was to be kept."""

    ADDED = "added"
    PRESENT = "present"
    CHANGED = "changed"
    """Not kept: the host has another one of its type."""
    REMOVED = "removed"
    """Not kept: a person had removed it, and no person brings it back."""


@dataclass(frozen=True)
class Pins:
    """The keys of a host that go into a grant."""

    lines: tuple[str, ...]
    changed: tuple[HostKey, ...]
    """What its agent tells that contradicts them."""


def keys_of(session: Session, host: Host) -> list[SshHostKey]:
    """Return the keys of a host that count, the newest first."""
    return list(
        session.scalars(
            select(SshHostKey)
            .where(
                SshHostKey.customer_id == host.customer_id,
                SshHostKey.host_id == host.id,
                SshHostKey.removed_at.is_(None),
            )
            .order_by(SshHostKey.added_at.desc(), SshHostKey.fingerprint)
        )
    )


def pins_of(session: Session, host: Host, person: Person, now: datetime) -> Pins:
    """Return the keys of a host for a grant, those taken in first that its own agent tells."""
    changed = [
        key
        for key in told_keys(session, host)
        if keep(session, host, key, source=INVENTORY, person=person, now=now) is Kept.CHANGED
    ]
    lines = [row.line for row in keys_of(session, host)]
    return Pins(tuple(lines[:MOST_PINS]), tuple(changed))


def keep(
    session: Session, host: Host, key: HostKey, *, source: str, person: Person, now: datetime
) -> Kept:
    """Keep a key of a host, unless it has another one of this type. One that a person removed
    comes back by a person's word only."""
    known = session.scalars(
        select(SshHostKey).where(
            SshHostKey.customer_id == host.customer_id, SshHostKey.host_id == host.id
        )
    ).all()
    same = next((row for row in known if row.fingerprint == key.fingerprint), None)
    if same is not None and same.removed_at is None:
        return Kept.PRESENT
    if any(row.removed_at is None and type_of(row) == key.type for row in known):
        return Kept.CHANGED
    if same is not None and source == INVENTORY:
        return Kept.REMOVED
    if same is None:
        same = SshHostKey(
            customer_id=host.customer_id,
            id=uuid4().hex,
            host_id=host.id,
            line=key.line,
            fingerprint=key.fingerprint,
        )
        session.add(same)
    same.source, same.added_at, same.added_by = source, now, person
    same.removed_at = same.removed_by = None
    audit(
        session,
        host.customer_id,
        person,
        "host-key.added",
        f"host {host.name}, {key}",
        after={"source": source},
        now=now,
    )
    session.flush()
    return Kept.ADDED


def type_of(row: SshHostKey) -> str:
    """Return the type of a key that is kept."""
    return row.line.partition(" ")[0]


def read_typed(text: str) -> tuple[HostKey, ...]:
    """Return the keys of a line, or of a .pub file's text. Raise Unusable where there is none."""
    keys = read_keys(text)
    if not keys:
        raise Unusable(
            Text(
                "这里没有 SSH 主机公钥：应为“类型 base64”，即服务器上 "
                "/etc/ssh/ssh_host_ed25519_key.pub 的内容。",
                "There is no public SSH host key in this: it is written `type base64`, as in the "
                "server's /etc/ssh/ssh_host_ed25519_key.pub.",
            )
        )
    return keys


def changed_key(host: Host, key: HostKey, known: Sequence[SshHostKey]) -> Text:
    """Return the sentence about a key that contradicts the one that is known."""
    old = next((row.fingerprint for row in known if type_of(row) == key.type), "?")
    return Text(
        f"主机“{host.name}”已有另一把 {key.type} 公钥（{old}），新公钥为 {key.fingerprint}："
        "请与客户核实原因，确认后先用 host-key remove 删除旧公钥。",
        f"The host {host.name!r} has another {key.type} key ({old}); the new one is "
        f"{key.fingerprint}. Ask the customer why; if it is right, remove the old one first with "
        "host-key remove.",
    )


def find_key(session: Session, owner: Customer, wanted: str) -> tuple[SshHostKey, Host]:
    """Return the key of a customer's host that has this fingerprint, or an id that begins so.
    Raise NotFound."""
    rows = session.execute(
        select(SshHostKey, Host)
        .join(Host, (Host.customer_id == SshHostKey.customer_id) & (Host.id == SshHostKey.host_id))
        .where(SshHostKey.customer_id == owner.id, SshHostKey.removed_at.is_(None))
    ).all()
    found = [
        (key, host)
        for key, host in rows
        if wanted == key.fingerprint or (wanted and key.id.startswith(wanted))
    ]
    if len(found) == 1:
        return found[0]
    why = Text("没有", "no host key") if not found else Text("不止一个", "more than one host key")
    raise NotFound(
        Text(
            f"客户“{owner.name}”{why.zh}编号或指纹为 {wanted!r} 的主机公钥："
            "请用 host-key list 查看。",
            f"{owner.name!r} has {why.en} with the id or fingerprint {wanted!r}: see host-key "
            "list.",
        )
    )


def remove(session: Session, key: SshHostKey, host: Host, person: Person, now: datetime) -> None:
    """Remove a key: later grants don't name it. Grants that were made keep what they name."""
    key.removed_at = now
    key.removed_by = person
    audit(
        session,
        key.customer_id,
        person,
        "host-key.removed",
        f"host {host.name}, {type_of(key)} {key.fingerprint}",
        before={"source": key.source},
        now=now,
    )
