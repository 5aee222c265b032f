"""The offsite leg: is the same backup on another machine, byte for byte, in time?"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime

from checks.backup_sets import CopyState, Level, OffsiteBy, Result
from collector.backups import sentences
from collector.backups.counterparts import Held, file_name
from collector.backups.days import LegState, LegVerdict
from collector.backups.local import Scene, Times
from collector.backups.proven import failed
from collector.backups.sentences import clock
from collector.backups.sight import CLOCKS_APART, Candidate, Proven, set_proofs

NOT_AGREED = LegVerdict(LegState.NOT_DUE, sentences.NO_OFFSITE)


def offsite(scene: Scene, times: Times, candidate: Candidate) -> LegVerdict:
    """Return whether a restore point has a proven copy elsewhere."""
    leg = scene.declaration.offsite
    if leg is None:
        return NOT_AGREED
    if leg.by is OffsiteBy.AGENT:
        return _by_agent(scene, times, candidate)
    if _on_same_host(scene, times):
        return LegVerdict(LegState.FAILED, sentences.SAME_HOST)
    passed, weak = candidate.offsite
    if passed is not None and passed.proof.result is Result.FAILED:
        return failed(scene, passed, LegState.MISMATCH)
    if scene.sight.set_proofs:
        whole = set_proofs(scene.sight, Level.OFFSITE)
        if whole.failed is not None and whole.is_failed and not candidate.gone:
            return failed(scene, whole.failed, LegState.MISMATCH)
        if passed is None and whole.passed and whole.passed.at >= candidate.ended - CLOCKS_APART:
            passed = whole.passed
        weak = weak or whole.partly or whole.unproven
    return _by_copy(scene, times, candidate, passed, weak)


def _on_same_host(scene: Scene, times: Times) -> bool:
    """Return whether the offsite side was this very host, as of the end of the day's time."""
    if not scene.sight.was_same_host:
        return False
    number = bisect_right(scene.sight.offsite_at, times.offsite_due)
    return bool(scene.sight.offsite_listings[max(0, number - 1)].same_host)


def _by_copy(
    scene: Scene,
    times: Times,
    candidate: Candidate,
    passed: Proven | None,
    weak: Proven | None,
) -> LegVerdict:
    seen = candidate.copy
    is_over = scene.now >= times.offsite_due
    if seen is None:
        if passed is not None:
            return LegVerdict(LegState.OK, sentences.OFFSITE_PROVEN, passed.at)
        if not is_over:
            return LegVerdict(LegState.PENDING, sentences.OFFSITE_WAITS)
        if candidate.gone or not _looked_since(scene, times.offsite_due):
            return _unknown(scene)
        return LegVerdict(LegState.MISSING, sentences.NO_COPY, scene.sight.offsite_at[-1])
    state = seen.copy.state
    if state is CopyState.SAME_SIZE and seen.last_seen is None:
        if passed is None:
            return _to_prove(scene, is_over, weak)
        absent = _absent_at(scene, times.offsite_due, seen.same_since)
        if absent is not None and seen.same_since is not None:
            why = sentences.copy_late(absent, clock(seen.same_since, scene.zone))
            return LegVerdict(LegState.LATE, why, passed.at)
        return LegVerdict(LegState.OK, sentences.OFFSITE_PROVEN, passed.at)
    differs = state in (CopyState.SIZE_DIFFERS, CopyState.EMPTY)
    was_there = seen.same_until is not None and seen.same_until >= times.offsite_due
    if passed is not None and was_there and not differs:
        # It was there, proven, when its time was over; how long it is kept is another matter.
        return LegVerdict(LegState.OK, sentences.OFFSITE_PROVEN, passed.at)
    if not is_over:
        return LegVerdict(LegState.PENDING, sentences.OFFSITE_WAITS, seen.last_seen)
    if not _looked_since(scene, times.offsite_due):
        return _unknown(scene)
    at = scene.sight.offsite_at[-1]
    if state is CopyState.SIZE_DIFFERS:
        why = sentences.copy_differs(seen.copy.bytes, candidate.point.bytes)
        return LegVerdict(LegState.MISMATCH, why, at)
    if state is CopyState.EMPTY:
        return LegVerdict(LegState.MISMATCH, sentences.COPY_EMPTY, at)
    return LegVerdict(LegState.MISSING, sentences.NO_COPY, at)


def _to_prove(scene: Scene, is_over: bool, weak: Proven | None) -> LegVerdict:
    state = LegState.UNVERIFIED if is_over else LegState.PENDING
    if weak is None:
        return LegVerdict(
            state, sentences.OFFSITE_UNPROVEN if is_over else sentences.OFFSITE_TO_PROVE
        )
    at = clock(weak.at, scene.zone)
    if weak.proof.result is Result.UNPROVEN:
        return LegVerdict(state, sentences.unproven(at, weak.proof.failure), weak.at)
    return LegVerdict(state, sentences.sampled(weak.proof.coverage, at), weak.at)


def _looked_since(scene: Scene, moment: datetime) -> bool:
    return bool(scene.sight.offsite_at) and scene.sight.offsite_at[-1] >= moment


def _absent_at(scene: Scene, due: datetime, since: datetime | None) -> str | None:
    """Return a look after the time was over that did not see it yet."""
    if since is None or since <= due:
        return None
    listed = scene.sight.offsite_at
    number = bisect_left(listed, due)
    return clock(listed[number], scene.zone) if listed[number] < since else None


def _unknown(scene: Scene) -> LegVerdict:
    tries = scene.sight.offsite_tries
    if not tries:
        return LegVerdict(LegState.UNKNOWN, sentences.offsite_silent(None))
    last = tries[-1]
    at = clock(last.at, scene.zone)
    if last.failure is not None:
        return LegVerdict(LegState.UNKNOWN, sentences.offsite_failed(at, last.failure), last.at)
    return LegVerdict(LegState.UNKNOWN, sentences.offsite_silent(at), last.at)


def _by_agent(scene: Scene, times: Times, candidate: Candidate) -> LegVerdict:
    """Return what the agents on other hosts say of the same content."""
    is_over = scene.now >= times.offsite_due
    content = candidate.point.content
    if not content:
        state = LegState.UNVERIFIED if is_over else LegState.PENDING
        return LegVerdict(state, sentences.NOT_HASHED)
    if not scene.counterparts:
        if is_over:
            return LegVerdict(LegState.UNKNOWN, sentences.NO_OFFSITE_AGENT)
        return LegVerdict(LegState.PENDING, sentences.OFFSITE_WAITS)
    found = [
        (held, each.listed_at)
        for each in scene.counterparts
        if (held := each.held.get(content)) is not None
        and (held.until is None or held.until >= times.offsite_due)
    ]
    for held, listed in found:
        if held.proven_at is not None:
            return _proven_there(scene, times, held, listed)
    for held, _ in found:
        if held.is_failed:
            why = sentences.other_content(held.host)
            return LegVerdict(LegState.MISMATCH, why, held.first_seen)
    if found:
        return _to_prove(scene, is_over, None)
    if not is_over:
        return LegVerdict(LegState.PENDING, sentences.OFFSITE_WAITS)
    for each in scene.counterparts:
        if each.named.get(file_name(candidate.point.id)):
            why = sentences.other_content(each.host)
            return LegVerdict(LegState.MISMATCH, why, each.listed_at[-1])
    looked = max(
        (each.listed_at[-1] for each in scene.counterparts if each.listed_at), default=None
    )
    if looked is None or looked < times.offsite_due:
        since = clock(looked, scene.zone) if looked else None
        return LegVerdict(LegState.UNKNOWN, sentences.offsite_silent(since), looked)
    return LegVerdict(LegState.MISSING, sentences.NO_COPY, looked)


def _proven_there(scene: Scene, times: Times, held: Held, listed: Sequence[datetime]) -> LegVerdict:
    if held.first_seen > times.offsite_due:
        number = bisect_left(listed, times.offsite_due)
        if listed[number] < held.first_seen:
            why = sentences.copy_late(
                clock(listed[number], scene.zone), clock(held.first_seen, scene.zone)
            )
            return LegVerdict(LegState.LATE, why, held.proven_at)
    return LegVerdict(LegState.OK, sentences.held(held.host), held.proven_at)
