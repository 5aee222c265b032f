"""Settings that can't be used are told in one sentence: file, line, key, what is expected."""

from pathlib import Path

import pytest

from agent.errors import SettingsError
from agent.settings import CheckSettings, load

GOOD = """\
[agent]
state = "/var/lib/other"

[collector]
url = "https://inspection.example.com"

[run]
parallel = 2

[checks."host.volumes"]
deadline_seconds = 5
"""
KNOWN = ("host.volumes", "host.memory")


def written(folder: Path, text: str | bytes) -> str:
    path = folder / "agent.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def refused(folder: Path, text: str | bytes) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(written(folder, text), KNOWN)
    return caught.value


def test_good_settings_are_read_and_filled_up_with_defaults(tmp_path: Path) -> None:
    settings = load(written(tmp_path, GOOD), KNOWN)
    assert settings.agent.state == "/var/lib/other"
    assert settings.run.interval_hours == 24
    assert settings.run.parallel == 2
    assert settings.run.memory_mebibytes == 1024
    assert settings.checks == {"host.volumes": CheckSettings(True, 5)}


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "words"),
    [
        ("parallel = 2", "parallel = 99", 8, "run.parallel", "whole number from 1 to 16"),
        ("parallel = 2", 'parallel = "2"', 8, "run.parallel", "whole number from 1 to 16"),
        ("parallel = 2", "paralel = 2", 8, "run.paralel", "did you mean parallel?"),
        ('"/var/lib/other"', '"here"', 2, "agent.state", "absolute path"),
        ('state = "/var/lib/other"', 'id = "erp"', 2, "agent.id", "agent.id is no setting"),
        ("url =", "#", 4, "collector.url", "collector.url is missing"),
        ("https://inspection", "ftp://inspection", 5, "collector.url", "starts with https://"),
        (
            "https://inspection",
            "http://inspection",
            5,
            "collector.url",
            "127.0.0.1 and localhost only",
        ),
        ("[collector]", "[colector]", 4, "colector", "did you mean collector?"),
        ("url =", "ca_file = '/no/such.pem'\nurl =", 5, "collector.ca_file", "PEM file"),
        ("deadline_seconds = 5", "deadline_seconds = 0", 11, None, "more than 0 and at most 3600"),
        ("deadline_seconds = 5", "enabled = 'no'", 11, None, "true or false"),
        ("deadline_seconds = 5", "dedline_seconds = 5", 11, None, "did you mean deadline_seconds?"),
        ("host.volumes", "host.volume", 10, None, "did you mean host.volumes?"),
        ('."host.volumes"]\ndeadline_seconds', ']\n"host.volumes"', 11, None, "a section [checks."),
        ("parallel = 2", "parallel = ", 8, "", "not valid TOML"),
        ("parallel = 2", "parallel 2", 8, "", "not valid TOML"),
        ("deadline_seconds = 5", 'deadline_seconds = """', 11, "", "not valid TOML"),
        ("[run]", "[[run]]", 7, "run", "a section [run]"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_expected_there(
    tmp_path: Path, old: str, new: str, line: int, key: str | None, words: str
) -> None:
    assert old in GOOD
    error = refused(tmp_path, GOOD.replace(old, new))
    assert error.line == line
    assert words in error.text.en
    assert error.text.en.startswith(f"{tmp_path}/agent.toml, line {line}: ")
    assert f"agent.toml 第 {line} 行：" in error.text.zh
    assert "\n" not in error.text.en
    if key is not None:
        assert error.key == key


def test_a_missing_section_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path, '[agent]\nstate = "/a"\n')
    assert error.key == "collector"
    assert "a section [collector]" in error.text.en


def test_files_that_are_no_settings_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, b"[agent]\nstate = '\xff'").line == 2
    assert "1 MiB" in refused(tmp_path, "#" * (2**20 + 1)).text.en
    with pytest.raises(SettingsError, match="no such settings file"):
        load(str(tmp_path / "absent.toml"))
    with pytest.raises(SettingsError, match="can't be read"):
        load(str(tmp_path))


def test_without_a_list_of_checks_every_name_is_taken(tmp_path: Path) -> None:
    settings = load(written(tmp_path, GOOD.replace("host.volumes", "their.own")))
    assert "their.own" in settings.checks


@pytest.mark.parametrize(
    ("lines", "line", "key"),
    [
        ('proxy = "https://proxy:3128"', 5, "collector.proxy"),
        ('proxy = "http://user:hunter2@proxy:3128"', 5, "collector.proxy"),
        ('proxy_user = "user"', 5, "collector.proxy_user"),
        ('proxy = "http://proxy"\nproxy_user = "us:er"', 6, "collector.proxy_user"),
        ('proxy = "http://p"\nproxy_password = { file = "/a" }', 6, "collector.proxy_password"),
        (
            'proxy = "http://p"\nproxy_user = "u"\nproxy_password = "hunter2"',
            7,
            "collector.proxy_password",
        ),
        (
            'proxy = "http://p"\nproxy_user = "u"\nproxy_password = { file = "a" }',
            7,
            "collector.proxy_password.file",
        ),
        (
            'proxy = "http://p"\nproxy_user = "u"\nproxy_password = { command = ["a"] }',
            7,
            "collector.proxy_password",
        ),
        (
            'proxy = "http://p"\nproxy_user = "u"\nproxy_password = { file="/a", credential="b" }',
            7,
            "collector.proxy_password",
        ),
    ],
)
def test_what_is_wrong_with_a_proxy_is_told_with_its_line(
    tmp_path: Path, lines: str, line: int, key: str
) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(
        f'[agent]\nstate = "/a"\n[collector]\nurl = "https://collector.example"\n{lines}\n'
    )
    with pytest.raises(SettingsError) as caught:
        load(str(path))
    assert (caught.value.line, caught.value.key) == (line, key)
    assert "hunter2" not in caught.value.text.en
