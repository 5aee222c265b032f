"""Chapter 9: each product by itself: its pack, what users see of it, and every account set."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from checks import wording
from checks.api import Chapter as Part
from checks.api import Point
from collector.reports.blocks import Block, Cell, Chapter, Column, Paragraph, Style, Table
from collector.reports.chapters.areas import area, area_blocks
from collector.reports.chapters.instances import worst
from collector.reports.chapters.inventory import failure_reason, rows_of
from collector.reports.material import HostMaterial, TargetFacts, named
from collector.reports.source import Source
from collector.reports.terms import CHAPTERS

PACK = "product.pack"
SETS = "product.account_sets"
LEAST_DAYS = 14
MONTH_DAYS = 30.4375
Facts = Mapping[str, object]


def products(source: Source) -> Chapter:
    """Return chapter 9: a section for each product, then the results of all."""
    words = source.voice.words
    found = [
        (host, each)
        for host in source.material.hosts
        for each in host.targets
        if each.check == PACK and each.facts is not None
    ]
    if not found:
        return area(source, Part.PRODUCT)
    title, number = CHAPTERS[Part.PRODUCT]
    sections = [
        Chapter(
            f"{number}.{place}",
            _text(each.facts, "title") or each.target,
            f"product-{place}",
            tuple(_product(source, host, each)),
        )
        for place, (host, each) in enumerate(found, start=1)
    ]
    results = Chapter(
        f"{number}.{len(found) + 1}",
        words("Results of the products"),
        "product-results",
        tuple(area_blocks(source, Part.PRODUCT)),
    )
    return Chapter(number, words(title), Part.PRODUCT.value, (*sections, results))


def _product(source: Source, host: HostMaterial, pack: TargetFacts) -> Iterator[Block]:
    words, facts = source.voice.words, pack.facts or {}
    chinese = source.voice.language.value.startswith("zh")
    product = facts.get("product")
    name = product.get("zh" if chinese else "en") if isinstance(product, Mapping) else ""
    yield Paragraph(
        words(
            "{product}, by pack {pack} {version}. {verified}",
            product=name,
            pack=facts.get("pack"),
            version=facts.get("version"),
            verified=facts.get("verified_zh" if chinese else "verified_en"),
        ),
        Style.LEAD,
    )
    yield Table(
        words("{product}: overview", product=_text(facts, "title")),
        (
            Column(words("Item"), 1.5),
            Column(words("Content"), 5),
            Column(words("Result"), 1.5),
        ),
        (
            (Cell(words("Host")), Cell(host.name), Cell("—")),
            (
                Cell(words("Database")),
                Cell(_text(facts, "database") or words("None named in the settings")),
                Cell("—"),
            ),
            _line(source, host, pack, "services", words("Services and processes")),
            _line(source, host, pack, "access", words("Ports and first page")),
            _line(source, host, pack, "licence", words("Licence")),
        ),
    )
    yield from _account_sets(source, host, pack)


def _line(
    source: Source, host: HostMaterial, pack: TargetFacts, check: str, title: str
) -> tuple[Cell, ...]:
    """Return one line of the overview: what the check found, and its worst verdict."""
    rows = [
        row
        for row in host.verdicts
        if row.check == f"product.{check}" and row.target == pack.target
    ]
    said = [
        " ".join(
            filter(
                None,
                (
                    _object(row.object, row.target),
                    source.voice.say(row.current)
                    or source.why(row)
                    or source.voice.say(row.reason),
                ),
            )
        )
        for row in rows
    ]
    objects = frozenset(row.object for row in rows)
    state = worst(source, host, Part.PRODUCT, pack.target, objects) if rows else Cell("—")
    text = source.voice.apart(list(dict.fromkeys(said)))
    return Cell(title), Cell(text or source.voice.words("Not collected")), state


def _object(shown: str, target: str) -> str:
    return "" if shown == target else shown.removeprefix(f"{target}: ")


def _account_sets(source: Source, host: HostMaterial, pack: TargetFacts) -> Iterator[Block]:
    words = source.voice.words
    found = next(
        (each for each in host.targets if (each.check, each.target) == (SETS, pack.target)), None
    )
    if found is None or found.facts is None:
        why = source.voice.say(found.reason) if found is not None else ""
        yield source.empty(
            words("Account sets: not collected ({why}).", why=why or words("not asked for"))
        )
        return
    if found.reason is not None:
        yield Paragraph(
            words(
                "Account sets as of {day}; the newest try failed: {why}.",
                day=source.voice.day(found.observed_at),
                why=source.voice.say(found.reason),
            ),
            Style.NOTE,
        )
    rows = tuple(_book(source, host, found, book) for book in rows_of(found.facts.get("books")))
    if not rows:
        yield source.empty(words("Account sets: the product has none."))
        return
    yield Table(
        words("{product}: account sets", product=_text(pack.facts, "title")),
        (
            Column(words("Account set"), 0.9),
            Column(words("Name"), 1.75),
            Column(words("Database"), 2.2),
            Column(words("Fiscal year"), 0.65),
            Column(words("Size"), 1.25, numeric=True),
            Column(words("Growth a month"), 0.85, numeric=True),
            Column(words("Last backup"), 1.2),
            Column(words("Last CHECKDB"), 1.2),
            Column(words("State"), 1.15),
        ),
        rows,
    )
    if _not_applicable(found.facts.get("backups")):
        yield Paragraph(
            words(
                "Databases of this engine keep no history of their backups and have no CHECKDB: "
                "what is known of backups stands in chapter 8."
            ),
            Style.NOTE,
        )
    for key, name in (
        ("backups", words("Last backup")),
        ("checks", words("Last CHECKDB")),
    ):
        failure = found.facts.get(key)
        if _not_applicable(failure):
            continue
        if why := failure_reason(source, failure):
            yield Paragraph(words("{name}: {why}.", name=name, why=why), Style.NOTE)


def _book(source: Source, host: HostMaterial, found: TargetFacts, book: Facts) -> tuple[Cell, ...]:
    words, facts = source.voice.words, found.facts or {}
    code, database = _text(book, "code"), _text(book, "database")
    account_set = next((row for row in rows_of(facts.get("sets")) if row.get("code") == code), {})
    name = _text(account_set, "name")
    if account_set.get("demo"):
        name = words("{name} (demo)", name=name)
    size = book.get("size_bytes")
    objects = frozenset({named(found.target, database), named(found.target, code)})
    return (
        Cell(code),
        Cell(name or "—"),
        Cell(database or words("None")),
        Cell(_years(book, account_set)),
        Cell(source.voice.say(wording.size(size)) if isinstance(size, int) else "—"),
        Cell(_growth(host.series.get((SETS, "size_bytes", named(found.target, database)), ()))),
        Cell(_ago(source, found, book.get("backup_seconds"), facts.get("backups"))),
        Cell(_ago(source, found, book.get("checked_seconds"), facts.get("checks"))),
        worst(source, host, Part.PRODUCT, found.target, objects),
    )


def _ago(source: Source, found: TargetFacts, seconds: object, failure: object) -> str:
    """Return the day of what was so long ago; why it is not known; or that it never was."""
    words = source.voice.words
    if isinstance(failure, Mapping):
        return words("Not applicable") if _not_applicable(failure) else words("Not collected")
    if isinstance(seconds, int | float):
        return source.voice.day(found.observed_at - timedelta(seconds=seconds))
    return words("Never")


def _not_applicable(failure: object) -> bool:
    return isinstance(failure, Mapping) and failure.get("reason") == "not_applicable"


def _years(book: Facts, account_set: Facts) -> str:
    if isinstance(book.get("year"), int):
        return str(book["year"])
    years = account_set.get("years")
    if not isinstance(years, list | tuple) or not years:
        return "—"
    return str(years[0]) if len(years) == 1 else f"{years[0]}–{years[-1]}"


def _growth(points: tuple[Point, ...]) -> str:
    """Return the growth a month over the points of the period; a dash for too few days."""
    if not points or points[0].value <= 0:
        return "—"
    days = (points[-1].at - points[0].at).total_seconds() / 86400
    if days < LEAST_DAYS:
        return "—"
    return f"{100 * (points[-1].value / points[0].value - 1) / days * MONTH_DAYS:+.1f}%"


def _text(facts: Facts | None, name: str) -> str:
    value = (facts or {}).get(name)
    return value if isinstance(value, str) else ""
