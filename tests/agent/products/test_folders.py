"""Folders are looked through within bounds; of logs nothing but a count is taken."""

import os
import time
from pathlib import Path

import pytest

from agent.products import folders
from checks.errors import NotPermitted, UnexpectedOutput


def file(folder: Path, name: str, content: bytes, age_seconds: float = 0.0) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    at = time.time() - age_seconds
    os.utime(path, (at, at))
    return path


def test_files_that_fit_are_counted_and_the_newest_named(tmp_path: Path) -> None:
    file(tmp_path, "a.log", b"12345", 100)
    file(tmp_path, "deep/b.log", b"123", 10)
    file(tmp_path, "c.txt", b"1", 1)
    (tmp_path / "link.log").symlink_to("/etc/passwd")
    seen = folders.look(str(tmp_path), "*.log")
    assert (seen.files, seen.size_bytes, seen.whole) == (1, 5, True)
    seen = folders.look(str(tmp_path), "**/*.log")
    assert (seen.files, seen.size_bytes) == (2, 8)
    assert [Path(each.path).name for each in seen.newest] == ["b.log", "a.log"]
    assert seen.newest[0].age_seconds == pytest.approx(10, abs=5)
    assert seen.volume_bytes
    assert seen.volume_free_bytes is not None


def test_at_most_ten_are_named(tmp_path: Path) -> None:
    for number in range(15):
        file(tmp_path, f"{number}.log", b"x", 1000 - number)
    seen = folders.look(str(tmp_path), "*")
    assert seen.files == 15
    assert len(seen.newest) == folders.MOST_NEWEST
    assert Path(seen.newest[0].path).name == "14.log"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnexpectedOutput, match="no such folder"):
        folders.look(str(tmp_path / "absent"), "*")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list everything")
def test_a_folder_that_may_not_be_listed_is_told(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    with pytest.raises(NotPermitted):
        folders.look(str(closed), "*")


def test_more_than_is_looked_at_is_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        file(tmp_path, f"{number}.log", b"x")
    monkeypatch.setattr(folders, "MOST_ENTRIES", 3)
    seen = folders.look(str(tmp_path), "*")
    assert (seen.files, seen.whole) == (3, False)


def test_lines_of_errors_are_counted_in_the_files_of_a_day(tmp_path: Path) -> None:
    file(tmp_path, "now.log", "ERROR 一\nINFO\nnoERRORs\nx ERROR y\n".encode())
    file(tmp_path, "old.log", b"ERROR\n", 2 * folders.DAY_SECONDS)
    lines = folders.count_errors(str(tmp_path), "*.log", r"\bERROR\b")
    assert (lines.errors, lines.whole) == (2, True)


def test_of_a_large_log_the_end_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file(tmp_path, "now.log", b"ERROR\n" * 100)
    monkeypatch.setattr(folders, "FILE_BYTES", 60)
    lines = folders.count_errors(str(tmp_path), "*.log", "ERROR")
    assert (lines.errors, lines.read_bytes, lines.whole) == (10, 60, False)
    monkeypatch.setattr(folders, "ALL_BYTES", 0)
    assert folders.count_errors(str(tmp_path), "*.log", "ERROR").whole is False
