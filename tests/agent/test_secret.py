"""Secrets: every way to keep one, every way to keep one wrongly, and that none is shown."""

import os
import pickle
from pathlib import Path

import msgspec
import pytest

from agent import redaction, secret
from agent.errors import AgentError
from agent.secret import Secret, SecretError, SecretSource, foresee, obtain


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_forms", [])
    monkeypatch.setattr(redaction, "_needles", [])
    monkeypatch.setattr(secret, "_obtained", {})


def kept(folder: Path, content: bytes, mode: int = 0o600) -> SecretSource:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return SecretSource(file=str(path))


def refusal(source: SecretSource) -> str:
    with pytest.raises(SecretError) as caught:
        obtain(source, "collector.proxy_password")
    text = caught.value.text
    for sentence in (text.zh, text.en):
        assert "collector.proxy_password" in sentence
        assert "\n" not in sentence
    assert any("一" <= letter <= "鿿" for letter in text.zh)
    return text.en


def test_a_secret_shows_itself_only_when_asked() -> None:
    one = Secret("hunter2-hunter2")
    assert one.reveal() == "hunter2-hunter2"
    shown = (str(one), repr(one), f"{one}", f"{one:>40}", "%s" % one, str([one]), str({"a": one}))  # noqa: UP031
    assert all("hunter2" not in text and "***" in text for text in shown)
    assert one != Secret("hunter2-hunter2")
    assert one != "hunter2-hunter2"
    assert not hasattr(one, "__dict__")
    with pytest.raises(TypeError):
        pickle.dumps(one)
    with pytest.raises(TypeError):
        msgspec.json.encode(one)


def test_a_file_gives_its_first_line(tmp_path: Path) -> None:
    assert obtain(kept(tmp_path, b"p\xc3\xa4ss word \r\nnext"), "x").reveal() == "päss word "
    (tmp_path / "secret").unlink()
    again = SecretSource(file=str(tmp_path / "secret"))
    assert obtain(again, "x").reveal() == "päss word ", "asked once in the life of a process"


def test_a_file_with_a_private_key_gives_all_of_it(tmp_path: Path) -> None:
    key = (
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----\n"
    )
    assert obtain(kept(tmp_path, key.encode()), "x").reveal() == key
    assert "b3Blbn" not in redaction.clean(f"said {key} and went on")


def test_a_file_that_others_could_read_or_own_is_refused(tmp_path: Path) -> None:
    for mode in (0o640, 0o604, 0o660, 0o700, 0o644):
        assert f"{mode:04o}" in refusal(kept(tmp_path, b"long enough", mode))
    assert obtain(kept(tmp_path, b"long enough", 0o400), "x")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    source = kept(tmp_path, b"long enough")
    os.chown(tmp_path / "secret", 65534, 65534)
    assert "65534" in refusal(source)


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    kept(tmp_path, b"long enough")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "fifo", 0o600)
    for name in ("link", "fifo", ""):
        assert "regular" in refusal(SecretSource(file=str(tmp_path / name)))
    assert "does not exist" in refusal(SecretSource(file=str(tmp_path / "absent")))


def test_what_can_be_no_secret_is_refused_without_quoting_it(tmp_path: Path) -> None:
    for content, word in (
        (b"", "empty"),
        (b"\nsecond", "empty"),
        (b"abc\n", "fewer than 4"),
        (b"\xff\xfe bytes", "UTF-8"),
        (b"x" * 20000, "more than"),
    ):
        sentence = refusal(kept(tmp_path, content))
        assert word in sentence
        assert "second" not in sentence
        assert "abc" not in sentence


def test_a_credential_comes_from_systemds_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SecretSource(credential="proxy")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert "LoadCredential" in refusal(source)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert "does not exist" in refusal(source)
    (tmp_path / "proxy").write_text("from systemd\n")
    (tmp_path / "proxy").chmod(0o440)
    assert obtain(source, "x").reveal() == "from systemd"


def test_a_command_gives_its_first_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = SecretSource(command=("/usr/bin/printf", "from a tool\nrest"))
    assert obtain(source, "x").reveal() == "from a tool"
    sentence = refusal(SecretSource(command=("/bin/sh", "-c", "echo told >&2; echo told; exit 3")))
    assert "exit code 3" in sentence
    assert "told" not in sentence
    assert "missing_tool" in refusal(SecretSource(command=("/no/such/tool",)))
    monkeypatch.setattr(secret, "COMMAND_SECONDS", 0.2)
    assert "timeout" in refusal(SecretSource(command=("/bin/sleep", "60")))


def test_a_source_is_exactly_one_place() -> None:
    for wrong in (
        {},
        {"file": "/a", "credential": "b"},
        {"file": "relative"},
        {"command": []},
        {"command": ["relative"]},
        {"credential": "../etc/shadow"},
        {"credential": ".."},
        {"value": "in the settings"},
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, SecretSource)
    assert msgspec.convert({"command": ["/a", "b"]}, SecretSource).command == ("/a", "b")


def test_all_that_settings_name_is_known_before_it_is_needed(tmp_path: Path) -> None:
    class Part(msgspec.Struct):
        password: SecretSource
        missing: SecretSource | None = SecretSource(file="/no/such/file")

    foresee({"a": [Part(kept(tmp_path, b"known beforehand"))]})
    assert redaction.clean("it is known beforehand!") == "it is ***!"


def test_an_error_is_without_secrets_from_the_start() -> None:
    from checks.api import Text

    Secret("canary-in-an-error")
    error = AgentError(Text.same("no: canary-in-an-error and http://u:pw@proxy"))
    assert str(error) == error.text.zh == "no: *** and http://u:***@proxy"
