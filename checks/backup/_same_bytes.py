"""BAK-010: the offsite copy holds the same bytes as the backup here."""

from collections.abc import Iterator

from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    Text,
    Verdict,
    critical,
    info,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.backup._copies import copies_of, newest_due
from checks.backup._protection import NoThresholds
from checks.backup._standing import Standing, covers, standings
from checks.backup._telling import moment
from checks.backup._term import judged_elsewhere, outside_term
from checks.backup_sets import (
    BackupFacts,
    CopyState,
    Level,
    OffsiteBy,
    Proof,
    RestorePoint,
    Result,
)
from checks.wording import count, listing
from wire.messages import Reason

_REFERENCE = Text("与本地逐字节相同", "the same bytes as here")
_NO_COPY = Text("没有配置异地副本。", "No offsite copy is configured.")
_BY_AGENT = Text(
    "由异地主机上的代理报告摘要，在备份日历中比对。",
    "The agent over there tells the digests; they are compared in the backup calendar.",
)
_DIFFER = Text(
    "{place} 上有 {count} 个副本与本地不同：{what}。",
    "{count} copies in {place} differ from what is here: {what}.",
)
_SAMPLED = Text(
    "{place} 上的 {points} 只抽查了 {share:.1%} 的内容，相同，但不能证明全部一致。",
    "Of {points} in {place} only {share:.1%} was compared: the same, which proves no more than "
    "that.",
)
_NOT_DUE = Text("最新的恢复点尚未到约定的同步时限。", "No restore point is due offsite yet.")
_LEFT = Text(
    "{place} 上的 {points} 没有比对内容。", "The content of {points} in {place} was not compared."
)
_OTHER_SIZE = Text("大小不同", "another size")
_EMPTY = Text("为空", "empty")
_WHOLE = Text("整个备份集", "the whole set")


def same_bytes(
    facts: BackupFacts, _thresholds: NoThresholds, past: Past[BackupFacts]
) -> Iterator[Verdict]:
    """Judge the proofs that the offsite copies are the same."""
    declaration = facts.declaration
    aside = judged_elsewhere(declaration) or outside_term(declaration, past.observed_at)
    leg = declaration.offsite
    if aside is not None:
        yield aside
    elif leg is None:
        yield not_applicable("", _NO_COPY)
    elif leg.by is OffsiteBy.AGENT:
        yield not_applicable("", _BY_AGENT)
    elif facts.offsite is None or facts.offsite.failure is not None:
        failure = facts.offsite.failure if facts.offsite is not None else facts.proving
        yield not_run("", failure or Failure(Reason.INTERRUPTED, leg.place))
    else:
        yield _judged(facts, facts.offsite.place, past)


def _judged(facts: BackupFacts, place: str, past: Past[BackupFacts]) -> Verdict:
    wrong = [*_failed(facts), *_other_sizes(facts, past)]
    if wrong:
        what = Text(
            listing([text.zh for text in wrong], 3), listing([text.en for text in wrong], 3)
        )
        message = _DIFFER.format(place=place, count=len(wrong), what=what)
        return critical("", Text("不一致", "not the same"), _REFERENCE, message)
    due = newest_due(facts, past.observed_at)
    proven = [point for point in facts.points if _passed(facts, point)]
    if not due and not proven:
        return info("", Text("尚未到期", "not due"), _REFERENCE, _NOT_DUE)
    lacking = [point for point in due if not _passed(facts, point)]
    if not lacking:
        return ok("", count(len(proven), "个副本一致", "copies are the same"), _REFERENCE)
    names = listing([point.id for point in lacking], 3)
    proofs = [proof for point in lacking for proof in _proofs(facts, point)]
    sampled = [proof for proof in proofs if proof.result is Result.SAMPLED]
    if len({proof.point for proof in sampled}) >= len(lacking):
        share = min(proof.coverage for proof in sampled)
        message = _SAMPLED.format(place=place, points=names, share=share)
        return warning("", Text("仅抽查", "sampled only"), _REFERENCE, message)
    return not_run("", _reason(facts, proofs), _LEFT.format(place=place, points=names))


def _proofs(facts: BackupFacts, point: RestorePoint) -> list[Proof]:
    return [
        proof for proof in facts.proofs if proof.level is Level.OFFSITE and covers(proof, point)
    ]


def _passed(facts: BackupFacts, point: RestorePoint) -> bool:
    mine = _proofs(facts, point)
    if any(proof.point and proof.result is Result.FAILED for proof in mine):
        return False
    return any(proof.result is Result.PASSED and proof.coverage >= 1 for proof in mine)


def _failed(facts: BackupFacts) -> list[Text]:
    return [
        Text("{id}（{at}，{detail}）", "{id} ({at}, {detail})").format(
            id=proof.point or _WHOLE,
            at=moment(proof.at, facts),
            detail=proof.detail or proof.method,
        )
        for proof in facts.proofs
        if proof.level is Level.OFFSITE and proof.result is Result.FAILED
    ]


def _other_sizes(facts: BackupFacts, past: Past[BackupFacts]) -> list[Text]:
    """Return the copies that can't have the same bytes, as they have more or fewer."""
    known = standings(facts, past.observed_at)
    told = {proof.point for proof in facts.proofs if proof.level is Level.OFFSITE}
    what = {CopyState.SIZE_DIFFERS: _OTHER_SIZE, CopyState.EMPTY: _EMPTY}
    return [
        Text("{id}（{what}）", "{id} ({what})").format(id=name, what=what[copy.state])
        for name, copy in copies_of(facts).items()
        if copy.state in what
        and known.get(name) not in (None, Standing.UNFINISHED)
        and name not in told
    ]


def _reason(facts: BackupFacts, proofs: list[Proof]) -> Failure:
    for proof in proofs:
        if proof.failure is not None:
            return proof.failure
    if facts.proving is not None:
        return facts.proving
    if facts.work is not None and facts.work.left:
        return Failure(Reason.INTERRUPTED, "budget", f"{facts.work.left} proofs had to wait")
    return Failure(Reason.UNSUPPORTED, "proof", "nothing was compared")


RULE = Rule(
    code="BAK-010",
    title=Text("异地副本一致性", "Offsite copy is the same"),
    why=Text(
        "异地副本大小相同而内容损坏、或仍是旧版本的情况，只有逐字节比对才能发现；"
        "等到需要它时才发现就晚了。",
        "A copy of the same size may be damaged or an old version; only comparing its bytes shows "
        "it, and the day it is needed is too late.",
    ),
    remedy=Text(
        "删除不一致的副本并重新传输，传输工具改用校验和比较（rsync -c、rclone --checksum）；"
        "检查两端磁盘；未能比对的，按给出的原因处理账户、网络或预算。",
        "Remove the copy that differs and send it again, with a transfer that compares checksums "
        "(rsync -c, rclone --checksum); check the disks of both sides; where nothing was compared "
        "see to the reason: account, network or budget.",
    ),
    priority=1,
    thresholds=NoThresholds,
    evaluate=same_bytes,
    owner=Owner.SERVICE_ENGINEER,
)
