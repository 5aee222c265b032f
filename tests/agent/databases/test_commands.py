"""`xunjian-agent database list` shows what is declared and connects to nothing."""

import json
from pathlib import Path

import pytest

from agent.cli import main

SETTINGS = """\
[collector]
url = "https://a.example"

[databases.erp]
kind = "mssql"
title = "ERP 数据库"
host = "192.0.2.1"
instance = "ERP"
user = "xunjian"
password = { file = "/etc/xunjian/never-read.secret" }
exclude = ["test_*"]

[databases.shop]
kind = "mariadb"
socket = "/run/mysqld/mysqld.sock"

[queries.orders]
database = "shop"
title = "待发订单"
query = "SELECT count(*) AS n FROM shop.orders"
columns = { n = "integer" }
value = "n"
critical = 100
"""


def written(folder: Path, text: str = SETTINGS) -> str:
    path = folder / "agent.toml"
    path.write_text(text, "utf-8")
    return str(path)


def test_the_list_names_engine_place_account_and_queries(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["database", "list", "--settings", written(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "erp  ERP 数据库",
        "  类型：mssql",
        "  位置：192.0.2.1\\ERP",
        "  账号：xunjian",
        "  排除：test_*",
        "  自定义查询：无",
        "shop",
        "  类型：mariadb",
        "  位置：/run/mysqld/mysqld.sock",
        "  账号：（由驱动或操作系统确定）",
        "  排除：无",
        "  自定义查询：orders",
    ]


def test_the_list_in_json_is_a_line_for_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["database", "list", "--json", "--settings", written(tmp_path)]) == 0
    erp, shop = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (erp["name"], erp["engine"], erp["exclude"]) == ("erp", "mssql", ["test_*"])
    assert shop["queries"] == ["orders"]
    assert "secret" not in json.dumps([erp, shop])


def test_settings_that_an_inspection_would_refuse_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = SETTINGS.replace("SELECT count(*) AS n FROM", "DELETE FROM")
    assert main(["database", "list", "--settings", written(tmp_path, wrong)]) == 2
    assert "queries.orders.query" in capsys.readouterr().err


def test_no_database_at_all_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, '[collector]\nurl = "https://a.example"\n')
    assert main(["database", "list", "--settings", path]) == 0
    said = capsys.readouterr()
    assert "[databases.名称]" in said.err
    assert said.out == ""
