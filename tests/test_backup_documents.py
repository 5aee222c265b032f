"""What an engineer reads about backups is what the settings take."""

import re
from pathlib import Path

import msgspec
import pytest

from agent.backups.settings import BackupSettings, OffsiteSettings, ScheduleSettings
from agent.settings import load
from checks.backup_sets import Kind, OffsiteBy

DOCS = Path(__file__).parents[1] / "docs"
DOCUMENTS = [(DOCS / name).read_text("utf-8") for name in ("backups.md", "backups.zh-CN.md")]
PLAIN = ("hosts", "tags", "command", "port")
"""Told where the settings are declared (agent/backups/settings.py), and plain from their names."""


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_setting_kind_and_way_is_told(document: str) -> None:
    fields = {
        field.name
        for model in (BackupSettings, OffsiteSettings, ScheduleSettings)
        for field in msgspec.structs.fields(model)
    }
    words = set(re.findall(r"[a-z_0-9]+", document))
    assert fields - words - set(PLAIN) == set()
    assert {kind.value for kind in Kind} | {way.value for way in OffsiteBy} <= words


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_example_can_be_used_as_it_stands(document: str, tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", document, re.S)
    key = "AAAAC3NzaC1lZDI1NTE5AAAAIJx4mM0Y2lqZ3o5d0V5c2h5b2x1c2hlbGxvd29y"
    path = tmp_path / "agent.toml"
    path.write_text('[collector]\nurl = "https://a.example"\n' + example.replace("AAAA...", key))
    assert list(load(str(path)).backups) == ["erp"]


def test_both_languages_have_the_same_sections_and_commands() -> None:
    def blocks(document: str) -> list[str]:
        return [
            line.split("#")[0].strip()
            for block in re.findall(r"```(?:sh|toml)\n(.*?)```", document, re.S)
            for line in block.splitlines()
        ]

    english, chinese = DOCUMENTS
    assert blocks(english) == blocks(chinese)
    assert english.count("\n## ") == chinese.count("\n## ")
