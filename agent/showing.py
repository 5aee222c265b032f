"""Facts as a person reads them on a terminal: names, values, and lists of rows as tables.

No verdict stands here: the collector judges. Units are part of the names; sizes and shares are
shown as people read them, `--json` has the raw numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from unicodedata import east_asian_width

from checks.wording import percent, size

WIDEST_CELL = 40


def lines(facts: object, indent: str = "  ") -> Iterator[str]:
    """Yield the lines that show facts (as JSON gives them)."""
    if not isinstance(facts, Mapping):
        yield f"{indent}{_plain(facts)}"
        return
    for name, value in facts.items():
        if isinstance(value, Mapping) and value:
            yield f"{indent}{name}:"
            yield from lines(value, indent + "  ")
        elif _is_table(value):
            yield f"{indent}{name}:"
            yield from (f"{indent}  {row}" for row in _table(value))
        else:
            yield f"{indent}{name}: {_named(name, value)}"


def _is_table(value: object) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and len(value) > 0
        and all(isinstance(row, Mapping) for row in value)
    )


def _table(nested: Sequence[Mapping[str, object]]) -> Iterator[str]:
    rows = [_flat(row) for row in nested]
    names = list(dict.fromkeys(name for row in rows for name in row))
    yield from table(
        [names, *([_cell(_named(name, row.get(name))) for name in names] for row in rows)]
    )


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows as lines whose columns stand below each other; all rows are of one length."""
    rows = [[_printable(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        )
        yield "  ".join(padded).rstrip()


def _flat(row: Mapping[str, object]) -> dict[str, object]:
    """Return a row whose inner rows have become columns of their own."""
    flat: dict[str, object] = {}
    for name, value in row.items():
        flat.update(value if isinstance(value, Mapping) else {name: value})
    return flat


def _named(name: object, value: object) -> str:
    """Return a value in the unit that its name ends in."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if str(name).endswith("_bytes"):
            return size(value).zh
        if str(name).endswith("_percent"):
            return percent(value).zh
    return _plain(value)


def _cell(text: str) -> str:
    return text if len(text) <= WIDEST_CELL else text[: WIDEST_CELL - 1] + "…"


def _plain(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_plain(entry)}" for name, entry in value.items()) or "-"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_plain(entry) for entry in value) or "-"
    return _printable(str(value))


def _printable(text: str) -> str:
    """What a host calls its things must not steer the terminal."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def _width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
