"""Tables of verdicts: the worst first, equal ones in one row."""

from collections.abc import Iterable, Sequence

from checks.api import State
from collector.reports.blocks import Block, Cell, Column, Paragraph, Style, Table
from collector.reports.material import HostMaterial, VerdictRow
from collector.reports.source import Source
from collector.reports.terms import WORST_FIRST

Located = tuple[HostMaterial, VerdictRow]


def merged(verdicts: Iterable[Located], with_host: bool) -> list[list[Located]]:
    """Return the verdicts worst first, those that say the same about one rule together."""
    groups: dict[tuple[object, ...], list[Located]] = {}
    order = {state: rank for rank, state in enumerate(WORST_FIRST)}
    for host, row in sorted(
        verdicts, key=lambda pair: (order[pair[1].state], pair[1].code, pair[1].object)
    ):
        value = (row.current, row.reference, row.reason)
        # A message names its object: what is not well keeps a row of its own.
        own = row.object if row.message is not None and not with_host else None
        groups.setdefault((row.state, row.code, value, own), []).append((host, row))
    return list(groups.values())


def result_blocks(
    source: Source, verdicts: Sequence[Located], caption: str, with_host: bool
) -> list[Block]:
    """Return the table of results and one line for what does not apply here."""
    shown = [pair for pair in verdicts if pair[1].state is not State.NOT_APPLICABLE]
    apart = [pair for pair in verdicts if pair[1].state is State.NOT_APPLICABLE]
    blocks: list[Block] = []
    if shown:
        blocks.append(_table(source, merged(shown, with_host), caption, with_host))
    if apart:
        titles = dict.fromkeys(source.title(row.code) for _, row in apart)
        blocks.append(
            Paragraph(
                source.voice.words(
                    "Not applicable here: {titles}.", titles=source.voice.together(list(titles))
                ),
                Style.NOTE,
            )
        )
    return blocks


def places(source: Source, group: Sequence[Located], with_host: bool) -> str:
    """Return the objects of a group as a list; a host without an object says so."""
    if with_host:
        names = [source.place(host.name, row.object) for host, row in group]
    else:
        names = [row.object or source.voice.words("The host") for _, row in group]
    return source.voice.together(list(dict.fromkeys(names)))


def found(source: Source, row: VerdictRow) -> str:
    """Return what a verdict found; for one without facts, why there are none."""
    return source.voice.say(row.reason) or source.voice.say(row.current) or "—"


def _table(source: Source, groups: list[list[Located]], caption: str, with_host: bool) -> Table:
    words = source.voice.words
    rows = []
    for group in groups:
        row = group[0][1]
        rows.append(
            (
                source.state(row.state),
                Cell(row.code),
                Cell(source.title(row.code)),
                Cell(places(source, group, with_host)),
                Cell(found(source, row)),
                Cell(source.voice.say(row.reference) or "—"),
            )
        )
    return Table(
        caption,
        (
            Column(words("Result"), 1.35),
            Column(words("Code"), 1.5, code=True),
            Column(words("Check item"), 2.2),
            Column(words("Object"), 3.2 if with_host else 2.8),
            Column(words("Found"), 2.1),
            Column(words("Reference"), 1.7),
        ),
        tuple(rows),
        row_headings=False,
    )
