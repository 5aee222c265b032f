"""The administrator's veto beats settings, command line and pattern; a broken one stops all."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent import veto
from agent.veto import Veto, VetoError
from checks.wording import reason
from tests.agent.workbench import Site, collecting
from tests.unprivileged import NOBODY, open_folder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make root's files")


@dataclass
class Vetoed:
    site: Site
    file: Path

    def say(self, text: str, mode: int = 0o644, owner: int = 0) -> None:
        self.file.write_text(text)
        self.file.chmod(mode)
        os.chown(self.file, owner, owner)


@pytest.fixture
def vetoed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vetoed]:
    site = Site(tmp_path)
    site.checks({"sample.one": "pass", "sample.two": "open('/tmp/never', 'w')"})
    with open_folder() as folder:
        file = folder / "veto.toml"
        (site.plugins / "sitecustomize.py").write_text(
            f"from agent import veto\nveto.PATH = {str(file)!r}\n"
        )
        monkeypatch.setattr(veto, "PATH", str(file))
        yield Vetoed(site, file)


def test_no_file_forbids_nothing(vetoed: Vetoed) -> None:
    assert veto.load() == Veto(off=False, checks=(), upload=True)


def test_a_vetoed_check_is_skipped_and_the_report_can_say_so(vetoed: Vetoed) -> None:
    vetoed.say('checks = ["sample.two"]')
    with collecting() as collector:
        vetoed.site.url = collector.url
        vetoed.site.configure('[checks."sample.two"]\nenabled = true')
        assert vetoed.site.run("--only", "sample.two").exit_code == 0
        [batch] = collector.batches()
    assert collector.observed() == ["sample.one"]
    skipped = {entry.check: entry.failure for entry in batch.header.inspection.skipped}
    assert skipped["sample.two"].subject == "veto"
    assert reason(skipped["sample.two"]).zh == "主机管理员已禁止此项检查"
    output = vetoed.site.agent("check", "sample", "--json").values
    assert [value["check"] for value in output] == ["sample.one"]


@pytest.mark.parametrize("pattern", ["sample", "sample.*", "*"])
def test_chapters_and_globs_are_vetoed(vetoed: Vetoed, pattern: str) -> None:
    vetoed.say(f'checks = ["{pattern}"]')
    assert vetoed.site.agent("check", "sample", "--json").output == ""


def test_switched_off_nothing_happens(vetoed: Vetoed) -> None:
    vetoed.say("off = true")
    settings = str(vetoed.site.configure())
    for finished in (
        vetoed.site.run(),
        vetoed.site.agent("check", "sample"),
        vetoed.site.agent("deliver", "--settings", settings),
        vetoed.site.agent("enrol", "http://127.0.0.1:9", "--code", "x", "--settings", settings),
        vetoed.site.agent("rotate-key", "--settings", settings),
    ):
        assert finished.exit_code == 0
        assert finished.output == ""
        assert "停用" in finished.errors
    assert not (vetoed.site.state / "spool.db").exists()


def test_without_upload_the_inspection_stays_here(vetoed: Vetoed) -> None:
    vetoed.say("upload = false")
    with collecting() as collector:
        vetoed.site.url = collector.url
        vetoed.site.configure()
        finished = vetoed.site.run("--lang", "en")
        assert finished.exit_code == 1
        assert vetoed.site.deliver("--now").exit_code == 1
        assert vetoed.site.deliver().output == "", "the timer's attempts are quiet"
        settings = f"{vetoed.site.folder}/agent.toml"
        for arguments in (
            ("enrol", collector.url, "--code", "x", "--settings", settings),
            ("rotate-key", "--settings", settings),
        ):
            refused = vetoed.site.agent(*arguments, "--lang", "en")
            assert refused.exit_code == 2
            assert "forbids contact" in refused.errors
        assert collector.requests == []
    assert "forbids uploads" in finished.events("forbidden")[0]["why"]
    assert vetoed.site.status()["unsealed_inspections"] == 1


@pytest.mark.parametrize(
    ("text", "mode", "owner", "word"),
    [
        ("off = false", 0o666, 0, "others than root"),
        ("off = false", 0o664, 0, "others than root"),
        ("off = false", 0o644, NOBODY, "others than root"),
        ("off = ", 0o644, 0, "TOML"),
        ("of = true", 0o644, 0, "unknown field `of`"),
        ('off = "yes"', 0o644, 0, "bool"),
        ('checks = "host"', 0o644, 0, "array"),
        ('checks = ["sample.too"]', 0o644, 0, "sample.two"),
    ],
)
def test_what_cannot_be_relied_on_stops_the_agent(
    vetoed: Vetoed, text: str, mode: int, owner: int, word: str
) -> None:
    vetoed.say(text, mode, owner)
    for arguments in (
        ("run", "--settings", str(vetoed.site.configure()), "--lang", "en"),
        ("check", "sample", "--lang", "en"),
    ):
        finished = vetoed.site.agent(*arguments)
        assert finished.exit_code == 2
        assert finished.output == ""
        assert finished.errors.count("\n") == 1
        assert word in finished.errors
    assert not (vetoed.site.state / "spool.db").exists()


def test_a_veto_is_never_a_link_nor_anything_else(vetoed: Vetoed) -> None:
    vetoed.file.symlink_to("/no/such/file")
    with pytest.raises(VetoError, match="regular"):
        veto.load()
    vetoed.file.unlink()
    vetoed.file.mkdir()
    with pytest.raises(VetoError):
        veto.load()
    vetoed.file.rmdir()
    vetoed.say("off = true")
    vetoed.file.parent.chmod(0o777)
    with pytest.raises(VetoError, match="others than root"):
        veto.load()


def test_what_may_not_be_uploaded_is_not_exported_either(vetoed: Vetoed, tmp_path: Path) -> None:
    vetoed.site.configure()
    vetoed.say("upload = false")
    ended = vetoed.site.agent(
        "export", str(tmp_path / "x.inspb"), "--settings", str(tmp_path / "agent.toml")
    )
    assert (ended.exit_code, (tmp_path / "x.inspb").exists()) == (2, False)
    assert "upload = false" in ended.errors
    vetoed.say("off = true")
    ended = vetoed.site.agent(
        "export", str(tmp_path / "x.inspb"), "--settings", str(tmp_path / "agent.toml")
    )
    assert (ended.exit_code, (tmp_path / "x.inspb").exists()) == (0, False)
    assert "off = true" in ended.errors
