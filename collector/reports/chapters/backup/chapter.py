"""Chapter 8: the state of the backups, the results of the checks, then each set by itself."""

from checks.api import Chapter as Part
from collector.backups.material import SetMaterial
from collector.reports.blocks import Block, Chapter, Paragraph, Style
from collector.reports.chapters.areas import area_results
from collector.reports.chapters.backup.calendar import months, year_of_days
from collector.reports.chapters.backup.drills import drills
from collector.reports.chapters.backup.gaps import gaps, notes
from collector.reports.chapters.backup.naming import day_sentence, located
from collector.reports.chapters.backup.opening import cards, no_set, state_sentence, summary
from collector.reports.chapters.backup.proofs import proofs
from collector.reports.chapters.backup.standing import by_risk, newest_day
from collector.reports.chapters.backup.strategy import strategy
from collector.reports.chapters.hosts import curve_blocks
from collector.reports.figures import curves
from collector.reports.source import Source
from collector.reports.terms import CHAPTERS


def backups(source: Source) -> Chapter:
    """Return chapter 8."""
    title, number = CHAPTERS[Part.BACKUP]
    words = source.voice.words
    sets = by_risk(source.material.backups)
    opening: list[Block] = [source.empty(no_set(source))]
    if sets:
        opening = [
            Paragraph(state_sentence(source), Style.LEAD),
            cards(source),
            summary(source),
            Paragraph(
                words(
                    "A day is trusted when every leg that was agreed is well: the local copy in "
                    "time, the offsite copy, the proof, the test restore. Compliance = days "
                    "trusted or excused by a named person ÷ days due whose time is over; late, "
                    "not proven and unknown days are not kept."
                ),
                Style.NOTE,
            ),
        ]
    sections = []
    results = _results(source)
    if results:
        sections.append((words("Results of the checks"), "backup-results", results))
    sections += [
        (located(source, shown), f"backup-{place}", _set(source, shown))
        for place, shown in enumerate(sets, 1)
    ]
    return Chapter(
        number,
        words(title),
        Part.BACKUP.value,
        (
            *opening,
            *(
                Chapter(f"{number}.{place}", name, anchor, tuple(blocks))
                for place, (name, anchor, blocks) in enumerate(sections, 1)
            ),
        ),
    )


def _results(source: Source) -> list[Block]:
    """Return the verdicts and curves of the chapter's checks; nothing where there is none."""
    found = [
        (host, shown)
        for host in source.material.hosts
        for shown in curves(source, host, fills_up=False, chapter=Part.BACKUP)
    ]
    judged = any(source.verdicts(Part.BACKUP))
    return [
        *(area_results(source, Part.BACKUP) if judged else []),
        *curve_blocks(source, found),
    ]


def _set(source: Source, shown: SetMaterial) -> list[Block]:
    words, newest = source.voice.words, newest_day(shown)
    blocks: list[Block] = [
        Paragraph(
            day_sentence(source, newest)
            if newest
            else words("No day of this set has been judged yet."),
            Style.LEAD,
        )
    ]
    if shown.not_looked:
        why = words("The newest look at this set gave nothing: {why}", why=shown.not_looked)
        blocks.append(source.empty(why))
    return [
        *blocks,
        strategy(source, shown),
        *year_of_days(source, shown),
        *months(source, shown),
        *gaps(source, shown),
        *notes(source, shown),
        *proofs(source, shown),
        *drills(source, shown),
    ]
