"""BAK-009: what the proofs say of the bytes that are stored."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    not_run,
    ok,
    warning,
)
from checks.backup._standing import Standing, covers, read_proofs, standings
from checks.backup._telling import moment
from checks.backup._term import outside_term
from checks.backup_sets import BackupFacts, Level, Proof, RestorePoint, Result
from checks.wording import count, listing
from wire.messages import Reason


class IntegrityThresholds(Thresholds, frozen=True):
    """Proofs are made in rotation; the set says how often (verify_every_days)."""

    grace_percent: Annotated[float, limit("%", "OWN: of verify_every_days")] = 25


_REFERENCE = Text("{days} 天内全部校验通过", "all proven within {days} days")
_FAILED = Text("{count} 个不通过", "{count} failed")
_DAMAGED = Text(
    "{count} 项完整性校验不通过：{what}。", "{count} proofs of integrity failed: {what}."
)
_ONE = Text("{id}（{at}，{method}：{detail}）", "{id} ({at}, {method}: {detail})")
_WHOLE = Text("整个备份集", "the whole set")
_SAMPLED = Text(
    "{count} 个恢复点只抽查了部分内容（最少 {share:.0%}）：{what}。抽查不能证明完整。",
    "Of {count} restore points only a part was read (at least {share:.0%}): {what}. A sample is "
    "no proof.",
)
_LEFT = Text(
    "{count} 个恢复点在 {days} 天内没有通过校验（共 {all} 个）：{what}。",
    "{count} of {all} restore points were not proven within {days} days: {what}.",
)


def integrity(
    facts: BackupFacts, thresholds: IntegrityThresholds, past: Past[BackupFacts]
) -> Iterator[Verdict]:
    """Judge the proofs of structure and digest: damage first, then what is not proven."""
    outside = outside_term(facts.declaration, past.observed_at)
    if outside is not None:
        yield outside
        return
    days = facts.declaration.verify_every_days
    reference = _REFERENCE.format(days=days)
    failed = [proof for proof in read_proofs(facts) if proof.result is Result.FAILED]
    if failed:
        yield critical(
            "",
            _FAILED.format(count=len(failed)),
            reference,
            _DAMAGED.format(count=len(failed), what=_listed(failed, facts)),
        )
        return
    known = standings(facts, past.observed_at)
    stored = [point for point in facts.points if known[point.id] is not Standing.UNFINISHED]
    if not stored:
        failure = facts.proving or Failure(Reason.NO_HISTORY, "restore points")
        yield not_run("", failure)
        return
    since = past.observed_at - timedelta(days=days * (1 + thresholds.grace_percent / 100))
    lacking = [point for point in stored if not _proven(facts, point, since)]
    if not lacking:
        yield ok("", count(len(stored), "个恢复点", "restore points"), reference)
        return
    sampled = [proof for proof in _sampled(facts, lacking) if proof.at >= since]
    if sampled and len(sampled) >= len(lacking):
        yield warning(
            "",
            Text("仅抽查", "sampled only"),
            reference,
            _SAMPLED.format(
                count=len(lacking),
                share=min(proof.coverage for proof in sampled),
                what=listing([point.id for point in lacking], 3),
            ),
        )
        return
    message = _LEFT.format(
        count=len(lacking),
        all=len(stored),
        days=days,
        what=listing([point.id for point in lacking], 3),
    )
    yield not_run("", _reason(facts, lacking), message)


def _proven(facts: BackupFacts, point: RestorePoint, since: datetime) -> bool:
    """Return whether it passed a proof since then; where its structure was tried, that one."""
    mine = [proof for proof in read_proofs(facts) if covers(proof, point)]
    structure = [proof for proof in mine if proof.point and proof.level is Level.STRUCTURE]
    return any(
        proof.result is Result.PASSED and proof.coverage >= 1 and proof.at >= since
        for proof in structure or mine
    )


def _sampled(facts: BackupFacts, lacking: list[RestorePoint]) -> list[Proof]:
    """Return for each of the restore points the sample that was read of it, if one was."""
    found = []
    for point in lacking:
        samples = [
            proof
            for proof in read_proofs(facts)
            if covers(proof, point)
            and (proof.result is Result.SAMPLED or (proof.coverage < 1 and not proof.failure))
        ]
        found += samples[:1]
    return found


def _reason(facts: BackupFacts, lacking: list[RestorePoint]) -> Failure:
    """Return why they were not proven: the first obstacle, or that they had to wait."""
    if facts.proving is not None:
        return facts.proving
    for point in lacking:
        for proof in read_proofs(facts):
            if proof.failure is not None and proof.point in ("", point.id):
                return proof.failure
    if facts.work is not None and facts.work.left:
        return Failure(Reason.INTERRUPTED, "budget", f"{facts.work.left} proofs had to wait")
    return Failure(Reason.UNSUPPORTED, "proof", "nothing was proven of them")


def _listed(failed: list[Proof], facts: BackupFacts) -> Text:
    told = [
        _ONE.format(
            id=proof.point or _WHOLE,
            at=moment(proof.at, facts),
            method=proof.method,
            detail=proof.detail or "-",
        )
        for proof in failed
    ]
    return Text(listing([text.zh for text in told], 3), listing([text.en for text in told], 3))


RULE = Rule(
    code="BAK-009",
    title=Text("备份完整性", "Integrity of the backups"),
    why=Text(
        "存储介质损坏、传输中断或人为改动都会悄悄破坏备份，大小和日期却看不出来；"
        "只有把内容完整读过一遍才能发现。",
        "Failing media, broken transfers and tampering damage backups without a trace in size or "
        "date; only reading all of it finds out.",
    ),
    remedy=Text(
        "不通过的恢复点视为不可用：检查磁盘和文件系统，立即重做备份，用异地副本替换损坏的文件；"
        "未校验的，按给出的原因处理后执行 xunjian-agent backup verify 备份集名称 --full。",
        "Don't count on what failed: check disk and file system, make a new backup, replace the "
        "file from the offsite copy; for what was not proven see to the reason, then run "
        "xunjian-agent backup verify NAME --full.",
    ),
    priority=1,
    thresholds=IntegrityThresholds,
    evaluate=integrity,
    owner=Owner.SERVICE_ENGINEER,
)
