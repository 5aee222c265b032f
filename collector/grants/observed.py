"""What the looks at a host's backup sets prove: a restore point of the last day that was read to
its end and found intact, in the words of an agent that is trusted.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from checks.backup_sets import BackupFacts, Level, PointState, Proof, Result, Role
from collector.assessment.models import NewestObservation
from collector.backups import sentences
from collector.backups.days import LegState
from collector.backups.evidence import SeenProof
from collector.backups.gathering import scene_of
from collector.backups.known import Known
from collector.backups.local import Scene, flaw
from collector.backups.proven import verified
from collector.backups.recording import CHECK
from collector.backups.sight import Candidate, can_count
from collector.backups.windows import Times
from collector.customers.models import Agent
from collector.grants.proved import OBSERVATION, YOUNG, Proved
from collector.intake.models import StoredBatch
from wire.batch import open_batch
from wire.errors import WireError
from wire.messages import Standing


def is_own(known: Known) -> bool:
    """Return whether a set is of the host's own data: copies of other hosts' backups are not."""
    return known.declaration is None or known.declaration.role is not Role.OFFSITE


def newest_failure(sets: Sequence[Known]) -> datetime | None:
    """Return when a backup was last found damaged. That a copy elsewhere is another one is not
    the fault of the backup here."""
    return max(
        (
            seen.at
            for known in sets
            for key, seen in known.evidence.proofs.items()
            if key.result is Result.FAILED and key.level is not Level.OFFSITE
        ),
        default=None,
    )


def observed(session: Session, known: Known, now: datetime) -> Proved | Text:
    """Return what a set proves, or why it does not."""
    last = max(known.evidence.looks.values(), key=lambda each: each.at, default=None)
    if last is not None and last.failure is not None:
        at = sentences.clock(last.at, ZoneInfo(known.zone))
        return _about(known, sentences.could_not_look(at, last.failure))
    if last is None or known.declaration is None:
        return _about(known, sentences.silent(None))
    scene = scene_of(known, now)
    proved: list[tuple[Candidate, SeenProof]] = []
    for name in scene.declaration.objects or ("",):
        told = _of_object(scene, known, name, now)
        if isinstance(told, Text):
            return _about(known, sentences.of_object(name, told) if name else told)
        proved.append(told)
    evidence = _batch(session, known, [seen.proof for _, seen in proved])
    if evidence is None:
        return _about(
            known,
            Text(
                "告知校验结果的代理已不被信任，或其数据已不可读",
                "the agent that told of the proof is not trusted any more, or can't be read",
            ),
        )
    points = ", ".join(each.point.id for each, _ in proved)
    methods = ", ".join(dict.fromkeys(seen.proof.method for _, seen in proved))
    subject = f"{known.host} / {known.row.name}: {points} ({methods})"
    return Proved(min(_made_at(seen) for _, seen in proved), OBSERVATION, subject, evidence)


def _of_object(
    scene: Scene, known: Known, name: str, now: datetime
) -> tuple[Candidate, SeenProof] | Text:
    """Return the newest restore point that is proved good with its proof, or why there is none.

    Of those that are newer none may be at fault: what is only not read yet is passed over.
    """
    at_once = Times(now.date(), now, now, now, now, now)
    first_reason: Text | None = None
    for each in reversed(scene.sight.candidates):
        if not can_count(each) or (scene.declaration.objects and each.point.object != name):
            continue
        fault = flaw(scene, each)
        is_growing = each.point.state is PointState.GROWING and not each.odd
        if is_growing or (each.gone and fault is None):
            continue  # still being written; gone by its rotation
        if fault is not None:
            return fault
        if now - each.started > YOUNG:
            break
        verdict = verified(scene, at_once, each)
        if verdict.state is LegState.FAILED:
            return verdict.why
        if verdict.state is LegState.OK and verdict.seen_at is not None:
            seen = _passed(known, each, verdict.seen_at)
            if seen is not None and timedelta(0) <= now - _made_at(seen) <= YOUNG:
                return each, seen
        first_reason = first_reason or verdict.why
    return first_reason or Text(
        "24 小时内没有恢复点", "there is no restore point of the last 24 hours"
    )


def _passed(known: Known, candidate: Candidate, at: datetime) -> SeenProof | None:
    """Return the proof by which a restore point was found good at a moment. One of the whole set
    has to be of after its end: nothing in it names the point."""
    return next(
        (
            seen
            for key, seen in known.evidence.proofs.items()
            if key.result is Result.PASSED
            and key.level is not Level.OFFSITE
            and (key.point == candidate.point.id or (not key.point and at >= candidate.ended))
            and seen.at == at
            and seen.proof.coverage >= 1
        ),
        None,
    )


def _made_at(seen: SeenProof) -> datetime:
    """Return when a proof was made, not later than the look that first told of it began: a host's
    clock that is ahead makes nothing younger."""
    return min(seen.at, seen.first_seen)


def _batch(session: Session, known: Known, proofs: Sequence[Proof]) -> str | None:
    """Return the digest of the batch that tells of these proofs, from an agent that is trusted;
    None: there is none."""
    row = known.row
    newest = session.get(NewestObservation, (row.customer_id, row.host_id, CHECK, row.name))
    if newest is None or newest.facts_digest is None:
        return None
    found = session.execute(
        select(StoredBatch.payload)
        .join(
            Agent,
            (Agent.customer_id == StoredBatch.customer_id) & (Agent.id == StoredBatch.agent_id),
        )
        .where(
            StoredBatch.customer_id == row.customer_id,
            StoredBatch.digest == newest.facts_digest,
            Agent.host_id == row.host_id,
            Agent.standing == Standing.ACTIVE.value,
        )
    ).first()
    if found is None:
        return None
    told = _proofs_in(found.payload, row.name)
    wanted = {(each.point, each.level, each.at, each.result) for each in proofs}
    return newest.facts_digest if wanted <= told else None


def _proofs_in(payload: bytes, name: str) -> set[tuple[str, Level, datetime, Result]]:
    try:
        observations = open_batch(payload).observations
        told = [
            msgspec.json.decode(each.facts, type=BackupFacts)
            for each in observations
            if (each.check, each.target.name) == (CHECK, name)
            and isinstance(each.facts, msgspec.Raw)
        ]
    except (WireError, msgspec.MsgspecError):
        return set()
    return {
        (proof.point, proof.level, proof.at, proof.result)
        for facts in told
        for proof in facts.proofs
    }


def _about(known: Known, why: Text) -> Text:
    return Text("备份集 {name}：{why}", "Backup set {name}: {why}").format(
        name=known.row.name, why=why
    )
