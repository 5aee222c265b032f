"""Long words may be broken at their joints, and nowhere else where they fit."""

import pytest

from collector.reports.breaks import LONGEST_PART, parted


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("sshd:PasswordAuthentication", ["sshd:", "Password", "Authentication"]),
        ("(host.volumes)", ["(host.", "volumes)"]),
        ("/var/lib/postgresql", ["/", "var/", "lib/", "postgresql"]),
        ("io_out_of_memory", ["io_", "out_", "of_", "memory"]),
        ("short.one", ["short.one"]),
        ("磁盘与文件系统", ["磁盘与文件系统"]),
        ("see OS-DSK-001, 2026-11-21", ["see OS-DSK-001, 2026-11-21"]),
        ("", [""]),
    ],
)
def test_a_word_is_cut_at_its_joints(text: str, parts: list[str]) -> None:
    assert parted(text) == parts


@pytest.mark.parametrize("text", ["x" * 100, "a " + "/" * 40, "x" * 17 + ".y"])
def test_nothing_is_lost_and_no_part_is_too_long(text: str) -> None:
    assert "".join(parted(text)) == text
    assert max(map(len, parted(text))) <= LONGEST_PART + 2
