"""Lay a session out for a person and for a program."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from checks import wording
from checks.api import Text
from collector.intake.models import StoredBatch
from collector.options import local, said
from collector.reports.words import Language
from collector.sessions.listing import SessionRow
from collector.sessions.models import RemoteSession, WorkRecord
from collector.sessions.outcome import Outcome
from collector.sessions.points import Point
from collector.sessions.stored import keys_of, opening_of
from collector.sessions.words import DENIALS, ENDS, OUTCOMES, PURPOSES
from wire import envelope
from wire.errors import WireError
from wire.sessions import PROOF, Proof

MARKS = {Outcome.GOOD: "✓", Outcome.INCOMPLETE: "✗", Outcome.WRONG: "✗"}
LATE_SECONDS = 3600
_OPEN = Text("未收到结束声明", "no end has come")
_REFUSED = Text("未获准许：{why}", "not permitted: {why}")


def ended(row: SessionRow) -> Text:
    """Return how a session ended, or why it was not to be."""
    if row.denial is not None:
        why = DENIALS[row.denial]
        return Text(_REFUSED.zh.format(why=why.zh), _REFUSED.en.format(why=why.en))
    if row.ended is None:
        return _OPEN
    return ENDS.get(row.ended, Text.same(row.ended))


def cells(row: SessionRow, lang: Language) -> Sequence[str]:
    """Return a session as a line of a table."""
    return (
        row.id[:12],
        f"{row.site} / {row.host}",
        row.person,
        said(PURPOSES[row.purpose], lang),
        local(row.opened_at, row.time_zone),
        local(row.ended_at, row.time_zone),
        said(ended(row), lang),
        said(OUTCOMES[row.outcome], lang),
        said(Text("有", "yes") if row.work else Text("无", "no"), lang),
    )


def plain(row: SessionRow) -> dict[str, object]:
    """Return a session as JSON."""
    return {
        "id": row.id,
        "customer": row.customer,
        "site": row.site,
        "host": row.host,
        "person": row.person,
        "purpose": row.purpose.value,
        "grant": row.grant,
        "opened_at": row.opened_at.isoformat(),
        "received_at": row.received_at.isoformat(),
        "ended_at": row.ended_at.isoformat() if row.ended_at else None,
        "ended": row.ended,
        "denial": row.denial.value if row.denial else None,
        "accepted_by": row.accepted_by,
        "record": row.outcome.value,
        "lines": row.found.story.lines,
        "work_record": work_plain(row.work) if row.work else None,
    }


def whole(session: Session, stored: RemoteSession, row: SessionRow) -> dict[str, object]:
    """Return all of a session as JSON: what was signed, what was done, what came of it."""
    story = row.found.story
    return {
        **plain(row),
        "opening": _opening(stored),
        "proof": _proof(stored),
        "connected": msgspec.to_builtins(story.connected),
        "seconds": story.seconds,
        "sent_bytes": story.sent_bytes,
        "received_bytes": story.received_bytes,
        "commands": [
            {
                "at_seconds": each.at,
                "command": each.command,
                "ended": msgspec.to_builtins(each.ended),
            }
            for each in story.commands
        ],
        "files": msgspec.to_builtins(story.files),
        "fetched": msgspec.to_builtins(story.batches),
        "secrets": story.secrets,
        "notes": [each.text for each in story.notes],
        "left_out": story.left_out,
        "batches": [
            {"digest": digest, "received_at": at.isoformat()}
            for digest, at in batches(session, stored)
        ],
        "points": [point_plain(point) for point in row.found.points],
    }


def fields(session: Session, stored: RemoteSession, row: SessionRow) -> dict[Text, str]:
    """Return all of a session as named values, in the words of a person; both languages' titles."""
    story = row.found.story
    received = batches(session, stored)
    shown: dict[Text, str] = {
        Text("会话", "session"): row.id,
        Text("客户 / 站点 / 主机", "customer / site / host"): (
            f"{row.customer} / {row.site} / {row.host}"
        ),
        Text("工程师", "engineer"): row.person,
        Text("授权", "grant"): row.grant,
        Text("开启", "opened"): local(row.opened_at, row.time_zone),
        Text("结束", "ended"): local(row.ended_at, row.time_zone),
        Text("收到", "received"): local(row.received_at, row.time_zone),
    }
    opening = _opening(stored)
    if opening is not None:
        shown[Text("地址", "address")] = _one_line(str(opening["address"]))
        shown[Text("范围", "scopes")] = ", ".join(opening["scopes"])
    for each in story.connected:
        over = " ← ".join((f"{each.user}@{each.address}", *each.jumps))
        shown[Text("登录", "signed in")] = _one_line(f"{over} ({each.means})")
        shown[Text("主机密钥", "host key")] = _one_line(f"{each.host_key} ({each.pinned_by})")
    proof = _proof(stored)
    if proof is not None:
        shown[Text("备份证明", "backup proof")] = _one_line(
            f"{proof['subject']} ({proof['proved_at']})"
        )
    shown[Text("批次", "batches")] = str(len(received))
    return shown


def transcript(row: SessionRow, lang: Language) -> Iterable[str]:
    """Give what was done, a line each, in its order by kind."""
    story = row.found.story
    for each in story.commands:
        ended_as = each.ended
        shown = (
            ""
            if ended_as is None
            else f"  → {_code(ended_as.exit_code)}, "
            + said(wording.size(ended_as.output_bytes), lang)
        )
        yield f"  {each.at:8.1f} s  $ {_one_line(each.command)}{shown}"
    for file in story.files:
        way = "→" if file.direction == "to" else "←"
        size = said(wording.size(file.bytes), lang)
        yield f"  {way} {_one_line(file.name)}  {size}  SHA-256 {file.digest}"
    for batch in story.batches:
        size = said(wording.size(batch.bytes), lang)
        yield f"  ← {said(Text('批次', 'batch'), lang)} {batch.seq}  {size}  SHA-256 {batch.digest}"
    for note in story.notes:
        yield f"  # {_one_line(note.text)}"
    for label in story.secrets:
        yield f"  # {said(Text('使用了口令', 'a password was used'), lang)}: {_one_line(label)}"
    if story.left_out:
        yield said(Text(f"  另有 {story.left_out} 项", f"  {story.left_out} more"), lang)


def batches(session: Session, stored: RemoteSession) -> list[tuple[str, datetime]]:
    """Return the batches that keys of a session have signed."""
    try:
        keys = [key.id for key in keys_of(session, stored)]
    except WireError:
        return []
    found = session.execute(
        select(StoredBatch.digest, StoredBatch.received_at)
        .where(StoredBatch.customer_id == stored.customer_id, StoredBatch.key_id.in_(keys))
        .order_by(StoredBatch.received_at, StoredBatch.digest)
    )
    return [(digest, at) for digest, at in found]


def point_line(point: Point, lang: Language) -> str:
    """Return one thing that was looked at as a line."""
    detail = said(point.detail, lang)
    incomplete = Text("不完整", "incomplete") if point.outcome is Outcome.INCOMPLETE else None
    told = [said(incomplete, lang)] if incomplete else []
    told += [detail] if detail else []
    colon = ": " if lang is Language.ENGLISH else "："
    comma = ", " if lang is Language.ENGLISH else "，"
    rest = f"{colon}{comma.join(told)}" if told else ""
    return f"{MARKS[point.outcome]} {said(point.what, lang)}{rest}"


def point_plain(point: Point) -> dict[str, str]:
    """Return one thing that was looked at as JSON."""
    return {
        "what": point.what.en,
        "outcome": point.outcome.value,
        "detail": point.detail.en,
    }


def work_plain(work: WorkRecord) -> dict[str, object]:
    """Return a work record as JSON."""
    return {
        "written_at": work.written_at.isoformat(),
        "written_by": work.written_by,
        "problem": work.problem,
        "done": work.done,
        "result": work.result,
        "cause": work.cause,
        "prevention": work.prevention,
        "confirmed_by": work.confirmed_by,
        "confirmed_at": work.confirmed_at.isoformat() if work.confirmed_at else None,
    }


def work_fields(work: WorkRecord, zone: str) -> dict[Text, str]:
    """Return a work record as named values."""
    return {
        Text("问题", "problem"): work.problem,
        Text("处理", "done"): work.done,
        Text("结果", "result"): work.result,
        Text("原因", "cause"): work.cause or "-",
        Text("预防", "prevention"): work.prevention or "-",
        Text("客户确认", "confirmed by"): work.confirmed_by or "-",
        Text("填写", "written"): f"{work.written_by}, {local(work.written_at, zone)}",
    }


def _opening(stored: RemoteSession) -> dict[str, list[str] | str] | None:
    try:
        opening = opening_of(stored)
    except WireError:
        return None
    return {
        "address": opening.address,
        "scopes": [scope.value for scope in opening.scopes],
        "agent": opening.agent,
        "key_id": opening.key_id,
    }


def _proof(stored: RemoteSession) -> dict[str, str] | None:
    if stored.proof is None:
        return None
    try:
        proof = envelope.opened(envelope.read(stored.proof), PROOF, Proof)
    except WireError:
        return None
    return {
        "kind": proof.kind,
        "subject": proof.subject,
        "proved_at": proof.proved_at.isoformat(),
        "evidence": proof.evidence,
    }


def _one_line(text: str) -> str:
    """Return a text that a host or an engineer made as one line that steers no terminal."""
    shown = " ".join(text.split())
    return "".join(letter if letter.isprintable() else "�" for letter in shown)[:500]


def _code(code: int | None) -> str:
    return "?" if code is None else str(code)
