"""What was proven of a set, level by level, each with its date."""

from datetime import timedelta

from checks import wording
from checks.api import State
from checks.backup_sets import Level, Proof, Result
from collector.backups.material import SetMaterial
from collector.reports.backup_terms import LEVELS
from collector.reports.blocks import Block, Cell, Column, Mark, Paragraph, Style, Table
from collector.reports.chapters.backup.naming import percent, result_cell, span
from collector.reports.source import Source
from collector.reports.terms import WORST_FIRST

SIZE_RULE = "BAK-002"
"""Judges the size of a restore point against those before it."""


def proofs(source: Source, shown: SetMaterial) -> list[Block]:
    """Return the table of the seven levels, and what share of the stored bytes they cover."""
    words = source.voice.words
    newest = dict(shown.proofs)
    rows = [*_listed(source, shown), _size(source, shown)]
    rows += [_proven(source, shown, level, newest.get(level)) for level in Level]
    return [
        Table(
            words("{set}: proofs, from the weakest to the strongest", set=shown.title),
            (
                Column(words("Level"), 2.4),
                Column(words("Result"), 1.5),
                Column(words("Newest"), 1.6),
                Column(words("Restore point"), 2.4),
                Column(words("How"), 2.7),
                Column(words("Share read"), 1.15, numeric=True),
            ),
            tuple(rows),
        ),
        *_share(source, shown),
    ]


def _listed(source: Source, shown: SetMaterial) -> list[tuple[Cell, ...]]:
    """Return the two levels that the listing alone tells: it is there, and it is young enough."""
    words = source.voice.words
    titles = (words("1 Exists"), words("2 Young enough"))
    if shown.looked_at is None:
        why = shown.not_looked or words("no look at it has come in")
        return [_never(source, title, why) for title in titles]
    if not shown.newest:
        why = words("the listing has no good restore point")
        return [_never(source, title, why, Mark.CRITICAL) for title in titles]
    seen = Cell(source.voice.moment(shown.looked_at))
    # Of several databases the one whose newest restore point is the oldest.
    point = min(shown.newest, key=lambda point: point.started_at)
    age, agreed = shown.looked_at - point.started_at, shown.declaration.rpo_hours
    absent = set(shown.declaration.objects) - {each.object for each in shown.newest}
    said = [words("{count} in the listing", count=shown.points)]
    if shown.oldest_at:
        said.append(words("the oldest of {day}", day=source.voice.day(shown.oldest_at)))
    if absent:
        said.append(words("none of: {names}", names=source.voice.together(sorted(absent))))
    told = words("{age} old then, {hours} hours agreed", age=span(source, age), hours=f"{agreed:g}")
    where = Cell(source.voice.apart([point.id, source.voice.moment(point.started_at)]))
    there, young = (result_cell(source, Result.PASSED),) * 2
    if absent:
        there = Cell(words("Incomplete"), Mark.CRITICAL)
    if age > timedelta(hours=agreed):
        young = Cell(words("Too old"), Mark.CRITICAL)
    return [
        (Cell(titles[0]), there, seen, where, Cell(source.voice.apart(said)), Cell("—")),
        (Cell(titles[1]), young, seen, where, Cell(told), Cell("—")),
    ]


def _size(source: Source, shown: SetMaterial) -> tuple[Cell, ...]:
    """Return the level of the size, as its rule has judged it."""
    words = source.voice.words
    title = words("3 Plausible size")
    found = [
        row
        for host in source.material.hosts
        if host.name == shown.host
        for row in host.verdicts
        if row.code == SIZE_RULE and f"{row.object}: ".startswith(f"{shown.name}: ")
    ]
    if not found:
        return _never(source, title, words("no result of {code}", code=SIZE_RULE))
    # Of several databases the one that is worst.
    row = min(found, key=lambda row: WORST_FIRST.index(row.state))
    if row.state is State.NOT_RUN:
        return _never(source, title, source.why(row) or words("no reason was recorded"))
    return (
        Cell(title),
        source.state(row.state),
        Cell(source.voice.moment(row.observed_at)),
        Cell("—"),
        Cell(source.voice.say(row.message) or source.voice.say(row.current) or "—"),
        Cell("—"),
    )


def _proven(
    source: Source, shown: SetMaterial, level: Level, proof: Proof | None
) -> tuple[Cell, ...]:
    words, title = source.voice.words, source.voice.words(LEVELS[level])
    if proof is None and level is Level.OFFSITE and shown.declaration.offsite is None:
        return _never(source, title, words("no offsite copy is agreed"), Mark.WARNING)
    if proof is None:
        return _never(source, title, words("no proof of this level has been made"))
    said = [proof.method, proof.detail]
    if proof.failure is not None:
        said.append(source.voice.say(wording.reason(proof.failure)))
    return (
        Cell(title),
        result_cell(source, proof.result),
        Cell(source.voice.moment(proof.at)),
        Cell(proof.point or words("the whole set")),
        Cell(source.voice.apart([text for text in said if text])),
        Cell("—" if proof.result is Result.UNPROVEN else percent(100 * proof.coverage)),
    )


def _never(source: Source, title: str, why: str, mark: Mark = Mark.NOT_RUN) -> tuple[Cell, ...]:
    dash = Cell("—")
    return (Cell(title), Cell(source.voice.words("Never"), mark), dash, dash, Cell(why), dash)


def _share(source: Source, shown: SetMaterial) -> list[Block]:
    if shown.share is None or shown.share.percent is None:
        return []
    return [
        Paragraph(
            source.voice.words(
                "Of {stored} stored, {proven} ({share}) were read and proven within {days} days "
                "(as of {at}).",
                stored=source.voice.say(wording.size(shown.share.stored_bytes)),
                proven=source.voice.say(wording.size(shown.share.proven_bytes)),
                share=percent(shown.share.percent),
                days=shown.declaration.verify_every_days,
                at=source.voice.moment(shown.share.at),
            ),
            Style.NOTE,
        )
    ]
