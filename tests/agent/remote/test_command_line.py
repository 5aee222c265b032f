"""`remote` costs the other commands nothing, and has help in both languages."""

import subprocess
import sys

import pytest

from agent.cli import main

ACTIONS = ("register", "inspect", "shell", "deliver", "sessions", "authorized-key", "answer")


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_has_its_help(
    action: str, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["remote", action, "--help", "--lang", language])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert ("示例" in said) == (language == "zh-CN")
    assert ("examples" in said) == (language == "en")


def test_the_other_commands_load_nothing_of_it() -> None:
    script = (
        "import sys\nfrom agent.cli import main\n"
        "try:\n    main(['status', '--settings', '/nonexistent'])\nexcept SystemExit: pass\n"
        "print(sorted(m for m in sys.modules if m.startswith(('agent.remote', 'paramiko'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_remote_alone_names_its_actions(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["remote"])
    assert caught.value.code == 2
    assert "ACTION" in capsys.readouterr().err
