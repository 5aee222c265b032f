"""What a backup set says wrongly is told with line and key, before anything is looked at."""

from pathlib import Path

import pytest

from agent.backups.settings import declaration, size_bytes
from agent.errors import SettingsError
from agent.settings import Settings, load
from checks.backup_sets import Kind, OffsiteBy

GOOD = """\
[collector]
url = "https://inspection.example.com"

[backups.erp]
kind = "files"
place = "/backup/erp"
pattern = "{object}_*.dump"
objects = ["erp", "crm"]
minimum_size = "1.5 GiB"
password = { file = "/etc/xunjian/erp.secret" }

[backups.erp.schedule]
window_start = "20:30"
weekdays = ["mon", "sun"]
time_zone = "Asia/Shanghai"

[backups.erp.offsite]
by = "sftp"
host = "backup.example.com"
user = "inspection"
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx4mM0Y2lqZ3o5d0V5c2h5b2x1c2hlbGxvd29y"
key = { file = "/etc/xunjian/offsite.key" }
place = "/mirror/erp"

[backups."账套-01"]
kind = "restic"
place = "sftp:inspection@example.com:/repository"
"""


def loaded(folder: Path, text: str) -> Settings:
    path = folder / "agent.toml"
    path.write_text(text)
    return load(str(path))


def test_a_set_is_read_and_declared_without_its_secrets(tmp_path: Path) -> None:
    settings = loaded(tmp_path, GOOD)
    assert sorted(settings.backups) == ["erp", "账套-01"]
    declared = declaration("erp", settings.backups["erp"])
    assert declared.kind is Kind.FILES
    assert declared.schedule.weekdays == (0, 6)
    assert declared.schedule.deadline == "08:00"
    assert declared.minimum_bytes == 3 * 2**29
    assert declared.offsite is not None
    assert declared.offsite.by is OffsiteBy.SFTP
    assert declared.offsite.place == "backup.example.com:/mirror/erp"
    assert "secret" not in repr(declared)


def test_a_password_in_the_place_is_masked(tmp_path: Path) -> None:
    text = GOOD.replace("sftp:inspection@example.com:", "rest:https://user:hidden@example.com")
    settings = loaded(tmp_path, text)
    assert "hidden" not in repr(declaration("x", settings.backups["账套-01"]))


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "words"),
    [
        ('"1.5 GiB"', '"1 MB"', 9, "minimum_size", "MiB"),
        ('"1.5 GiB"', '"1.5"', 9, "minimum_size", "MiB"),
        ('"1.5 GiB"', "1500", 9, "minimum_size", "MiB"),
        ('"1.5 GiB"', '"-1 GiB"', 9, "minimum_size", "MiB"),
        ('kind = "files"', 'kind = "file"', 5, "kind", "files"),
        ('kind = "files"', "", 4, "kind", "kind is missing"),
        ('"/backup/erp"', '"backup/erp"', 6, "place", "absolute path"),
        ('"{object}_*.dump"', '"*.dump"', 7, "pattern", "{object}"),
        ('"20:30"', '"8:30 pm"', 13, "schedule.window_start", "time of day"),
        ('["mon", "sun"]', '["Monday"]', 14, "schedule.weekdays", "mon tue wed"),
        ('["mon", "sun"]', "[]", 14, "schedule.weekdays", "mon tue wed"),
        ('"Asia/Shanghai"', '"Asia/Beijing"', 15, "schedule.time_zone", "Asia/Shanghai"),
        ('by = "sftp"', 'by = "ftp"', 18, "offsite.by", "sftp"),
        ('host = "backup.example.com"', "", 17, "offsite.host", "address of the offsite server"),
        ('"ssh-ed25519 AAAA', '"ssh-dss AAAA', 21, "offsite.host_key", "public key"),
        ("key = { file", "keys = { file", 22, "offsite.keys", "did you mean key?"),
        ("password = { file", "password = { fil", 10, "password.fil", "did you mean file?"),
        ('{ file = "/etc/xunjian/erp.secret" }', '"hunter2"', 10, "password", "one of"),
        ("minimum_size", "minimumsize", 9, "minimumsize", "did you mean minimum_size?"),
        ("[backups.erp]\nkind", '[backups."a b"]\nkind', 4, "", "letters, digits"),
    ],
)
def test_a_wrong_value_names_line_key_and_what_is_expected(
    tmp_path: Path, old: str, new: str, line: int, key: str, words: str
) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    if "a b" in new:
        text = text.replace("[backups.erp.", '[backups."a b".')
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text)
    error = caught.value
    assert error.line == line, error
    assert error.key.endswith(key)
    assert words in error.text.en
    assert "hunter2" not in error.text.en + error.text.zh


def test_sections_of_another_form_are_refused(tmp_path: Path) -> None:
    for text in ('backups = "x"\n[collector]\nurl = "https://a"\n', "[backups]\nerp = 1\n" + GOOD):
        with pytest.raises(SettingsError, match="backups"):
            loaded(tmp_path, text.replace("[backups.erp", "[backups.other"))


def test_sizes_are_those_of_two() -> None:
    assert [size_bytes(text) for text in ("0 B", "1KiB", "1.5 MiB", "2 TiB")] == [
        0,
        1024,
        3 * 2**19,
        2**41,
    ]
