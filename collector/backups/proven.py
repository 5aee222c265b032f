"""The verified and the restored leg: what the proofs of a restore point say."""

from bisect import bisect_right
from datetime import datetime, timedelta

from checks.backup_sets import Level, Result
from collector.backups import sentences
from collector.backups.days import LegState, LegVerdict
from collector.backups.evidence import MOST_DAYS
from collector.backups.local import LONGEST_CHAIN, Scene, Times
from collector.backups.sentences import clock
from collector.backups.sight import CLOCKS_APART, Candidate, Proven, set_proofs

READ = (Level.STRUCTURE, Level.HASHED)
_NEVER_DRILLED = LegVerdict(LegState.UNVERIFIED, sentences.NEVER_RESTORED)
NO_DRILL = LegVerdict(LegState.NOT_DUE, sentences.NO_DRILL)


def failed(scene: Scene, seen: Proven, state: LegState = LegState.FAILED) -> LegVerdict:
    """Return the verdict of a proof that failed."""
    proof = seen.proof
    at = clock(seen.at, scene.zone)
    why = sentences.proof_failed(proof.point, at, proof.method, proof.detail)
    return LegVerdict(state, why, seen.at)


def verified(scene: Scene, times: Times, candidate: Candidate) -> LegVerdict:
    """Return whether a restore point, with all that it needs, was read to its end and found
    intact. One that was restored and looked at is, too."""
    verdict = _by_itself(scene, times, candidate)
    base = candidate.point.base
    for _ in range(LONGEST_CHAIN):
        needed = scene.sight.by_id.get(base) if base else None
        if needed is None or verdict.state is LegState.FAILED:
            return verdict
        other = _by_itself(scene, times, needed)
        if other.state is not LegState.OK:
            verdict = other
        base = needed.point.base
    return verdict


def _by_itself(scene: Scene, times: Times, candidate: Candidate) -> LegVerdict:
    structure, hashed, drilled = candidate.structure, candidate.hashed, candidate.restored
    for each in (structure, hashed, drilled):
        if each.definite is not None and each.definite.proof.result is Result.FAILED:
            return failed(scene, each.definite)
    passed = structure.definite
    if passed is None and structure.weak is None:
        # Bytes that stay the same are no proof where their structure could not be read.
        passed = hashed.definite
    passed = passed or drilled.definite
    weak = structure.weak or hashed.weak
    if structure.weak and hashed.weak and hashed.weak.at > structure.weak.at:
        weak = hashed.weak
    if scene.sight.set_proofs:
        for level in READ:
            whole = set_proofs(scene.sight, level)
            if whole.failed is not None and whole.is_failed and not candidate.gone:
                return failed(scene, whole.failed)
            if whole.passed and whole.passed.at >= candidate.ended - CLOCKS_APART:
                passed = passed or whole.passed
            for less in (whole.partly, whole.unproven):
                if less and less.at >= candidate.ended and (weak is None or less.at > weak.at):
                    weak = less
    if passed is not None:
        return LegVerdict(LegState.OK, sentences.VERIFIED, passed.at)
    return unproven(scene, times.verify_due, weak)


def unproven(scene: Scene, due: datetime, weak: Proven | None) -> LegVerdict:
    """Return the verdict where nothing definite is known: pending until its time is over."""
    is_pending = scene.now < due
    state = LegState.PENDING if is_pending else LegState.UNVERIFIED
    if weak is None:
        return LegVerdict(state, sentences.TO_VERIFY if is_pending else sentences.NOT_VERIFIED)
    at = clock(weak.at, scene.zone)
    if weak.proof.result is Result.UNPROVEN:
        return LegVerdict(state, sentences.unproven(at, weak.proof.failure), weak.at)
    return LegVerdict(state, sentences.sampled(weak.proof.coverage, at), weak.at)


def restored(scene: Scene, ends: datetime) -> LegVerdict:
    """Return whether the newest test restore of a set, as of the end of a day, is young enough."""
    every = min(scene.declaration.restore_every_days, MOST_DAYS)
    if every <= 0:
        return NO_DRILL
    number = bisect_right(scene.sight.drilled_at, ends)
    if not number:
        return _NEVER_DRILLED
    last = scene.sight.drills[number - 1]
    is_young = last.at >= ends - timedelta(days=every)
    known = scene.drills.get((number, is_young))
    if known is None:
        known = scene.drills[(number, is_young)] = _drilled(scene, last, is_young, every)
    return known


def _drilled(scene: Scene, last: Proven, is_young: bool, every: int) -> LegVerdict:
    at = clock(last.at, scene.zone)
    if last.proof.result is Result.FAILED:
        return LegVerdict(LegState.FAILED, sentences.drill_failed(at, last.proof.detail), last.at)
    if not is_young:
        return LegVerdict(LegState.UNVERIFIED, sentences.drill_stale(at, every), last.at)
    return LegVerdict(LegState.OK, sentences.PASSED_DRILL, last.at)
