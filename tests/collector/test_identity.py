"""The collector has one key for ever: made once, kept 0600, never replaced in silence."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from collector.database import Database, open_database
from collector.errors import IdentityUnusable
from collector.identity import open_identity


def test_a_key_is_made_once_and_then_found_again(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "collector.key"
    first = open_identity(path, database)
    again = open_identity(path, database)
    assert again.key.id == first.key.id
    assert again.recipient == first.recipient
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["collector.key"]
    assert "***" in repr(first.key)


def test_processes_that_start_together_agree_on_one_key(database: Database, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        opened = pool.map(lambda _: open_identity(tmp_path / "collector.key", database), range(8))
        assert len({identity.key.id for identity in opened}) == 1


def test_a_lost_key_is_never_made_anew(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "collector.key"
    open_identity(path, database)
    path.unlink()
    with pytest.raises(IdentityUnusable, match="restore it from a backup"):
        open_identity(path, database)
    assert not path.exists()


def test_another_collectors_key_is_refused(database: Database, tmp_path: Path) -> None:
    open_identity(tmp_path / "collector.key", database)
    elsewhere = open_database(f"sqlite:///{tmp_path}/elsewhere.db")
    open_identity(tmp_path / "other.key", elsewhere)
    elsewhere.close()
    with pytest.raises(IdentityUnusable, match="not that of this database"):
        open_identity(tmp_path / "other.key", database)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"signing_seed":"AA==","x":1}'])
def test_a_damaged_file_is_one_sentence(database: Database, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "collector.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(IdentityUnusable, match="it is damaged"):
        open_identity(path, database)
    assert path.read_bytes() == content


def test_a_file_that_others_can_read_is_refused(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "collector.key"
    open_identity(path, database)
    path.chmod(0o640)
    with pytest.raises(IdentityUnusable, match="0600"):
        open_identity(path, database)
