"""Reading the simulation of apt-get, and the age of a pending update."""

import shutil
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host import LocalHost
from checks.errors import ProbeError, UnexpectedOutput
from checks.patch.apt import parse_simulation, probe

LINE = (
    "Inst libgcrypt20 [1.10.1-3] (1.10.1-3+deb12u1 Debian:12.15/oldstable,"
    " Debian-Security:12/oldstable-security [amd64]) []\n"
)


@pytest.mark.skipif(not shutil.which("apt-get"), reason="apt is not here")
def test_this_machine_says_what_apt_says() -> None:
    facts = probe(LocalHost())
    answer = LocalHost().run(
        "apt-get", "-s", "-o", "Debug::NoLocking=true", "dist-upgrade", timeout_seconds=60
    )
    lines = [line for line in answer.text.splitlines() if line.startswith("Inst ")]
    assert len(facts.updates) == len(lines)
    assert sum(one.security for one in facts.updates) == sum("ecurity" in line for line in lines)


def test_one_line_is_read_whole() -> None:
    (update,) = parse_simulation(LINE)
    assert (update.installed, update.candidate) == ("1.10.1-3", "1.10.1-3+deb12u1")
    assert update.archives == (
        "Debian:12.15/oldstable",
        "Debian-Security:12/oldstable-security",
    )
    assert update.security


def test_a_local_file_has_no_archive_name() -> None:
    (update,) = parse_simulation("Inst local-tool (1.0 localhost [all])\n")
    assert not update.security


def test_a_line_that_can_not_be_read_is_no_pass() -> None:
    with pytest.raises(UnexpectedOutput):
        parse_simulation("Inst libgcrypt20 [1.10.1-3] (1.10")


@given(st.text() | st.text().map("Inst ".__add__))
def test_any_text_gives_updates_or_a_probe_error(text: str) -> None:
    with suppress(ProbeError):
        assert isinstance(parse_simulation(text), tuple)


@given(st.integers(0, len(LINE)))
def test_a_cut_line_gives_updates_or_a_probe_error(length: int) -> None:
    with suppress(ProbeError):
        assert isinstance(parse_simulation(LINE[:length]), tuple)
