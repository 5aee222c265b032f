"""Listeners as `ss` sees them, and sshd's settings from its files."""

import shutil
import socket
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host import LocalHost
from checks.errors import ProbeError, ToolMissing
from checks.host._sshd_settings import (
    Setting,
    configured_sshd_settings,
    effective_sshd_settings,
    parse_sshd,
)
from checks.host.exposure import read_listeners
from tests.situation import CapturedHost

# What OpenSSH 9.2 on Debian 12 prints, shortened.
EFFECTIVE = (
    "port 22\npermitrootlogin without-password\n"
    "passwordauthentication yes\npermitemptypasswords no\n"
)


def test_listeners_are_those_that_ss_lists() -> None:
    if not shutil.which("ss"):
        pytest.skip("ss is not installed")
    with socket.create_server(("127.0.0.1", 0)) as server:
        mine = server.getsockname()[1]
        found = {one.port for one in read_listeners()}
        listed = LocalHost().run("ss", "-Hltn").text.splitlines()
    ports = {int(line.split()[3].rpartition(":")[2]) for line in listed}
    assert mine in found
    assert mine in ports
    # Other programs come and go between the two readings.
    assert len(found ^ ports) <= 3


def test_the_first_value_wins_and_a_match_block_does_not_count() -> None:
    files = {
        "/etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\n"
        "PermitRootLogin no\n#PasswordAuthentication no\nPermitEmptyPasswords=no\n",
        "/etc/ssh/sshd_config.d/50-cloud.conf": 'PermitRootLogin "yes"\n'
        "Match User git\n  PasswordAuthentication no\n",
    }
    assert configured_sshd_settings(CapturedHost({"files": files})) == (
        Setting("permitrootlogin", "yes"),
        Setting("permitemptypasswords", "no"),
    )


def test_sshd_itself_is_asked_for_its_defaults() -> None:
    command = {"command": ["/usr/sbin/sshd", "-T"], "output": EFFECTIVE}
    host = CapturedHost({"files": {"/usr/sbin/sshd": ""}, "commands": [command]})
    assert Setting("permitrootlogin", "without-password") in effective_sshd_settings(host)


def test_a_host_without_openssh_has_no_settings() -> None:
    assert configured_sshd_settings(CapturedHost({})) == ()
    with pytest.raises(ToolMissing):
        effective_sshd_settings(CapturedHost({}))


@given(st.text() | st.integers(0, 90).map(lambda length: EFFECTIVE[:length]), st.booleans())
def test_any_text_gives_settings_or_a_probe_error(text: str, first_wins: bool) -> None:
    with suppress(ProbeError):
        assert isinstance(parse_sshd(text, first_wins=first_wins), tuple)
