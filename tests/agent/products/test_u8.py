"""The pack of U8 over a real driver (FreeTDS), to a server of our own with rows by hand.

No real U8 and no real SQL Server: rows and types are those that public code and documentation name.
"""

from collections.abc import Sequence

import pytest

from agent.databases.subject import ConfiguredDatabase, Session
from agent.host import LocalHost
from agent.products.pack import declaration
from agent.products.subject import ConfiguredProduct
from checks.product import account_sets
from checks.product._databases import MSSQL_BACKUPS, MSSQL_CHECKS, MSSQL_DATABASES
from tests.databases import secret_file, settings
from tests.tds_server import PASSWORD, USER, Refusal, Row, serving

ROWS: dict[str, list[Row]] = {
    "UA_Account AS a": [
        {"code": "001", "name": "华东精密机械有限公司"},
        {"code": "999", "name": "[999]演示账套"},
    ],
    "UA_AccountDatabase AS m": [
        {"code": "001", "database": "UFDATA_001_2021", "year": 2021},
        {"code": "999", "database": "UFDATA_999_2014", "year": 2014},
    ],
    "UA_Period AS p": [{"code": "001", "year": 2026}, {"code": "001", "year": 2027}],
    MSSQL_DATABASES.strip(): [
        {
            "name": "UFDATA_001_2021",
            "state": "ONLINE",
            "read_only": 0,
            "size_bytes": "10737418240",
        },
        {"name": "UFDATA_002_2020", "state": "ONLINE", "read_only": 1, "size_bytes": "8192"},
    ],
    MSSQL_BACKUPS.strip(): [{"name": "UFDATA_001_2021", "minutes": 600}],
    MSSQL_CHECKS.strip(): [{"name": "UFDATA_001_2021", "minutes": 66_000_000}],
    "ProductVersion": [{"number": "15.0.4345.5", "release": "Microsoft SQL Server 2019"}],
}


def answer(query: str) -> Sequence[Row] | Refusal:
    if query.startswith("SET "):
        return []
    return next(rows for words, rows in ROWS.items() if words in query)


def facts(found: dict[str, Refusal | None]) -> account_sets.Facts:
    def told(query: str) -> Sequence[Row] | Refusal:
        for words, refusal in found.items():
            if words in query and refusal is not None:
                return refusal
        return answer(query)

    with serving() as server, secret_file(PASSWORD) as password:
        server.answer = told
        session = Session(
            "erp",
            settings(
                kind="mssql",
                port=server.server_address[1],
                user=USER,
                password={"file": password},
                driver="FreeTDS",
            ),
        )
        try:
            host = LocalHost()
            database = ConfiguredDatabase(session, host)
            product = ConfiguredProduct("U8", declaration("yonyou-u8", {}), host, database)
            return account_sets.probe(product)
        finally:
            session.close()


def test_account_sets_and_their_databases_are_found() -> None:
    seen = facts({})
    first, demo = seen.sets
    assert (first.code, first.name, first.years) == ("001", "华东精密机械有限公司", (2026, 2027))
    assert (demo.code, demo.demo) == ("999", True)
    book, missing = seen.books
    assert (book.database, book.year, book.state) == ("UFDATA_001_2021", 2021, "ONLINE")
    assert (book.size_bytes, book.backup_seconds) == (10 * 2**30, 36_000)
    assert book.checked_seconds is None
    assert missing.state == ""
    assert seen.orphans == ("UFDATA_002_2020",)
    assert seen.mapped_by == "query"


def test_an_older_product_without_the_table_is_read_by_names() -> None:
    seen = facts({"UA_AccountDatabase": Refusal(208, "Invalid object name.")})
    assert seen.mapped_by == "pattern"
    assert [book.database for book in seen.books] == ["UFDATA_001_2026", "UFDATA_001_2027", ""]


@pytest.mark.parametrize("words", ["msdb.dbo.backupset", "LastGoodCheckDbTime"])
def test_a_missing_right_is_told_and_stops_nothing_else(words: str) -> None:
    seen = facts({words: Refusal(229, "The SELECT permission was denied.")})
    refused = seen.backups if "backup" in words else seen.checks
    assert refused is not None
    assert refused.reason.value == "permission"
    assert len(seen.books) == 2
