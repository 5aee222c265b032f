"""A package that is not as it was built is refused before it reaches a host."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from agent import VERSION
from agent.errors import RemoteError
from agent.remote import package

CONTENT = bytes(range(256)) * 40


def write(folder: Path, **changes: Any) -> Path:
    """Write an archive and its manifest, and return the archive."""
    archive = folder / package.archive_name(VERSION)
    archive.write_bytes(CONTENT)
    manifest = {
        "version": VERSION,
        "system": "linux",
        "machine": "x86_64",
        "glibc": "2.17",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "bytes": len(CONTENT),
        "files": 77,
        "checks_digest": "0" * 64,
    }
    text = json.dumps({**manifest, **changes})
    (folder / package.manifest_name(VERSION)).write_text(text, encoding="utf-8")
    return archive


def refusal(folder: Path) -> RemoteError:
    with pytest.raises(RemoteError) as raised:
        package.load(folder)
    for words in (raised.value.text.zh, raised.value.text.en):
        assert str(folder) in words
        assert "\n" not in words
        assert "make agent-package" in words
    return raised.value


def test_a_package_as_it_was_built_is_told(tmp_path: Path) -> None:
    archive = write(tmp_path)
    found = package.load(tmp_path)
    assert found is not None
    assert (found.path, found.bytes, found.glibc) == (archive, len(CONTENT), "2.17")
    assert (found.system, found.machine, found.files) == ("linux", "x86_64", 77)


def test_no_package_is_none(tmp_path: Path) -> None:
    assert package.load(tmp_path) is None
    assert package.load(tmp_path / "missing") is None
    write(tmp_path).rename(tmp_path / "xunjian-agent-0.0.1-linux-x86_64.tar.gz")
    (tmp_path / package.manifest_name(VERSION)).rename(tmp_path / package.manifest_name("0.0.1"))
    assert package.load(tmp_path) is None


@pytest.mark.parametrize("place", [0, 1, len(CONTENT) // 2, len(CONTENT) - 1])
def test_a_changed_byte_is_refused(tmp_path: Path, place: int) -> None:
    archive = write(tmp_path)
    changed = bytearray(CONTENT)
    changed[place] ^= 0x01
    archive.write_bytes(changed)
    assert "内容与清单不符" in refusal(tmp_path).text.zh


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"\0", b""])
def test_a_cut_or_longer_one_is_refused(tmp_path: Path, content: bytes) -> None:
    write(tmp_path).write_bytes(content)
    refusal(tmp_path)


def test_one_half_of_it_is_refused(tmp_path: Path) -> None:
    archive = write(tmp_path)
    archive.unlink()
    assert "is missing" in refusal(tmp_path).text.en
    write(tmp_path)
    (tmp_path / package.manifest_name(VERSION)).unlink()
    assert "manifest is missing" in refusal(tmp_path).text.en


@pytest.mark.parametrize(
    "changes",
    [{"version": "9.9.9"}, {"bytes": "many"}, {"sha256": None}, {"more": 1}, {"bytes": 1}],
)
def test_a_manifest_that_says_something_else_is_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    write(tmp_path, **changes)
    refusal(tmp_path)


def test_a_manifest_that_is_none_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / package.manifest_name(VERSION)).write_bytes(b'{"version": ')
    refusal(tmp_path)


def test_what_can_not_be_read_is_refused(tmp_path: Path) -> None:
    write(tmp_path).unlink()
    (tmp_path / package.archive_name(VERSION)).mkdir()
    refusal(tmp_path)


def test_the_first_folder_that_has_one_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    second.mkdir()
    write(second)
    monkeypatch.setattr(package, "FOLDERS", (first, second))
    found = package.find()
    assert found is not None
    assert found.path.parent == second
    monkeypatch.setattr(package, "FOLDERS", (first,))
    assert package.find() is None
