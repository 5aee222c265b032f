"""Products of the settings: what is wrong is told in one sentence with line and key."""

import sys
from pathlib import Path

import pytest

from agent.commands import entries_of
from agent.errors import SettingsError
from agent.products import pack as packs
from agent.products.pack import PackError, declaration, shipped
from agent.products.queries import queries
from agent.queries.examining import problem
from agent.settings import load
from checks.api import Text
from checks.databases import Engine
from checks.discovery import names
from checks.product import _databases
from checks.product_packs import Process

GOOD = """\
[collector]
url = "https://inspection.example.com"

[databases.erp]
kind = "postgresql"
user = "xunjian"

[databases.cube]
kind = "oracle"
service = "cube"

[products.web]
pack = "web-erp"
title = "总部 ERP"
database = "erp"

[products.web.parameters]
services = ["erp.service"]
account_sets = "SELECT code, name FROM public.account_set"
log_errors = "ERROR"
status = [200, 204]
"""


def wrong(query: str, engine: Engine) -> Text | None:
    return problem(query, engine, columns=(), home="erp")


def written(folder: Path, text: str) -> str:
    path = folder / "agent.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def refused(folder: Path, text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(written(folder, text), names())
    assert "\n" not in caught.value.text.zh
    return caught.value


def test_a_product_is_an_entry_with_its_name(tmp_path: Path) -> None:
    settings = load(written(tmp_path, GOOD), names())
    entry = entries_of(settings)[-1]
    assert (entry.target.kind, entry.target.name, entry.kind) == ("product", "web", "web-erp")
    assert entry.close is not None


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "words"),
    [
        ('"web-erp"', '"web-epr"', 13, "products.web.pack", "did you mean web-erp?"),
        ('"web-erp"', '"/no/such.toml"', 13, "products.web.pack", "it can't be read"),
        ("pack =", "pak =", 13, "products.web.pak", "did you mean pack?"),
        ('pack = "web-erp"', "", 12, "products.web.pack", "is missing"),
        ('database = "erp"', 'database = "epr"', 15, "products.web.database", "did you mean erp?"),
        (
            'database = "erp"',
            'database = "cube"',
            15,
            "products.web.database",
            "one of an engine that the pack knows",
        ),
        ("services =", "servics =", 18, "products.web.parameters.servics", "did you mean services"),
        ('["erp.service"]', '"erp.service"', 18, "products.web.parameters.services", "a list"),
        ('["erp.service"]', "[1]", 18, "products.web.parameters.services", "a value that fits"),
        ("[200, 204]", "true", 21, "products.web.parameters.status", "a list"),
        (
            "SELECT code, name FROM public.account_set",
            "DELETE FROM public.account_set",
            19,
            "products.web.parameters.account_sets",
            "one SELECT that only reads",
        ),
        (
            "SELECT code, name FROM public.account_set",
            "SELECT 1 AS code; SELECT 2",
            19,
            "products.web.parameters.account_sets",
            "one SELECT that only reads",
        ),
        (
            "SELECT code, name FROM public.account_set",
            "SELECT code, name FROM public.account_set FOR UPDATE",
            19,
            "products.web.parameters.account_sets",
            "FOR UPDATE",
        ),
        (
            "SELECT code, name FROM public.account_set",
            "SELECT code FROM (",
            19,
            "products.web.parameters.account_sets",
            "be read as",
        ),
        ('"ERROR"', '"(ERROR"', 13, "products.web.pack", "the expression"),
        ("products.web]", 'products."a/b"]', 12, "products.a/b", "letters, digits"),
        ("[products.web]", "[products]\nweb = 1", 13, "products.web", "sections like"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_expected_there(
    tmp_path: Path, old: str, new: str, line: int, key: str, words: str
) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    if new.startswith(("[products]", 'products."')):
        text = text.partition("[products.web.parameters]")[0]
    error = refused(tmp_path, text)
    assert (error.line, error.key) == (line, key), error.text.en
    assert words in error.text.en
    assert f"agent.toml 第 {line} 行：" in error.text.zh


def own_pack(folder: Path, text: str) -> str:
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


OWN = """\
format = 1
name = "own"
version = "1"
services = "{services}"
[title]
zh = "自有"
en = "Own"
[verified]
zh = "未验证。"
en = "Not verified."
[parameters]
services = []
port = 80
[page]
address = "http://127.0.0.1:{port}/"
"""


def test_a_pack_of_ones_own_is_filled(tmp_path: Path) -> None:
    found = declaration(own_pack(tmp_path, OWN), {"services": ["a"], "port": 8080})
    assert found.services == ("a",)
    assert found.page is not None
    assert found.page.address == "http://127.0.0.1:8080/"
    assert found.licence is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("format = 1", "format = 2", "its format (line 1) must be 1"),
        ('"{services}"', '"{service}"', "service is none"),
        ("[page]", "[pages]", "unknown field `pages`"),
        ("http://127", "ftp://127", "its page.address (line 15)"),
        ("zh = ", "zh ", "line 6 is not valid TOML"),
        ('version = "1"', "", "version"),
    ],
)
def test_a_pack_that_is_wrong_is_told_by_its_line(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    path = own_pack(tmp_path, OWN.replace(old, new, 1))
    with pytest.raises(PackError) as caught:
        declaration(path, {})
    assert caught.value.keys == ("pack",)
    assert words in caught.value.expected.en
    assert path in caught.value.expected.zh


def test_what_is_no_pack_at_all_is_told(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    for content in (b"\xff", b"#" * (packs.LONGEST_BYTES + 1)):
        path.write_bytes(content)
        with pytest.raises(PackError, match="a pack that can be used"):
            declaration(str(path), {})


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_pack_loads_without_parameters_and_says_what_it_was_tried_on(name: str) -> None:
    found = declaration(name, {})
    assert found.name == name
    assert "验证" in found.verified.zh
    assert found.verified.en
    for engine in found.engines:
        for place, query in queries(found):
            assert wrong(query, engine) is None, place


def test_the_pack_of_u8_uses_the_confirmed_tables_alone() -> None:
    found = declaration("yonyou-u8", {"system_database": "UFSYS", "processes": [{"name": "w3wp"}]})
    assert found.account_sets is not None
    assert found.periods is not None
    assert found.processes == (Process("w3wp"),)
    tables = {
        word
        for query in (found.account_sets.query, found.account_sets.databases, found.periods.query)
        for word in query.split()
        if word.startswith("UFSYS")
    }
    assert tables == {
        "UFSYS.dbo.UA_Account",
        "UFSYS.dbo.UA_AccountDatabase",
        "UFSYS.dbo.UA_Period",
    }
    assert (found.ports, found.services, found.page) == ((), (), None)


@pytest.mark.parametrize(
    ("query", "engine"),
    [
        (_databases.MSSQL_DATABASES, Engine.MSSQL),
        (_databases.MSSQL_BACKUPS, Engine.MSSQL),
        (_databases.MSSQL_CHECKS, Engine.MSSQL),
        (_databases.POSTGRESQL_DATABASES, Engine.POSTGRESQL),
        (_databases.MYSQL_DATABASES, Engine.MYSQL),
    ],
)
def test_what_the_check_itself_asks_is_one_reading_query(query: str, engine: Engine) -> None:
    assert wrong(query, engine) is None


def test_a_query_for_another_engine_is_read_in_its_language() -> None:
    assert wrong("SELECT `a` FROM `b`", Engine.MARIADB) is None
    assert wrong("SELECT TOP 1 [a] FROM [b]", Engine.MSSQL) is None
    assert wrong("WITH x AS (SELECT 1 AS a) SELECT a FROM x", Engine.POSTGRESQL) is None
    assert wrong("SELECT a INTO b FROM c", Engine.MSSQL) is not None
    assert wrong("EXEC sp_who", Engine.MSSQL) is not None
    assert wrong("", Engine.MYSQL) is not None


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    error = refused(tmp_path, GOOD)
    assert "xunjian[database]" in error.text.zh
    assert error.line == 19
