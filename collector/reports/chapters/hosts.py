"""Chapter 5: each host by itself: results, curves of the period, inventory."""

from collections.abc import Sequence

from checks.api import Chapter as Part
from collector.reports.blocks import Block, Chapter, Figure, Gallery, Paragraph, Style
from collector.reports.chapters.inventory import inventory
from collector.reports.chapters.software import software
from collector.reports.figures import Curves, curves, figure
from collector.reports.material import HostMaterial
from collector.reports.results import result_blocks
from collector.reports.source import Source, score_sentence


def hosts(source: Source) -> Chapter:
    """Return chapter 5."""
    words = source.voice.words
    sections: tuple[Block, ...] = tuple(
        _host(source, place, host) for place, host in enumerate(source.material.hosts, 1)
    )
    if not sections:
        sections = (source.empty(words("Not collected: no host has been inspected.")),)
    return Chapter("5", words("Hardware and operating system"), "hosts", sections)


def curve_blocks(source: Source, found: Sequence[tuple[HostMaterial, Curves]]) -> list[Block]:
    """Return the figures of what can be drawn, one line for what can't."""
    words = source.voice.words
    figures: tuple[Figure, ...] = tuple(
        figure(source, host, shown) for host, shown in found if shown.drawable
    )
    blocks: list[Block] = [Gallery(figures)] if figures else []
    undrawn = dict.fromkeys(
        source.voice.say(shown.trend.title) for _, shown in found if not shown.drawable
    )
    if undrawn:
        blocks.append(
            source.empty(
                words(
                    "No curve yet of {titles}: it needs two inspections in the period.",
                    titles=source.voice.together(list(undrawn)),
                )
            )
        )
    return blocks


def _host(source: Source, place: int, host: HostMaterial) -> Chapter:
    words = source.voice.words
    blocks: list[Block] = [
        Paragraph(words("{sentence}.", sentence=score_sentence(source, host.score)), Style.LEAD)
    ]
    rows = [pair for pair in source.verdicts(Part.HOST) if pair[0] is host]
    blocks += result_blocks(
        source, rows, words("{host}: results", host=host.name), with_host=False
    ) or [source.empty(words("Results: not collected, no inspection of this host has any."))]
    # What fills up stands in the chapter on capacity.
    found = [(host, shown) for shown in curves(source, host, fills_up=False, chapter=Part.HOST)]
    blocks += curve_blocks(source, found) or [
        source.empty(words("Curves: not collected, no measure of this host is known."))
    ]
    blocks += inventory(source, host)
    blocks += software(source, host)
    return Chapter(f"5.{place}", host.name, f"host-{place}", tuple(blocks))
