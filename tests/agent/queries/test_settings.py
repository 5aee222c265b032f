"""A declaration that can't be meant is refused before anything runs, in one sentence."""

from pathlib import Path

import pytest

from agent.cli import main
from agent.errors import SettingsError
from agent.settings import load

GOOD = """\
[collector]
url = "https://a.example"

[databases.erp]
kind = "postgresql"

[databases.shop]
kind = "mariadb"

[queries.unposted]
database = "erp"
title = "未过账凭证"
query = "SELECT ledger, count(*) AS n, max(days) AS oldest FROM app.v GROUP BY ledger;"
columns = { ledger = "text", n = "integer", oldest = "days" }
object = "ledger"
value = "n"
show = ["oldest"]
warning = 50
critical = 500
message = "{object}：{value}，{oldest} 天"
"""


def written(folder: Path, text: str) -> str:
    path = folder / "agent.toml"
    path.write_text(text, "utf-8")
    return str(path)


def test_a_good_declaration_is_loaded(tmp_path: Path) -> None:
    query = load(written(tmp_path, GOOD), ()).queries["unposted"]
    assert query.text.endswith("GROUP BY ledger")
    assert (query.most_rows, query.priority) == (100, 2)


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "words"),
    [
        ('database = "erp"', 'database = "crm"', 11, "database", "there are: erp, shop"),
        ('database = "erp"', "", 10, "database", "a name of [databases]"),
        ('"SELECT ledger', '"DELETE ledger', 13, "query", "begins with DELETE"),
        ("GROUP BY ledger;", "GROUP BY ledger; DROP TABLE x", 13, "query", "2 statements"),
        ("AS oldest", "AS eldest", 13, "query", "no column oldest"),
        ("app.v", "v", 13, "query", "name the schema of the table v"),
        ('"integer"', '"whole"', 14, "columns", "kinds are integer, number"),
        ("oldest = ", "N = ", 14, "columns", "more than their case"),
        ('object = "ledger"', 'object = "n"', 15, "object", "one of columns"),
        ('value = "n"', 'value = "m"', 16, "value", "one of columns that can be judged"),
        ('value = "n"', 'value = "ledger"', 16, "value", "let the database make days of a date"),
        ('["oldest"]', '["eldest"]', 17, "show", "names of columns"),
        ("critical = 500", "critical = 5", 19, "critical", "lower_is_worse = true"),
        (
            "critical = 500",
            "critical = 60\nlower_is_worse = true",
            19,
            "critical",
            "at most warning",
        ),
        ("warning = 50\ncritical = 500", "", 10, "warning", "set warning or critical"),
        ("critical = 500", "critical = nan", 19, "critical", "a finite number"),
        ("critical = 500", "critical = inf", 19, "critical", "a finite number"),
        ("{oldest} 天", "{days} 天", 20, "message", "{days} can't be filled"),
        ("{value}", "{value.__class__}", 20, "message", "can't be filled"),
        ("warning = 50", "most_rows = 1001", 18, "most_rows", "from 1 to 1000"),
        ("warning = 50", "priority = 4", 18, "priority", "1, 2 or 3"),
        ("warning = 50", "no_rows = 'bad'", 18, "no_rows", "one of ok, not_applicable"),
        ("warning = 50", "warn = 50", 18, "warn", "did you mean warning?"),
        ('value = "n"', 'value = "oldest"\nunit = "天"', 17, "unit", "a unit of its own"),
        ('database = "erp"', 'database = "shop"\nwithin = "a"', 12, "within", "database.table"),
        ("[queries.unposted]", "[queries.'a b']", 10, "", "a section whose name has letters"),
        ("[queries.unposted]", "[queries]", 11, "database", "sections like [queries.unposted]"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_what_is_expected(
    tmp_path: Path, old: str, new: str, line: int, key: str, words: str
) -> None:
    assert GOOD.count(old) >= 1
    with pytest.raises(SettingsError) as caught:
        load(written(tmp_path, GOOD.replace(old, new, 1)), ())
    assert words in caught.value.text.en
    assert caught.value.line == line
    assert key in caught.value.key


def test_what_only_hands_over_does_not_stop_at_a_query(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.replace("GROUP BY ledger;", "; DROP TABLE x"))
    assert load(path).queries["unposted"]
    with pytest.raises(SettingsError):
        load(path, ())


def test_an_inspection_with_such_a_query_ends_with_one_sentence_and_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, GOOD.replace("count(*)", "pg_sleep(9)"))
    assert main(["run", "--settings", path]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert (
        "第 13 行：queries.unposted.query 应为一条只读的 SELECT 语句：其中调用了 pg_sleep" in error
    )
