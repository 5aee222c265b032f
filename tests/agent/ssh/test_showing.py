"""What a server says can't do anything to a terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.ssh.showing import MOST_CHARACTERS, shown


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("Password: ", "Password: "),
        ("密码：\tline\r\nnext", "密码：\tline\nnext"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hover", "over"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("\x9d0;title\x9ctext", "text"),
        ("\x1bPq#0\x1b\\sixel", "sixel"),
        ("\x1b]0;without an end, Password: ", "0;without an end, Password: "),
        ("\x1bcreset", "reset"),
        ("\x1b(0lines", "lines"),
        ("a\x08b\x7fc\x00d\re", "abcde"),
        ("user\u202egnp.exe\u200b", "usergnp.exe"),
        ("\ud800\ue000\u2028x", "x"),
    ],
)
def test_only_what_can_be_read_is_shown(said: str, seen: str) -> None:
    assert shown(said) == seen


@given(st.text(st.characters() | st.sampled_from("\x1b[]0;m\x07\x9b\x9c\\P"), max_size=200))
def test_nothing_that_controls_is_left(said: str) -> None:
    seen = shown(said)
    assert not {unicodedata.category(letter) for letter in seen if letter not in "\n\t"} & {
        "Cc",
        "Cf",
        "Cs",
    }
    assert shown(seen) == seen


def test_it_has_a_bearable_length() -> None:
    assert len(shown("x" * 100_000)) == MOST_CHARACTERS
