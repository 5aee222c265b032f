"""What a manager reads about grants is what the commands take."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from collector.cli import app
from wire.scopes import Scope

DOCS = Path(__file__).parents[1] / "docs"
DOCUMENTS = [(DOCS / name).read_text("utf-8") for name in ("grants.md", "grants.zh-CN.md")]


def commands(document: str) -> list[str]:
    return [
        line
        for block in re.findall(r"```sh\n(.*?)```", document, re.S)
        for line in block.splitlines()
    ]


def test_both_languages_have_the_same_sections_and_commands() -> None:
    english, chinese = DOCUMENTS
    assert commands(english) == commands(chinese)
    assert english.count("\n## ") == chinese.count("\n## ")


@pytest.mark.parametrize("line", commands(DOCUMENTS[0]))
def test_every_command_is_one(line: str) -> None:
    program, group, name, *words = shlex.split(line)
    assert program == "xunjian-collector"
    commands_of: Any = typer.main.get_command(app)
    command = commands_of.commands[group].commands[name]
    # It refuses here what it would refuse when run: options that are unknown or missing.
    command.make_context(name, words)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_scope_is_told(document: str) -> None:
    told = re.findall(r"^\| `([a-z-]+)` \|", document, re.M)
    assert told == [scope.value for scope in Scope]
