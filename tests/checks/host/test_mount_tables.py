"""Mount tables are read as the kernel and the administrator wrote them, without passwords."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.host._mount_tables import Entry, entries, unescaped, without_password

# What getmntent(3) escapes, and what stands in the way of a parser.
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1)


def escaped(name: str) -> str:
    for character in "\\ \t\n#":
        name = name.replace(character, f"\\{ord(character):03o}")
    return name


@given(NAMES)
def test_an_escaped_name_comes_back_whole(name: str) -> None:
    assert unescaped(escaped(name)) == name


@given(NAMES)
def test_a_mount_point_of_any_characters_is_found_again(name: str) -> None:
    place = "/" + name.strip("/")
    [entry] = entries(f"/dev/sda1 {escaped(place)} ext4 rw,relatime 0 0\n")
    assert entry == Entry("/dev/sda1", place.rstrip("/") or "/", "ext4", ("rw",))


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    for entry in entries(text):
        assert entry.mount_point


def test_octal_escapes_are_utf_8_bytes() -> None:
    assert unescaped(r"/\345\244\207\344\273\275") == "/备份"


def test_a_short_line_takes_the_defaults() -> None:
    assert list(entries("/dev/sdb1 /data")) == [Entry("/dev/sdb1", "/data", "auto", ())]


def test_the_last_word_on_read_only_counts() -> None:
    [first, second] = entries("/dev/a /a ext4 ro,rw\n/dev/b /b ext4 rw,ro")
    assert not first.read_only
    assert second.read_only


@pytest.mark.parametrize(
    ("device", "shown"),
    [
        ("curlftpfs#ftp://backup:geheim@nas/dir", "curlftpfs#ftp://***@nas/dir"),
        ("https://user:p:w@dav.example/x", "https://***@dav.example/x"),
        ("user:pw@host:/dir", "***@host:/dir"),
        ("user@host:/dir", "user@host:/dir"),
        ("nas:/export/a@b", "nas:/export/a@b"),
        ("[fe80::1%eth0]:/export", "[fe80::1%eth0]:/export"),
        ("/dev/mapper/vg-lv", "/dev/mapper/vg-lv"),
    ],
)
def test_a_password_in_a_device_is_masked(device: str, shown: str) -> None:
    assert without_password(device) == shown


def test_a_password_in_the_options_is_left_out() -> None:
    [entry] = entries("//nas/x /x cifs username=a,password=geheim,ro,nofail 0 0")
    assert entry.options == ("ro", "nofail")
