"""What the administrator of a customer's host is told is what the agent does."""

import re
from pathlib import Path

import pytest

from agent import veto
from agent.installation.units import STATE, units
from agent.privileged import READINGS

DOCUMENTS = [
    (Path(__file__).parents[1] / "docs" / name).read_text(encoding="utf-8")
    for name in ("agent-administration.md", "agent-administration.zh-CN.md")
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_reading_of_root_is_told(document: str) -> None:
    told = {
        form
        for line in re.findall(r"^\| `([^`]+)` \|", document, re.M)
        for form in (re.sub(r"\[[^]]*\] ", "", line), re.sub(r"[\[\]]", "", line))
    }
    lines = {" ".join((Path(one.command[0]).name, *one.command[1:])) for one in READINGS}
    assert lines <= told


@pytest.mark.parametrize("document", DOCUMENTS)
def test_places_and_limits_are_the_units(document: str) -> None:
    assert veto.PATH in document
    assert STATE in document
    written = dict(units("/opt/xunjian/bin/xunjian-agent", (), privileged=True))
    for name in written:
        assert name in document or name.replace("-deliver.timer", "-deliver.service") in document
    for setting, told in (
        ("CPUQuota=50%", "50"),
        ("MemoryMax=768M", "768 MiB"),
        ("TasksMax=64", "64"),
        ("MemoryMax=512M", "512 MiB"),
    ):
        assert any(setting in content for content in written.values())
        assert told in document


def test_both_languages_have_the_same_sections_and_commands() -> None:
    def commands(document: str) -> list[str]:
        blocks = re.findall(r"```(?:sh|toml)\n(.*?)```", document, re.S)
        return [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]

    english, chinese = DOCUMENTS
    assert commands(english) == commands(chinese)
    assert english.count("\n## ") == chinese.count("\n## ")
