"""A backup set as a person at the console reads it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from agent import messages
from agent.backups import texts
from agent.console import Console
from agent.showing import table
from checks import wording
from checks.api import Check, Past, State, Text, Verdict
from checks.backup_sets import BackupFacts, Declaration, Level, Proof, Result

_MOST_POINTS = 10
_MOST_PROOFS = 20
_WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_WEEKDAYS_IN_ENGLISH = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
Judged = tuple[str, Text, Verdict]


def judged(check: Check[BackupFacts], facts: BackupFacts, past: Past[BackupFacts]) -> list[Judged]:
    """Return (code, title, verdict) of every rule, by its default thresholds."""
    return [
        (rule.code, rule.title, verdict)
        for rule in check.rules
        for verdict in rule.evaluate(facts, rule.thresholds(), past)
    ]


def is_well(verdicts: Sequence[Judged]) -> bool:
    """Return whether nobody has to do anything."""
    bad = (State.WARNING, State.CRITICAL, State.NOT_RUN)
    return not any(verdict.state in bad for _, _, verdict in verdicts)


def _local(moment: datetime, declared: Declaration) -> str:
    """Return a moment in the set's time zone, the host's where it names none."""
    zone = ZoneInfo(declared.schedule.time_zone) if declared.schedule.time_zone else None
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def say_set(console: Console, declared: Declaration, proofs: Sequence[Proof]) -> None:
    """Print what is declared of a set, and its newest proofs."""
    title = f"{declared.name}  {declared.title}".rstrip()
    console.say(title)
    values = {
        "kind": f"{declared.kind.value} {declared.format}".rstrip(),
        "place": f"{declared.place} {declared.pattern if declared.pattern != '*' else ''}".rstrip(),
        "schedule": console.words(_schedule(declared)),
        "offsite": console.words(texts.NO_OFFSITE)
        if declared.offsite is None
        else f"{declared.offsite.by.value} {declared.offsite.place}",
    }
    for name, heading in texts.LIST_LINES:
        console.say(messages.FIELD.format(title=heading, value=values[name]))
    newest: dict[Level, Proof] = {}
    for proof in proofs:
        if proof.result is not Result.UNPROVEN:
            newest[proof.level] = proof
    for level, heading in texts.LEVELS.items():
        found = newest.get(level)
        value = texts.NEVER if found is None else _outcome(found, declared)
        console.say(messages.FIELD.format(title=heading, value=value))


def say_look(console: Console, facts: BackupFacts, verdicts: Sequence[Judged]) -> None:
    """Print one look at a set."""
    declared = facts.declaration
    console.say(f"{declared.name}  {declared.title}".rstrip())
    if not facts.points:
        nothing = texts.NO_POINTS.format(
            place=declared.place, pattern=declared.pattern or "*", unmatched=facts.unmatched
        )
        console.say(nothing)
    else:
        shown = facts.points[:_MOST_POINTS]
        count = len(facts.points) + facts.points_left_out
        console.say(texts.POINTS.format(count=count, shown=len(shown)))
        copies = {copy.point: copy for copy in facts.offsite.copies} if facts.offsite else {}
        _say_rows(
            console,
            [
                (
                    _local(point.started_at, declared),
                    point.id,
                    point.object,
                    "-" if point.bytes is None else wording.size(point.bytes).zh,
                    console.words(texts.POINT_STATES[point.state]),
                    console.words(texts.COPY_STATES[copies[point.id].state])
                    if point.id in copies
                    else "",
                    point.note,
                )
                for point in shown
            ],
        )
    for sentence in facts.odd:
        console.say(f"  {sentence}")
    if facts.offsite is not None:
        console.say(_offsite(facts))
    if facts.work is not None:
        console.say(
            texts.WORK.format(
                read=wording.size(facts.work.read_bytes),
                budget=wording.size(facts.work.budget_bytes),
                made=facts.work.made,
                left=facts.work.left,
            )
        )
    if facts.proofs:
        console.say(texts.PROOFS)
        newest = sorted(facts.proofs, key=lambda proof: proof.at, reverse=True)[:_MOST_PROOFS]
        _say_rows(console, [_proof_row(console, declared, proof) for proof in newest])
    else:
        console.say(texts.NO_PROOFS)
    console.say(texts.VERDICTS)
    _say_rows(console, list(_verdict_rows(console, verdicts)))


def _say_rows(console: Console, rows: Sequence[Sequence[str]]) -> None:
    for line in table(rows):
        console.say(f"  {line}")


def _proof_row(console: Console, declared: Declaration, proof: Proof) -> tuple[str, ...]:
    why = proof.detail
    if proof.failure is not None:
        why = console.words(wording.reason(proof.failure)) + f" {proof.failure.detail}"
    return (
        _local(proof.at, declared),
        proof.point or console.words(texts.WHOLE_SET),
        console.words(texts.LEVELS[proof.level]),
        console.words(_result(proof)),
        proof.method,
        why.strip(),
    )


def _verdict_rows(console: Console, verdicts: Sequence[Judged]) -> Iterator[tuple[str, ...]]:
    for code, title, verdict in verdicts:
        if verdict.state is State.NOT_APPLICABLE:
            continue
        why = verdict.message or Text("", "")
        if verdict.failure is not None and verdict.message is None:
            why = wording.reason(verdict.failure)
        yield (
            console.words(texts.STATES[verdict.state]),
            code,
            console.words(title),
            verdict.object,
            console.words(verdict.current),
            console.words(why),
        )


def _offsite(facts: BackupFacts) -> Text:
    offsite = facts.offsite
    assert offsite is not None
    if offsite.failure is not None:
        why = wording.reason(offsite.failure)
        detail = f" {offsite.failure.detail}" if offsite.failure.detail else ""
        what = Text(why.zh + detail, why.en + detail)
    else:
        free = Text.same("-") if offsite.free_bytes is None else wording.size(offsite.free_bytes)
        what = texts.OFFSITE_SEEN.format(count=len(offsite.copies), free=free)
    return texts.OFFSITE.format(place=offsite.place or offsite.by.value, what=what)


def _outcome(proof: Proof, declared: Declaration) -> Text:
    at = _local(proof.at, declared)
    result = _result(proof)
    return Text(
        f"{at} {result.zh} {proof.point}".rstrip(), f"{at} {result.en} {proof.point}".rstrip()
    )


def _result(proof: Proof) -> Text:
    return texts.RESULTS[proof.result].format(share=wording.percent(100 * proof.coverage))


def _schedule(declared: Declaration) -> Text:
    schedule = declared.schedule
    days = texts.EVERY_DAY
    if len(schedule.weekdays) < len(_WEEKDAYS):
        days = Text(
            "、".join(_WEEKDAYS[day] for day in schedule.weekdays),
            ", ".join(_WEEKDAYS_IN_ENGLISH[day] for day in schedule.weekdays),
        )
    return texts.SCHEDULE.format(
        days=days,
        start=schedule.window_start,
        deadline=schedule.deadline,
        grace=schedule.grace_minutes,
        zone=Text.same(schedule.time_zone) if schedule.time_zone else texts.SITE_ZONE,
    )
