"""Tables of verdicts: the worst first, equal ones in one row."""

from collections.abc import Iterable, Sequence

from checks.api import State
from collector.reports.blocks import Block, Cell, Column, Paragraph, Style, Table
from collector.reports.material import HostMaterial, VerdictRow
from collector.reports.source import Source
from collector.reports.terms import WORST_FIRST

MOST_VALUES = 8
"""Objects with different values in one row."""
Located = tuple[HostMaterial, VerdictRow]


def merged(verdicts: Iterable[Located], with_host: bool) -> list[list[Located]]:
    """Return the verdicts worst first, those that say the same about one rule together.

    Objects that are well share a row whatever was found: a reader looks for what is not.
    """
    groups: dict[tuple[object, ...], list[Located]] = {}
    order = {state: rank for rank, state in enumerate(WORST_FIRST)}
    for host, row in sorted(
        verdicts, key=lambda pair: (order[pair[1].state], pair[1].code, pair[1].object)
    ):
        said: object = (row.current, row.reason)
        if row.state is State.OK:
            said = None
        elif row.state is State.NOT_RUN:
            said = (row.current, row.reason, row.message)
        # A message names its object: what is not well keeps a row of its own.
        own = row.object if row.message is not None and not with_host else None
        groups.setdefault((row.state, row.code, row.reference, said, own), []).append((host, row))
    return [part for group in groups.values() for part in _parts(group)]


def _parts(group: list[Located]) -> Iterable[list[Located]]:
    """Return the group, or parts of it short enough to name every object with its value."""
    if len({row.current for _, row in group}) == 1:
        return [group]
    return [group[start : start + MOST_VALUES] for start in range(0, len(group), MOST_VALUES)]


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
    # The objects of one target stand behind its name, which is told once.
    shown: dict[str, list[str]] = {}
    for host, row in group:
        before = f"{row.target}: " if row.target else ""
        if before and row.object.startswith(before):
            first = _place(source, (host, row), with_host).removesuffix(row.object) + before
            shown.setdefault(first, []).append(row.object.removeprefix(before))
        else:
            shown.setdefault(_place(source, (host, row), with_host), [])
    return source.voice.together(
        [first + source.voice.together(list(dict.fromkeys(rest))) for first, rest in shown.items()]
    )


def _place(source: Source, pair: Located, with_host: bool) -> str:
    host, row = pair
    if with_host:
        return source.place(host.name, row.object)
    return row.object or source.voice.words("The host")


def _found(source: Source, group: Sequence[Located], with_host: bool) -> tuple[Cell, Cell]:
    """Return the objects of a group and what was found; values that differ name their objects."""
    row = group[0][1]
    if len({row.current for _, row in group}) == 1:
        unknown = source.why(row) if row.state is State.NOT_RUN else source.voice.say(row.reason)
        value = unknown or source.voice.say(row.current) or "—"
        return Cell(places(source, group, with_host)), Cell(value)
    values = [
        f"{_place(source, pair, with_host)} {source.voice.say(pair[1].current)}" for pair in group
    ]
    objects = source.voice.words("{count} objects", count=len(group))
    return Cell(objects), Cell(source.voice.apart(values))


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
                *_found(source, group, with_host),
                Cell(source.voice.say(row.reference) or "—"),
            )
        )
    return Table(
        caption,
        (
            Column(words("Result"), 1.5),
            Column(words("Code"), 1.5, code=True),
            Column(words("Check item"), 2.1),
            Column(words("Object"), 2.7),
            Column(words("Found"), 2.8),
            Column(words("Reference"), 1.9),
        ),
        tuple(rows),
        row_headings=False,
    )
