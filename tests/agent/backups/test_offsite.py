"""The offsite side as it is seen over SSH and in a folder: copies, proofs, room, refusals."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.backups.kind import Catalogue, KindModule
from agent.backups.kinds.files import KIND
from agent.backups.offsite import agent, mounts, repository
from agent.backups.offsite.comparing import Wanted
from agent.backups.offsite.folder import FolderSide
from agent.backups.offsite.here import digest_here
from agent.backups.offsite.proving import prove
from agent.backups.offsite.same_host import ThisHost
from agent.backups.offsite.side import Side
from checks.backup_sets import (
    BackupFacts,
    Copy,
    CopyState,
    Level,
    Offsite,
    OffsiteBy,
    Proof,
    Result,
)
from scripts.openssh import OpenSsh
from tests import backup_sets
from tests.offsite_copies import Copies, changed, in_folder, over_ssh, write_set
from wire.messages import Reason

_CATALOGUE = Catalogue(points=())
_KIND = KindModule(catalogue=lambda _: _CATALOGUE)
WAYS = {"shell": "ssh_server", "sftp": "sftp_server", "folder": "other_volume"}


@pytest.fixture(params=WAYS)
def copies(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Copies]:
    other = request.getfixturevalue(WAYS[request.param])
    with (
        in_folder(other, tmp_path)
        if request.param == "folder"
        else over_ssh(other, tmp_path) as given
    ):
        write_set(given.here)
        given.copy()
        yield given


@pytest.fixture
def sftp(sftp_server: OpenSsh, tmp_path: Path) -> Iterator[Copies]:
    with over_ssh(sftp_server, tmp_path) as given:
        write_set(given.here)
        given.copy()
        yield given


def offsite(facts: BackupFacts) -> Offsite:
    assert facts.offsite is not None
    return facts.offsite


def copy(facts: BackupFacts, copies: Copies) -> Copy:
    [found] = [each for each in offsite(facts).copies if each.point == copies.dumps()[0].name]
    return found


def proofs(facts: BackupFacts) -> dict[str, Proof]:
    return {proof.point: proof for proof in facts.proofs if proof.level is Level.OFFSITE}


def test_every_copy_is_proven_with_both_digests(copies: Copies) -> None:
    facts = copies.look()
    found = proofs(facts)
    assert len(found) == 4
    for path in copies.dumps():
        digest = hashlib.sha256((copies.here / path).read_bytes()).hexdigest()
        proof = found[path.name]
        assert (proof.result, proof.digest, proof.other_digest) == (Result.PASSED, digest, digest)
        assert proof.bytes_read == (copies.here / path).stat().st_size
        assert proof.coverage == 1
    told = offsite(facts)
    assert {each.state for each in told.copies} == {CopyState.SAME_SIZE}
    assert told.failure is None
    own = os.statvfs(copies.there)
    assert told.total_bytes == own.f_blocks * own.f_frsize
    assert told.free_bytes is not None


def test_the_method_says_how_it_was_compared(copies: Copies) -> None:
    method = proofs(copies.look())[copies.dumps()[0].name].method
    if copies.offsite["by"] == "folder":
        assert method == "sha256, read from the folder"
    else:
        shell = "openssl dgst -sha256 -r over ssh"
        assert method == (shell if copies.offsite["shell"] else "sha256, read over sftp")


def test_a_copy_that_differs_is_told_with_both_digests(copies: Copies) -> None:
    status = copies.newest.stat()
    content = bytearray(copies.newest.read_bytes())
    content[500] ^= 1
    copies.newest.write_bytes(content)
    os.utime(copies.newest, ns=(status.st_atime_ns, status.st_mtime_ns))
    facts = copies.look()
    assert copy(facts, copies).state is CopyState.SAME_SIZE
    proof = proofs(facts)[copies.dumps()[0].name]
    assert proof.result is Result.FAILED
    assert proof.other_digest == hashlib.sha256(content).hexdigest() != proof.digest
    assert copies.dumps()[0].name in proof.detail


def test_a_copy_that_is_not_there_is_no_matter_of_proofs(copies: Copies) -> None:
    copies.newest.unlink()
    facts = copies.look()
    assert copy(facts, copies).state is CopyState.MISSING
    assert copies.dumps()[0].name not in proofs(facts)


def test_without_its_folder_every_copy_is_missing(copies: Copies) -> None:
    shutil.rmtree(copies.there)
    told = offsite(copies.look())
    assert {each.state for each in told.copies} == {CopyState.MISSING}


def test_a_folder_is_compared_file_by_file(copies: Copies) -> None:
    copies.given |= {"pattern": "base_*", "format": "folder"}
    for base in ("base_2026-01-01", "base_2026-01-02"):
        folder = copies.here / base
        (folder / "sub").mkdir(parents=True)
        for number in range(5):
            (folder / f"{number}").write_bytes(os.urandom(1000 + number))
        (folder / "sub" / "empty").touch()
        for path in (folder, *folder.rglob("*")):
            os.utime(path, (1.7e9, 1.7e9))
    copies.copy()
    found = proofs(copies.look())
    assert {proof.result for proof in found.values()} == {Result.PASSED}
    assert set(found) == {"base_2026-01-01", "base_2026-01-02"}
    # Known by its digest in the next look, too.
    assert set(proofs(copies.look())) == set(found)
    (copies.there / "base_2026-01-02" / "3").write_bytes(os.urandom(1003))
    again = proofs(
        replace(
            copies, state=copies.state.with_name("new"), given={**copies.given, "settle_minutes": 0}
        ).look()
    )
    assert again["base_2026-01-01"].result is Result.PASSED
    assert again["base_2026-01-02"].result is Result.FAILED
    assert "1 of 6 files differ: base_2026-01-02/3" in again["base_2026-01-02"].detail


def test_beyond_the_budget_of_the_line_there_is_only_a_sample(copies: Copies) -> None:
    if copies.offsite.get("shell"):
        copies.offsite["shell"] = False
    large = copies.here / copies.dumps()[0]
    status = large.stat()
    large.write_bytes(os.urandom(9_000_000))
    os.utime(large, ns=(status.st_atime_ns, status.st_mtime_ns))
    copies.copy()
    facts = changed(copies, budget="5 MiB").look()
    proof = proofs(facts)[large.name]
    assert proof.result is Result.SAMPLED
    assert 0.3 < proof.coverage < 0.6
    assert proof.bytes_read < 5 * 2**20


def test_without_a_local_digest_nothing_is_proven(copies: Copies) -> None:
    copies.given["budget"] = "1 B"
    found = proofs(copies.look())
    assert {proof.result for proof in found.values()} == {Result.UNPROVEN}
    failure = found[copies.dumps()[0].name].failure
    assert failure is not None
    assert "budget" in failure.detail


def test_what_is_there_beside_is_counted_unless_it_is_here_too(copies: Copies) -> None:
    for name in ("SHA256SUMS", "old.sql.gz", "older.sql.gz"):
        (copies.there / name).write_bytes(b"x")
    (copies.here / "SHA256SUMS").write_bytes(b"x")
    assert offsite(copies.look()).extra == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to close a folder to the server")
def test_a_closed_folder_hides_only_what_lies_in_it(sftp: Copies) -> None:
    (sftp.there / "lost+found").mkdir(mode=0o700)
    assert offsite(sftp.look()).failure is None
    (sftp.here / "sub").mkdir()
    dump = sftp.dumps()[0]
    (sftp.here / dump).rename(sftp.here / "sub" / dump)
    (sftp.there / "sub").mkdir(mode=0o700)
    (sftp.there / dump).rename(sftp.there / "sub" / dump)
    told = offsite(sftp.look())
    assert told.failure is not None
    assert (told.failure.reason, told.failure.subject.rpartition("/")[2]) == (
        Reason.PERMISSION,
        "sub",
    )
    assert len(told.copies) == 3


def test_a_full_disk_there_is_shown(sftp: Copies) -> None:
    small = sftp.there / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=755", "tmpfs", str(small)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is refused here")
    try:
        with pytest.raises(OSError, match="No space left"):
            (small / "filling").write_bytes(bytes(10**6))
        told = offsite(changed(sftp, place=f"{sftp.offsite['place']}/small").look())
    finally:
        subprocess.run(["umount", "-l", small], check=True)
    assert (told.free_bytes, told.total_bytes) == (0, 256 * 1024)


@pytest.mark.parametrize("missing", ["host", "user", "place"])
def test_what_the_settings_lack_is_named(sftp: Copies, missing: str) -> None:
    failure = offsite(changed(sftp, **{missing: ""}).look()).failure
    assert failure is not None
    assert (failure.reason, failure.subject) == (Reason.NOT_CONFIGURED, f"offsite.{missing}")


def test_a_shell_that_is_not_there_is_done_without(sftp: Copies) -> None:
    facts = changed(sftp, shell=True).look()
    assert offsite(facts).clock_offset_seconds is None
    assert {proof.method for proof in proofs(facts).values()} == {"sha256, read over sftp"}


class _SameHost:
    """A side that turns out to be this host only when its copies are to be proven."""

    def same_host(self) -> bool:
        return True


def test_nothing_is_proven_on_this_very_host(sftp: Copies) -> None:

    facts = sftp.look()
    given = backup_sets.settings(**sftp.settings())
    side: Any = _SameHost()
    with backup_sets.source(given, sftp.state) as source:
        made = prove(source, _KIND, _CATALOGUE, facts.points, _Plenty(), side)
    assert [proof.result for proof in made] == [Result.UNPROVEN] * 4


class _Plenty:
    def left_bytes(self) -> int:
        return 2**60

    def left_seconds(self) -> float:
        return 600.0

    def spend(self, count: int) -> None:
        pass


class _Grows:
    """A side on which the file changes while it is read."""

    def __init__(self, side: Side) -> None:
        self._side = side

    def __getattr__(self, name: str) -> Any:
        return getattr(self._side, name)

    def again(self, path: str) -> Any:
        entry = self._side.again(path)
        assert entry is not None
        return type(entry)(entry.path, entry.bytes + 1, entry.modified)


def test_what_changes_while_it_is_compared_is_unproven(tmp_path: Path, other_volume: Path) -> None:

    with in_folder(other_volume, tmp_path) as copies:
        write_set(copies.here)
        copies.copy()
        given = backup_sets.settings(**copies.settings())
        with backup_sets.source(given, copies.state) as source:
            catalogue = KIND.catalogue(source)
            side: Any = _Grows(FolderSide(source, ThisHost(), mounts.MOUNTS))
            made = prove(source, KIND, catalogue, catalogue.points, _Plenty(), side)
    assert [proof.result for proof in made] == [Result.UNPROVEN] * 4
    assert "changed there" in {proof.failure.detail for proof in made if proof.failure}.pop()


def test_a_digest_here_is_read_once_and_then_remembered(tmp_path: Path) -> None:

    here = tmp_path / "here"
    here.mkdir()
    (here / "a").write_bytes(b"123")
    given = backup_sets.settings(kind="files", place=here)
    with backup_sets.source(given, tmp_path / "state") as source:
        first = digest_here(source, Wanted("a", 3), _Plenty())
        record = source.records.recorded("a")
        assert record is not None
        assert first == record.digest == hashlib.sha256(b"123").hexdigest()
        # The ledger is believed while size, date and inode are the same.
        status = (here / "a").stat()
        (here / "a").write_bytes(b"321")
        os.utime(here / "a", ns=(status.st_atime_ns, status.st_mtime_ns))
        assert digest_here(source, Wanted("a", 3), _Plenty()) == first
        os.utime(here / "a", (1, 1))
        changed_digest = hashlib.sha256(b"321").hexdigest()
        assert digest_here(source, Wanted("a", 3), _Plenty()) == changed_digest
        kept = source.records.recorded("a")
        assert kept is not None
        assert kept.digest == first, "what contradicts is for the kind to tell"


def test_an_agent_there_is_the_collectors_matter(tmp_path: Path) -> None:

    given = backup_sets.settings(
        kind="files", place=tmp_path, offsite={"by": "agent", "place": "agent on nas"}
    )
    with backup_sets.source(given, tmp_path / "state") as source:
        told = agent.WAY.look(source, _KIND, _CATALOGUE)
        assert (told.by, told.place, told.copies) == (OffsiteBy.AGENT, "agent on nas", ())
        assert told.failure is None
        assert agent.WAY.prove(source, _KIND, _CATALOGUE, (), _Plenty()) == ()


def test_a_kind_without_a_second_repository_says_so(tmp_path: Path) -> None:

    given = backup_sets.settings(
        kind="files", place=tmp_path, offsite={"by": "repository", "place": "/second"}
    )
    with backup_sets.source(given, tmp_path / "state") as source:
        told = repository.WAY.look(source, _KIND, _CATALOGUE)
    assert told.failure is not None
    assert told.failure.reason is Reason.UNSUPPORTED
    assert "files has no second repository" in told.failure.detail


def test_a_kind_that_keeps_no_files_says_so(sftp: Copies) -> None:

    given = backup_sets.settings(**sftp.settings())
    with backup_sets.source(given, sftp.state) as source:
        told = sftp.way(this_host=sftp.this_host).look(source, _KIND, _CATALOGUE)
    assert told.failure is not None
    assert told.failure.reason is Reason.UNSUPPORTED
