"""What a cast shows is what was on the terminal."""

import json
import os
import pty
import re
import shutil
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.asciicast import cast
from wire.errors import Unreadable
from wire.record import (
    BatchFetched,
    CommandEnded,
    CommandRun,
    Connected,
    Ended,
    Event,
    FileMoved,
    Line,
    Noted,
    Received,
    Resized,
    SecretUsed,
    Sent,
    SessionOpened,
)

AT = datetime(2026, 11, 22, 8, 0, 0, tzinfo=UTC)
TEXT = "系统巡检 报告 ✓ \x1b[1m粗体\x1b[0m\r\n"


def lines(*events: Event) -> list[Line]:
    return [Line(n + 1, AT, n * 0.25, event, "") for n, event in enumerate(events)]


def read(cast_lines: Iterable[str]) -> tuple[dict[str, Any], list[tuple[float, str, str]]]:
    """Read a cast by the words of its format (docs.asciinema.org/manual/asciicast/v2)."""
    whole = "".join(cast_lines)
    assert whole.endswith("\n")
    header, *events = [json.loads(line) for line in whole.splitlines()]
    assert header["version"] == 2
    assert all(isinstance(header[name], int) for name in ("width", "height", "timestamp"))
    before = 0.0
    for event in events:
        at, kind, text = event
        assert isinstance(at, float)
        assert at >= before
        assert kind in ("o", "i", "r")
        assert isinstance(text, str)
        before = at
        if kind == "r":
            assert re.fullmatch(r"\d+x\d+", text)
    return header, [(at, kind, text) for at, kind, text in events]


def shown(cast_lines: Iterable[str], kind: str = "o") -> str:
    return "".join(text for _, each, text in read(cast_lines)[1] if each == kind)


def test_the_header_has_the_size_of_the_terminal() -> None:
    record = lines(Noted("hello"), Resized(132, 43), Received(b"x"), Resized(80, 25))
    header, events = read(cast(record))
    assert header == {
        "version": 2,
        "width": 132,
        "height": 43,
        "timestamp": int(AT.timestamp()),
        "env": {"TERM": "xterm-256color"},
    }
    assert events == [
        (0.0, "o", "\r\n# hello\r\n"),
        (0.25, "r", "132x43"),
        (0.5, "o", "x"),
        (0.75, "r", "80x25"),
    ]


@pytest.mark.parametrize("step", [1, 2, 3, 5])
def test_a_character_that_was_cut_in_two_comes_out_whole(step: int) -> None:
    content = TEXT.encode()
    pieces = [content[place : place + step] for place in range(0, len(content), step)]
    both = [event for piece in pieces for event in (Received(piece), Sent(piece))]
    record = lines(*both)
    assert shown(cast(record)) == TEXT
    assert shown(cast(record), "i") == TEXT


def test_a_terminal_in_gb18030_can_be_shown_too() -> None:
    content = "数据库 实例".encode("gb18030")
    record = lines(*(Received(bytes([each])) for each in content))
    assert shown(cast(record, encoding="gb18030")) == "数据库 实例"
    assert "\ufffd" in shown(cast(record))


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=20))
@settings(deadline=None)
def test_the_shown_text_is_that_of_the_received_bytes(pieces: list[bytes]) -> None:
    record = lines(Resized(80, 24), *(Received(piece) for piece in pieces))
    assert shown(cast(record)) == b"".join(pieces).decode("utf-8", "replace")


def test_an_inspection_without_a_terminal_is_readable() -> None:
    digest = "ab" * 32
    record = lines(
        SessionOpened(b"{}", b"{}"),
        Connected(
            "10.0.0.5", "root", "ssh-ed25519 SHA256:x", "inventory", "publickey", ("jump:22",)
        ),
        CommandRun("uname -s\nid -u"),
        CommandEnded(0, 12, digest, 3),
        CommandEnded(None, 0, digest),
        FileMoved("to", "a\x1b]0;evil\x07.tar.gz", 5, digest),
        FileMoved("from", "b", 6, digest),
        BatchFetched(4, 7, digest, digest),
        SecretUsed("orders"),
        Noted("回退到无代理方式"),
        Ended("completed", "all done", 0),
    )
    text = shown(cast(record))
    for part in (
        "collector not asked",
        "root@10.0.0.5 ← jump:22 · ssh-ed25519 SHA256:x (inventory) · publickey",
        "$ uname -s\r\nid -u\r\n",
        "= 0 · 12 B + 3 B · sha256 abababababababab…",
        "= ? · 0 B",
        "→ a\ufffd]0;evil\ufffd.tar.gz · 5 B",
        "← b · 6 B",
        "← batch 4 · 7 B",
        "# secret: orders",
        "# 回退到无代理方式",
        "# completed · 0 · all done",
    ):
        assert part in text
    assert "\x1b" not in text
    assert read(cast(record))[0]["width"] == 80


def test_nothing_is_no_cast() -> None:
    with pytest.raises(Unreadable, match="nothing to show"):
        list(cast([]))


@pytest.mark.skipif(shutil.which("asciinema") is None, reason="asciinema is not installed")
def test_asciinema_shows_it(tmp_path: Path) -> None:
    content = TEXT.encode() * 3
    pieces = [content[place : place + 7] for place in range(0, len(content), 7)]
    record = lines(
        Resized(100, 30), *(event for piece in pieces for event in (Sent(b"x"), Received(piece)))
    )
    file = tmp_path / "session.cast"
    file.write_text("".join(cast(record)), encoding="utf-8")
    assert _on_a_terminal(["asciinema", "cat", str(file)]) == content


def _on_a_terminal(command: list[str]) -> bytes:
    """Run a program that wants a terminal of its own (/dev/tty); return what it prints."""
    ours, terminal = pty.openpty()
    try:
        done = subprocess.run(
            ["setsid", "--ctty", "--wait", *command],
            stdin=terminal,
            capture_output=True,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
            timeout=60,
            check=True,
        )
    finally:
        os.close(ours)
        os.close(terminal)
    assert not done.stderr
    return done.stdout
