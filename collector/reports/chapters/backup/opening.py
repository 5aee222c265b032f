"""What the chapter on backups opens with: the state in words, six numbers, a row for each set."""

from datetime import timedelta

from checks.backup_sets import Proof
from collector.backups.days import LegState
from collector.backups.material import SetMaterial
from collector.reports.backup_terms import RESULTS
from collector.reports.blocks import Card, Cards, Cell, Column, Mark, Table
from collector.reports.chapters.backup.naming import joined, located, percent, span, state_cell
from collector.reports.chapters.backup.standing import (
    UNTRUSTED,
    by_risk,
    counted,
    never_restored,
    newest_day,
    newest_state,
    over_rpo,
    untrusted,
)
from collector.reports.chapters.backup.unseen import unseen_sentence
from collector.reports.source import Source, shortened

MOST_NAMED = 3
"""Sets that a sentence names; the table below it has all of them."""
_TRUSTED = frozenset({LegState.OK, LegState.LATE})


def state_sentence(source: Source) -> str:
    """Return how the backups stand, the worst first, in at most three sentences."""
    words, sets = source.voice.words, by_risk(source.material.backups)
    totals, never = counted(sets), sum(map(never_restored, sets))
    texts = [_newest_sentence(source, sets), unseen_sentence(source)]
    if totals.due:
        texts.append(
            words(
                "Of {due} backup days due in the period, {ok} were kept in full ({share}); {lost} "
                "are without a trusted backup, {unknown} of them unknown.",
                due=f"{totals.due:,}",
                ok=f"{totals.ok:,}",
                share=percent(totals.compliance),
                lost=untrusted(totals),
                unknown=totals.unknown,
            )
        )
    if never:
        texts.append(
            words(
                "No test restore is known to have passed for {never} of them: whether they can be "
                "restored is not proven.",
                never=never,
            )
        )
    return joined(source, texts)


def no_set(source: Source) -> str:
    """Return why there is no backup set: nothing is known, none could be seen or is declared."""
    words = source.voice.words
    if not source.material.inspections:
        return words(
            "Not collected: no inspection was received in the period, so whether there are "
            "backups is not known. That is a risk by itself."
        )
    if tried := unseen_sentence(source):
        return tried
    return words(
        "No backup set is declared: whether this customer has backups, whether they are whole and "
        "whether they can be restored is not known. That is a risk by itself. Declare every "
        "backup job in the settings of the agent on its host."
    )


def backup_line(source: Source) -> str:
    """Return what the conclusion says of the backups."""
    words, sets = source.voice.words, by_risk(source.material.backups)
    if not sets:
        return no_set(source)
    totals = counted(sets)
    numbers = words(
        "Compliance {share}, {lost} days without a trusted backup.",
        share=percent(totals.compliance),
        lost=untrusted(totals),
    )
    return joined(source, [_newest_sentence(source, sets), numbers, unseen_sentence(source)])


def _newest_sentence(source: Source, sets: list[SetMaterial]) -> str:
    words = source.voice.words
    bad = [shown for shown in sets if newest_state(shown) in UNTRUSTED]
    good = sum(newest_state(shown) in _TRUSTED for shown in sets)
    if bad:
        names = [shortened(located(source, shown), 40) for shown in bad[:MOST_NAMED]]
        return words(
            "{bad} of {count} backup sets can't be trusted as of their newest day: {names}.",
            bad=len(bad),
            count=len(sets),
            names=source.voice.together(names) + ("…" if len(bad) > MOST_NAMED else ""),
        )
    if good == len(sets):
        return words("All {count} backup sets can be trusted as of their newest day.", count=good)
    return words(
        "{good} of {count} backup sets can be trusted as of their newest day; for the others its "
        "time is not over yet, or a person has excused it.",
        good=good,
        count=len(sets),
    )


def cards(source: Source) -> Cards:
    """Return the six numbers."""
    words, sets = source.voice.words, source.material.backups
    totals = counted(sets)
    lost = untrusted(totals)
    offsite = sum(shown.declaration.offsite is not None for shown in sets)
    return Cards(
        (
            Card(
                words("Backup sets"),
                str(len(sets)),
                words("{count} of them with an offsite copy", count=offsite),
                Mark.OK if offsite == len(sets) else Mark.WARNING,
            ),
            Card(
                words("Compliance"),
                percent(totals.compliance),
                words(
                    "{due} days due, {excused} of them excused",
                    due=f"{totals.due:,}",
                    excused=totals.excused,
                ),
                _compliance_mark(totals.compliance),
            ),
            Card(
                words("Days without a trusted backup"),
                str(lost),
                words("{unknown} of them unknown", unknown=totals.unknown),
                Mark.OK if not lost else Mark.CRITICAL if lost > totals.unknown else Mark.NOT_RUN,
            ),
            _rpo(source),
            _rto(source),
            _drill(source),
        )
    )


def _compliance_mark(compliance: float | None) -> Mark:
    if compliance is None:
        return Mark.NOT_RUN
    return Mark.OK if compliance >= 100 else Mark.WARNING


def _rpo(source: Source) -> Card:
    words, sets = source.voice.words, source.material.backups
    known = [shown.recovery.longest.length for shown in sets if shown.recovery.longest]
    over = sum(map(over_rpo, sets))
    name = words("RPO reached: longest gap")
    note = words("{over} of {count} sets beyond the agreed RPO", over=over, count=len(sets))
    if not known:
        return Card(name, words("No backup"), note, Mark.CRITICAL)
    return Card(name, span(source, max(known)), note, Mark.CRITICAL if over else Mark.OK)


def _rto(source: Source) -> Card:
    words, sets = source.voice.words, source.material.backups
    name = words("RTO measured: longest")
    measured = [
        (shown.recovery.restore_seconds, shown.title)
        for shown in sets
        if shown.recovery.restore_seconds is not None
    ]
    if not measured:
        return Card(name, words("Never"), words("no test restore was made"), Mark.NOT_RUN)
    seconds, title = max(measured)
    note = words(
        "{set}; measured for {count} of {all} sets",
        set=shortened(title, 20),
        count=len(measured),
        all=len(sets),
    )
    return Card(name, span(source, timedelta(seconds=seconds)), note)


def _drill(source: Source) -> Card:
    words = source.voice.words
    name = words("Newest restore drill")
    drills = [(shown.drills[0], shown.title) for shown in source.material.backups if shown.drills]
    if not drills:
        note = words("only a restore proves a backup")
        return Card(name, words("None"), note, Mark.CRITICAL)
    newest, title = max(drills, key=lambda pair: pair[0].at)
    result, mark = RESULTS[newest.result]
    note = words("{set}: {result}", set=shortened(title, 24), result=words(result))
    return Card(name, source.voice.day(newest.at), note, mark)


def summary(source: Source) -> Table:
    """Return the table of all sets, those at most risk first."""
    words = source.voice.words
    return Table(
        words("All backup sets, those at most risk first"),
        (
            Column(words("Backup set"), 2.4),
            Column(words("Host"), 1.5),
            Column(words("Newest day"), 1.6),
            Column(words("Compliance"), 1.1, numeric=True),
            Column(words("Days without"), 1, numeric=True),
            Column(words("Longest gap"), 1.2, numeric=True),
            Column(words("Offsite copy"), 1.5),
            Column(words("Restore drill"), 1.6),
        ),
        tuple(_row(source, shown) for shown in by_risk(source.material.backups)),
    )


def _row(source: Source, shown: SetMaterial) -> tuple[Cell, ...]:
    words, newest, counts = source.voice.words, newest_day(shown), counted([shown])
    longest = shown.recovery.longest
    return (
        Cell(shown.title),
        Cell(shown.host),
        state_cell(source, newest_state(shown)),
        Cell(percent(counts.compliance)),
        Cell(str(untrusted(counts))),
        Cell(span(source, longest.length) if longest else words("No backup")),
        Cell(words("None agreed"), Mark.WARNING)
        if shown.declaration.offsite is None
        else state_cell(source, newest.offsite.state if newest else LegState.UNKNOWN),
        _newest_drill(source, shown.drills),
    )


def _newest_drill(source: Source, drills: tuple[Proof, ...]) -> Cell:
    if not drills:
        return Cell(source.voice.words("None"), Mark.CRITICAL)
    return Cell(source.voice.day(drills[0].at), RESULTS[drills[0].result][1])
