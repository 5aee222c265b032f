"""The scratch place of a test restore is empty, bounded, and gone afterwards."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.backups.scratch import scratch
from checks.backup_sets import RestorePoint
from checks.errors import NotPermitted, UnexpectedOutput
from tests.backup_sets import settings

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def point(size: int | None) -> RestorePoint:
    return RestorePoint(id="a", started_at=NOW, bytes=size)


def test_it_is_empty_and_gone_also_after_an_error(tmp_path: Path) -> None:
    given = settings(kind="files", place=tmp_path, scratch=tmp_path / "scratch")
    left = tmp_path / "scratch" / "xunjian-restore-of-a-power-cut"
    left.mkdir(parents=True)
    (left / "data").write_text("x")
    (tmp_path / "scratch" / "not-ours").write_text("x")
    with pytest.raises(ZeroDivisionError), scratch(given, point(1), 3) as folder:  # noqa: PT012
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "data").write_text("x")
        _ = 1 / 0
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == ["not-ours"]


@pytest.mark.parametrize(
    ("size", "factor", "allowed", "words"),
    [
        (2**30, 3, "2 GiB", "are allowed"),
        (2**50, 3, "9999 TiB", "bytes free"),
        (2**50, 0, "9999 TiB", "bytes free"),
        (None, 0, "9999 TiB", "bytes free"),
    ],
)
def test_what_would_not_fit_is_not_begun(
    tmp_path: Path, size: int | None, factor: float, allowed: str, words: str
) -> None:
    given = settings(
        kind="files", place=tmp_path, scratch=tmp_path / "scratch", scratch_size=allowed
    )
    with pytest.raises(UnexpectedOutput, match=words), scratch(given, point(size), factor):
        pass
    assert list((tmp_path / "scratch").glob("*")) == []


def test_a_large_snapshot_is_sampled_where_a_dump_of_its_size_would_not_fit(tmp_path: Path) -> None:
    given = settings(
        kind="restic", place=tmp_path, scratch=tmp_path / "scratch", scratch_size="1 MiB"
    )
    with scratch(given, point(2**50), 0) as folder:
        assert folder.is_dir()


def test_a_place_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    given = settings(kind="files", place=tmp_path, scratch=tmp_path / "file" / "scratch")
    with pytest.raises(NotPermitted), scratch(given, point(1), 3):
        pass
