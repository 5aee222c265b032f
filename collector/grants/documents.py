"""Documents by which a person proves that a backup of a host is good."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path, PurePath
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from collector.customers.models import Host
from collector.enrolment.record import Person, audit
from collector.errors import Unusable
from collector.grants.files import read_file
from collector.grants.models import ChangeProof
from collector.grants.proved import LONGEST_SUBJECT, UPLOADED, YOUNG, Proved

LARGEST_DOCUMENT_BYTES = 20 * 2**20


def add_document(
    session: Session,
    host: Host,
    *,
    name: str,
    document: bytes,
    proved_at: datetime,
    note: str,
    person: Person,
    now: datetime,
) -> ChangeProof:
    """Keep a document that proves a backup good. Raise Unusable for one that can't count."""
    note = note.strip()
    if not note:
        raise Unusable(Text("请用 --note 说明文档内容。", "Say with --note what it proves."))
    if not 0 < len(document) <= LARGEST_DOCUMENT_BYTES:
        raise Unusable(
            Text(
                f"文档 {name} 须为 1 字节至 20 MiB，实际 {len(document)} 字节。",
                f"The document {name} has to have 1 byte to 20 MiB, it has {len(document)} bytes.",
            )
        )
    if proved_at > now:
        raise Unusable(
            Text(
                "--at 晚于当前时间：应为备份被验证为可用的时间。",
                "--at is in the future: give the time at which the backup was proved good.",
            )
        )
    if now - proved_at > YOUNG:
        raise Unusable(
            Text(
                "--at 距今超过 24 小时，不能作为变更前的备份证明：请先重新验证备份。",
                "--at is more than 24 hours ago, so it proves nothing for a change: have the "
                "backup verified again.",
            )
        )
    row = ChangeProof(
        customer_id=host.customer_id,
        id=uuid4().hex,
        host_id=host.id,
        proved_at=proved_at,
        subject=note[:LONGEST_SUBJECT],
        document_name=PurePath(name).name[:255],
        document=document,
        digest=hashlib.sha256(document).hexdigest(),
        added_at=now,
        added_by=person,
    )
    session.add(row)
    after = {"document": row.document_name, "sha256": row.digest, "note": row.subject}
    audit(
        session,
        host.customer_id,
        person,
        "proof.added",
        f"host {host.name}",
        after=after | {"proved_at": proved_at.isoformat()},
        now=now,
    )
    session.flush()
    return row


def digest_of_paper(path: Path) -> str:
    """Return the SHA-256 of what the customer signed. Raise Unusable where it is not there."""
    content = read_file(path, LARGEST_DOCUMENT_BYTES)
    if not content:
        raise Unusable(
            Text(
                f"签字文件 {path} 是空的：请给出扫描件。",
                f"The signed paper {path} is empty: give its scan.",
            )
        )
    return hashlib.sha256(content).hexdigest()


def documents_of(
    session: Session, customer_id: str, host_id: str, now: datetime
) -> Sequence[Proved]:
    """Return the documents that prove something now, the newest first."""
    rows = session.scalars(
        select(ChangeProof)
        .where(
            ChangeProof.customer_id == customer_id,
            ChangeProof.host_id == host_id,
            ChangeProof.proved_at >= now - YOUNG,
            ChangeProof.proved_at <= now,
        )
        .order_by(ChangeProof.proved_at.desc())
        .limit(10)
    )
    return [
        Proved(
            row.proved_at,
            UPLOADED,
            f"{row.subject}（{row.document_name}，{row.added_by}）",
            row.digest,
        )
        for row in rows
    ]
