"""The command line itself."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from agent import VERSION, messages
from agent.cli import main
from checks.api import Text
from tests.agent.workbench import REPOSITORY, Site


@pytest.mark.parametrize("command", [[], ["check"], ["run"], ["status"]])
def test_help_speaks_chinese_by_default_and_english_on_request(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert any("一" <= letter <= "鿿" for letter in capsys.readouterr().out)
    with pytest.raises(SystemExit):
        main([*command, "--lang", "en", "--help"] if command else ["--help", "--lang=en"])
    assert not any("一" <= letter <= "鿿" for letter in capsys.readouterr().out)


def test_the_version_is_the_packages() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION


def test_every_sentence_has_the_same_places_in_both_languages() -> None:
    from string import Formatter

    def places(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}

    texts = {name: value for name, value in vars(messages).items() if isinstance(value, Text)}
    assert len(texts) > 30
    for name, value in texts.items():
        assert places(value.zh) == places(value.en), name


def test_a_reader_that_goes_away_does_not_stop_the_agent(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.checks({"sample.one": "pass", "sample.two": "pass"})
    process = site.start("run", "--json", "--settings", str(site.configure()), "--only", "sample")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, errors = process.communicate(timeout=30)
    assert "Traceback" not in errors
    assert process.returncode == 1
    assert site.status()["pending_batches"] == 1


def test_a_check_that_cannot_be_loaded_is_said_and_holds_up_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.checks({"sample.one": "pass", "sample.broken": "pass"})
    (site.plugins / "sample_sample_broken.py").write_text("import no_such_module_at_all\n")
    site.configure('[checks."sample.broken"]\nenabled = false')
    finished = site.run("--lang", "en")
    assert "sample.broken" in finished.errors
    assert [event["check"] for event in finished.events("observed")] == ["sample.one"]


def test_importing_the_agent_loads_nothing_that_only_an_upload_needs() -> None:
    """The budget of processor time (design §9) is spent at start-up first of all."""
    script = (
        "import sys, agent.cli, agent.commands, agent.console, agent.inspection, agent.spool\n"
        "from checks.discovery import discover; discover()\n"
        "unwanted = {'http.client', 'ssl', 'stamina', 'logging', 'asyncio', 'json', 'difflib',\n"
        "    'urllib3', 'dataclasses', 'importlib.metadata', 'cryptography', 'email', 'csv'}\n"
        "print(sorted(unwanted & sys.modules.keys()))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert ended.stdout == "[]\n"


def test_the_listing_shows_scopes_and_what_needs_no_agent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "--list", "host.mounts", "host.memory"]) == 0
    memory, mounts = capsys.readouterr().out.split("host.mounts ")
    assert "元数据 (metadata), 配置信息 (config)" in mounts
    assert "免代理" in mounts
    assert "配置信息" not in memory
    assert "免代理" not in memory
    assert main(["check", "--list", "host.mounts", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    listed = json.loads(line)
    assert (listed["scopes"], listed["agentless"]) == (["metadata", "config"], True)
