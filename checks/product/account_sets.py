"""The account sets (账套) of the product, and the database of each."""

from collections.abc import Iterator

from checks.api import Chapter, Check, Measure, Scope, Text, Trend
from checks.product._books import Facts, read
from checks.product._care import CARE
from checks.product._standing import DEMO, MAPPING
from checks.product._year_end import YEAR_END
from checks.products import Product


def probe(product: Product) -> Facts:
    """Ask the pack's queries, and the server for its databases. Raise a ProbeError."""
    return read(product)


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield the size of each database."""
    for book in facts.books:
        if book.size_bytes is not None:
            yield Measure("size_bytes", book.database, book.size_bytes)


CHECK = Check(
    title=Text("账套", "Account sets"),
    chapter=Chapter.PRODUCT,
    facts=Facts,
    probe=probe,
    measures=measures,
    trends=(Trend("size_bytes", Text("账套数据库大小", "Size of the account sets"), "bytes"),),
    systems=("linux", "windows"),
    target="product",
    deadline_seconds=60,
    reads=(
        "the pack's queries: codes, names, years and databases of account sets",
        "sys.databases, sys.master_files, msdb.dbo.backupset, DATABASEPROPERTYEX (SQL Server)",
        "pg_database, pg_database_size (PostgreSQL)",
        "information_schema.schemata, information_schema.tables (MySQL)",
    ),
    privilege=Text(
        "对包中查询的表有 SELECT 权限；SQL Server 另需 VIEW ANY DEFINITION "
        "和 msdb.dbo.backupset 的 SELECT",
        "SELECT on the tables of the pack's queries; on SQL Server VIEW ANY DEFINITION and SELECT "
        "on msdb.dbo.backupset, too",
    ),
    scopes=(Scope.METADATA, Scope.BUSINESS_DATA),
    rules=(MAPPING, CARE, YEAR_END, DEMO),
)
