"""What an administrator reads about databases is what the settings and the commands take."""

import re
import shlex
from pathlib import Path

import msgspec
import pytest

from agent.cli import main
from agent.databases.settings import DatabaseSettings
from agent.queries.settings import QuerySettings
from agent.settings import load
from checks.databases import Engine
from checks.queries import ColumnKind, NoRows

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    (ROOT / "docs" / name).read_text("utf-8") for name in ("databases.md", "databases.zh-CN.md")
]


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", document, re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_setting_and_every_kind_is_told(document: str) -> None:
    told = set(re.findall("`([a-z_]+)`", document))
    for model in (DatabaseSettings, QuerySettings):
        assert {field.name for field in msgspec.structs.fields(model)} - told == set()
    for kinds in (Engine, ColumnKind, NoRows):
        assert {kind.value for kind in kinds} - told == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_example_can_be_used_as_it_stands(document: str, tmp_path: Path) -> None:
    (example,) = blocks(document, "toml")
    path = tmp_path / "agent.toml"
    path.write_text('[collector]\nurl = "https://a.example"\n' + example, "utf-8")
    settings = load(str(path), ())
    assert list(settings.databases) == ["erp", "shop"]
    query = settings.queries["unposted"]
    assert {name for name in QuerySettings.__struct_fields__ if getattr(query, name)} >= {
        "within",
        "show",
        "message_en",
        "remedy_en",
        "unit_en",
    }


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_line_that_is_shown_is_understood(
    document: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = [
        shlex.split(line.split(" #")[0].split(" > ")[0].removeprefix("sudo -u xunjian "))
        for block in blocks(document, "sh")
        for line in block.splitlines()
        if "xunjian-agent " in line
    ]
    assert len(lines) == 4
    for line in lines:
        assert line[:2] == ["xunjian-agent", "database"]
        if line[2] in ("list", "test"):
            path = tmp_path / "agent.toml"
            path.write_text('[collector]\nurl = "https://a.example"\n', "utf-8")
            line += ["--settings", str(path)]
        # Without an entry of that name there is nothing to try: the line itself is understood.
        assert main(line[1:]) == (2 if line[2] == "test" else 0)
        printed = capsys.readouterr().out
        if line[2] == "grant-script":
            assert "切勿授予" in printed or "Never grant" in printed


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_has_not_run_here_is_said_plainly(document: str) -> None:
    head = document.split("\n## ")[0]
    for engine in ("SQL Server", "Oracle", "KingbaseES", "MySQL"):
        assert engine in head
    assert "Dameng" in head or "达梦" in head


def test_both_languages_have_the_same_sections_commands_and_tables() -> None:
    english, chinese = DOCUMENTS

    def bare(document: str) -> list[str]:
        return [
            line.split(" #")[0].strip()
            for language in ("sh", "toml")
            for block in blocks(document, language)
            for line in block.splitlines()
        ]

    assert bare(english) == bare(chinese)
    assert english.count("\n## ") == chinese.count("\n## ")
    assert english.count("\n|") == chinese.count("\n|")
    assert english.count("\n\n") == chinese.count("\n\n")


def test_both_readmes_lead_there() -> None:
    assert "(docs/databases.md)" in (ROOT / "README.md").read_text("utf-8")
    assert "(docs/databases.zh-CN.md)" in (ROOT / "README.zh-CN.md").read_text("utf-8")
