"""The account sets (账套) of a product and the databases that hold them: facts, how they are read.

Of the product's data only codes, names and years are read.
"""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from checks.api import Failure, Struct
from checks.databases import Database, Engine
from checks.errors import UnexpectedOutput, part
from checks.product._databases import Ages, backup_ages, check_ages, databases
from checks.product_packs import AccountSets, Part
from checks.products import Product, answers, require
from wire.messages import Count, Label, Reason, Seconds

MOST_SETS = 500
MOST_BOOKS = 1000
MOST_ORPHANS = 100
_CODE, _YEAR = "<code>", "<year>"
Row = Mapping[str, object]


class AccountSet(Struct, frozen=True, omit_defaults=True):
    """One account set."""

    code: Label
    name: Label
    years: tuple[int, ...] = ()
    """Whose periods are set up."""
    demo: bool = False


class Book(Struct, frozen=True, omit_defaults=True):
    """One database of an account set."""

    code: Label
    database: Label
    """Empty: the product maps none."""
    year: int | None = None
    """The first that it holds."""
    state: Label = ""
    """In the server's word; empty: there is no such database."""
    read_only: bool = False
    size_bytes: Count | None = None
    backup_seconds: Seconds | None = None
    """Age of the last full backup by the server's clock; None: never, or see Facts.backups."""
    checked_seconds: Seconds | None = None
    """Since CHECKDB last ended well, by the server's clock; None: never, or see Facts.checks."""


class Facts(Struct, frozen=True, omit_defaults=True):
    """All account sets of one installation."""

    engine: Engine
    sets: tuple[AccountSet, ...]
    books: tuple[Book, ...]
    orphans: tuple[Label, ...] = ()
    """Databases that look like those of account sets and belong to none."""
    mapped_by: Label = "query"
    """`query` or `pattern`."""
    left_out: Count = 0
    """Databases beyond the most that are told."""
    periods: Failure | None = None
    backups: Failure | None = None
    checks: Failure | None = None
    demo_known: bool = False
    """Whether the pack says what a demo account set is."""


def read(product: Product) -> Facts:
    """Ask for the account sets, their databases, and what the server says of these.

    Raise a ProbeError.
    """
    declared = product.declaration.account_sets
    require(product, Part.ACCOUNT_SETS, declared)
    assert declared is not None
    database = product.database
    where = "account_sets.query"
    rows = _whole(answers(product, declared.query, where), where, ("code", "name"))
    periods = part(lambda: _periods(product))
    years: Mapping[str, tuple[int, ...]] = {} if isinstance(periods, Failure) else periods
    sets = tuple(
        AccountSet(code, name, years.get(code, ()), _is_demo(declared, code, name))
        for code, name in dict.fromkeys((_text(row, "code"), _text(row, "name")) for row in rows)
    )[:MOST_SETS]
    pairs, mapped_by = _mapped(database, declared, sets)
    known = databases(database)
    backups, checks = backup_ages(database), check_ages(database)
    books = []
    told: set[str] = set()
    for code, name, year in pairs:
        # A database is judged once, whatever number of years or account sets it holds.
        if name and (database.excluded(name) or name.casefold() in told):
            continue
        told.add(name.casefold())
        row = known.get(name.casefold())
        key = name.casefold()
        books.append(
            Book(
                code,
                name,
                year,
                row.state if row else "",
                row.read_only if row else False,
                row.size_bytes if row else None,
                _age(backups, key),
                _age(checks, key),
            )
        )
    held = {name.casefold() for _, name, _ in pairs}
    orphans = sorted(
        row.name
        for key, row in known.items()
        if declared.family
        and fnmatchcase(key, declared.family.casefold())
        and key not in held
        and not database.excluded(row.name)
    )
    return Facts(
        database.engine,
        sets,
        tuple(books[:MOST_BOOKS]),
        tuple(orphans[:MOST_ORPHANS]),
        mapped_by,
        max(0, len(books) - MOST_BOOKS) + max(0, len(orphans) - MOST_ORPHANS),
        periods if isinstance(periods, Failure) else None,
        backups if isinstance(backups, Failure) else None,
        checks if isinstance(checks, Failure) else None,
        bool(declared.demo),
    )


def _age(ages: Ages | Failure, key: str) -> float | None:
    return None if isinstance(ages, Failure) else ages.get(key)


def _is_demo(declared: AccountSets, code: str, name: str) -> bool:
    return any(
        fnmatchcase(text.casefold(), pattern.casefold())
        for pattern in declared.demo
        for text in (code, name)
    )


def _periods(product: Product) -> Mapping[str, tuple[int, ...]]:
    declared = product.declaration.periods
    require(product, Part.PERIODS, declared)
    assert declared is not None
    found: dict[str, set[int]] = {}
    where = "periods.query"
    rows = _whole(answers(product, declared.query, where), where, ("code", "year"))
    for row in rows:
        year = _year(row, "periods.query")
        if year is not None:
            found.setdefault(_text(row, "code"), set()).add(year)
    return {code: tuple(sorted(years)) for code, years in found.items()}


Pair = tuple[str, str, int | None]
"""Code, name of the database (empty: none), first year."""


def _mapped(
    database: Database, declared: AccountSets, sets: Sequence[AccountSet]
) -> tuple[list[Pair], str]:
    """Return the databases of each account set, and what told them. Raise a ProbeError."""
    if declared.databases:
        where = "account_sets.databases"
        rows = part(lambda: database.rows(declared.databases))
        if not isinstance(rows, Failure):
            return _by_query(_whole(rows, where, ("code", "database")), sets), "query"
        # An older product may lack the table; anything else is no reason to guess names.
        if rows.reason is not Reason.UNSUPPORTED or not declared.pattern:
            raise UnexpectedOutput(where, f"{rows.reason.value}: {rows.detail}"[:500])
    if not declared.pattern:
        raise UnexpectedOutput("account_sets", "the pack names neither databases nor pattern")
    return list(_by_pattern(declared.pattern, sets)), "pattern"


def _by_query(rows: Sequence[Row], sets: Sequence[AccountSet]) -> list[Pair]:
    of_code: dict[str, list[Pair]] = {each.code: [] for each in sets}
    for row in rows:
        code, name = _text(row, "code"), _text(row, "database")
        year = _year(row, "account_sets.databases")
        if code in of_code and name:
            of_code[code].append((code, name, year))
    found: list[Pair] = []
    for code, pairs in of_code.items():
        found += sorted(set(pairs), key=lambda pair: (pair[2] or 0, pair[1])) or [(code, "", None)]
    return found


def _by_pattern(pattern: str, sets: Sequence[AccountSet]) -> Iterator[Pair]:
    for each in sets:
        named = pattern.replace(_CODE, each.code)
        if _YEAR not in pattern:
            yield each.code, named, None
            continue
        for year in each.years:
            yield each.code, named.replace(_YEAR, str(year)), year
        if not each.years:
            yield each.code, "", None


def _whole(rows: Sequence[Row], where: str, columns: tuple[str, ...]) -> Sequence[Row]:
    """Return the rows of a pack's query. Raise UnexpectedOutput where a column is missing."""
    missing = [name for name in columns if rows and name not in rows[0]]
    if missing:
        raise UnexpectedOutput(where, f"no column {missing[0]}")
    return rows


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value).strip()[:255]


def _year(row: Row, where: str) -> int | None:
    text = _text(row, "year")
    if not text:
        return None
    if not text.isdecimal() or len(text) != 4:
        raise UnexpectedOutput(where, f"{text[:40]} is no year")
    return int(text)
