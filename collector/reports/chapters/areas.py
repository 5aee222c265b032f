"""Chapters 6, 7, 9 and 10: one area each over all hosts, equal results in one row."""

from collections.abc import Sequence

from checks.api import Chapter as Part
from collector.reports.blocks import Block, Chapter
from collector.reports.chapters.hosts import curve_blocks
from collector.reports.figures import curves
from collector.reports.results import result_blocks
from collector.reports.source import Source
from collector.reports.terms import CHAPTERS


def area_results(source: Source, part: Part) -> list[Block]:
    """Return the results of an area, or the line that says why there are none."""
    words = source.voice.words
    blocks = result_blocks(
        source, list(source.verdicts(part)), words("Results of all hosts"), with_host=True
    )
    if blocks:
        return blocks
    if not source.material.inspections:
        return [source.empty(words("Not collected: no inspection was received in the period."))]
    if not any(rule.chapter is part for rule in source.material.rules):
        return [
            source.empty(
                words("Not part of this inspection: the check pack has no check for this chapter.")
            )
        ]
    return [source.empty(words("Not part of this inspection: no host was inspected for it."))]


def area(source: Source, part: Part, opening: Sequence[Block] = ()) -> Chapter:
    """Return the chapter of an area; `opening` stands before its results."""
    title, number = CHAPTERS[part]
    blocks = (*opening, *area_blocks(source, part))
    return Chapter(number, source.voice.words(title), part.value, blocks)


def area_blocks(source: Source, part: Part) -> list[Block]:
    """Return results and curves of an area over all hosts."""
    found = [
        (host, shown)
        for host in source.material.hosts
        for shown in curves(source, host, fills_up=False, chapter=part)
    ]
    return [*area_results(source, part), *curve_blocks(source, found)]
