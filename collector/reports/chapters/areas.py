"""Chapters 6, 7, 9 and 10: one area each over all hosts, equal results in one row."""

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


def area(source: Source, part: Part) -> Chapter:
    """Return the chapter of an area."""
    title, number = CHAPTERS[part]
    found = [
        (host, shown)
        for host in source.material.hosts
        for shown in curves(source, host, fills_up=False, chapter=part)
    ]
    blocks = [*area_results(source, part), *curve_blocks(source, found)]
    return Chapter(number, source.voice.words(title), part.value, tuple(blocks))
