"""What the documents say of remote inspections is what the command line takes."""

import argparse
import re
from pathlib import Path

import pytest

from agent.command_line import parser_in
from agent.remote import inventory
from agent.remote.wishes import Wish

DOCS = Path(__file__).parent.parent / "docs"
DOCUMENTS = ("remote.zh-CN.md", "remote.md")


def actions() -> dict[str, argparse.ArgumentParser]:
    return choices(choices(parser_in("en", remote=True))["remote"])


def choices(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (found,) = (each for each in parser._actions if isinstance(each, argparse._SubParsersAction))
    return dict(found.choices)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_the_document_is_taken(document: str) -> None:
    text = (DOCS / document).read_text(encoding="utf-8")
    lines = re.findall(r"^xunjian-agent remote (\S+)(.*)$", text, re.MULTILINE)
    assert {"register", "inspect", "deliver", "sessions", "authorized-key"} <= {
        name for name, _ in lines
    }
    for name, rest in lines:
        options = {each.partition("=")[0] for each in re.findall(r"--[a-z-]+", rest)}
        known = {option for each in actions()[name]._actions for option in each.option_strings}
        assert options <= known, (name, rest)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_option_of_an_inspection_is_told(document: str) -> None:
    text = (DOCS / document).read_text(encoding="utf-8")
    known = {option for each in actions()["inspect"]._actions for option in each.option_strings}
    untold = {each for each in known if each.startswith("--") and each not in text}
    assert untold <= {"--help", "--lang"}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_inventory_can_be_used_as_it_stands(document: str, tmp_path: Path) -> None:
    text = (DOCS / document).read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "hosts.toml").write_text(example, encoding="utf-8")
    (tmp_path / "erp-db.toml").write_text("")
    first, second = inventory.load(str(tmp_path / "hosts.toml"), Wish(target=""))
    assert (first.target, second.jumps) == ("root@192.0.2.10", ("oper@gate",))
