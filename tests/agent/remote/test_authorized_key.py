"""The line for authorized_keys restricts the key to one command, whatever the file holds."""

from pathlib import Path

import pytest

from agent.cli import main
from agent.errors import RemoteError
from agent.remote.authorized_key import line_of

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw"


def test_the_line_restricts_and_names_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "zhang.pub"
    path.write_text(f"{KEY} zhang@desk\n")
    given = ["remote", "authorized-key", "--key", str(path), "--program", "/opt/x y/xunjian-agent"]
    assert main(given) == 0
    printed = capsys.readouterr()
    assert "~/.ssh/authorized_keys" in printed.err
    said = printed.out.strip()
    command = "'/opt/x y/xunjian-agent' remote answer --forced"
    assert said == f'restrict,command="{command}" {KEY} zhang@desk'


def test_without_a_path_it_is_the_agent_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "zhang.pub"
    path.write_text(KEY)
    assert main(["remote", "authorized-key", "--key", str(path), "--json"]) == 0
    assert "/xunjian-agent remote answer --forced" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [
        "",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n",
        f'command="rm" {KEY}',
        f"{KEY}\n{KEY}\n",
        "ssh-dss AAAAB3NzaC1kc3MAAACBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        KEY.replace(" ", "\t"),
    ],
)
def test_what_is_no_public_key_is_refused(content: str) -> None:
    with pytest.raises(RemoteError, match="not one public key"):
        line_of(content.encode(), "zhang.pub", "/usr/bin/xunjian-agent")


@pytest.mark.parametrize("program", ["xunjian-agent", '/x"; rm -rf /', "/x\ny", ""])
def test_a_path_that_could_say_more_is_refused(program: str) -> None:
    with pytest.raises(RemoteError, match="no absolute path"):
        line_of(KEY.encode(), "zhang.pub", program)


def test_a_name_cannot_begin_a_line_of_its_own() -> None:
    line = line_of(f"{KEY} zhang\x1b[2J\x07".encode(), "zhang.pub", "/usr/bin/xunjian-agent")
    assert line.endswith("zhang[2J")
