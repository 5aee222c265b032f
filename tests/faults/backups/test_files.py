"""The fault table of backups that lie in a folder: no fault passes, no healthy one is called bad.

What structure can see is damaged before anybody has looked. What only a digest can see (a byte in
plain SQL, in a .bak, in a .dmp, in the pages of a database) is damaged after it was hashed, with
the date of the file kept: that is said in the names.
"""

import fcntl
import gzip
import hashlib
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent.backups.settings import BackupSettings
from tests.backup_sets import look, settings
from tests.faults.backups import stock as stocks
from tests.faults.backups.judging import Cases, Outcome, judge
from tests.faults.backups.stock import FILES, FOLDERS, SAMPLES, Sample, Stock

CUTS = (0.1, 0.3, 0.5, 0.7, 0.9)
FLIPS = 20
FOLDER_FLIPS = 5
SEED = 20261121
COMPRESSED = tuple(sample for sample in FILES if sample.content)
DUMPERS = tuple(sample for sample in COMPRESSED if sample.content in ("pg_plain", "mysql"))
CHECKED = tuple(sample for sample in FILES if sample.checked)
STRUCTURED = tuple(sample for sample in FILES if sample.structured)


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    """Make the samples once, for all processes of tests."""
    folder = tmp_path_factory.getbasetemp().parent / "stock"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "stock.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            stocks.make(folder)
    # Cases link to its files, and a link changes what another process may be reading.
    own = tmp_path_factory.mktemp("stock") / "stock"
    shutil.copytree(folder, own, symlinks=True)
    return stocks.known(own)


@dataclass(frozen=True)
class Bench:
    """One backup set with one restore point, eight hours after it was made."""

    stock: Stock
    sample: Sample
    folder: Path

    @property
    def place(self) -> Path:
        return self.folder / "backup"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def now(self) -> datetime:
        return self.stock.made_at + timedelta(hours=8)

    @property
    def name(self) -> str:
        return f"erp_{self.stock.made_at:%Y%m%d_%H%M%S}{self.sample.suffix}"

    @property
    def artefact(self) -> Path:
        return self.place / self.name

    def put(self, target: Path | None = None) -> Path:
        """Put the sample where the set expects it, or elsewhere."""
        target = target or self.artefact
        target.parent.mkdir(parents=True, exist_ok=True)
        self.stock.put(self.sample, target)
        return target

    def write(self, data: bytes, target: Path | None = None) -> None:
        """Put other bytes there."""
        target = target or self.artefact
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        os.utime(target, (self.stock.written_at, self.stock.written_at))

    def settings(self, **given: object) -> BackupSettings:
        made = self.stock.made_at
        plain: dict[str, object] = {
            "kind": "files",
            "place": self.place,
            "pattern": f"erp_*{self.sample.suffix}",
            "format": self.sample.format,
            "minimum_size": "1 B",
            "schedule": {
                "window_start": f"{made - timedelta(hours=1):%H:%M}",
                "deadline": f"{made + timedelta(hours=5):%H:%M}",
                "time_zone": "UTC",
            },
        }
        return settings(**(plain | dict(self.sample.settings) | given))

    def judge(self, now: datetime | None = None, *, full: bool = False, **given: object) -> Outcome:
        """Look and judge."""
        self.place.mkdir(parents=True, exist_ok=True)
        at = now or self.now
        return judge(lambda: look(self.settings(**given), self.state, now=at, full=full), now=at)

    def clean(self) -> None:
        """Forget everything."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()


@pytest.fixture
def bench_of(stock: Stock, tmp_path: Path) -> Callable[[Sample], Bench]:
    """Make a set of a sample."""
    return lambda sample: Bench(stock, sample, tmp_path / "set")


def _flip(path: Path, place: int) -> None:
    """Change one byte and keep the date of the file."""
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[place] ^= 0x5A
    beside = path.with_name(path.name + "~")
    beside.write_bytes(data)
    os.utime(beside, ns=(status.st_atime_ns, status.st_mtime_ns))
    # The same file, not a new one, where it is no link of the stock.
    if status.st_nlink == 1:
        with path.open("r+b") as file:
            file.seek(place)
            file.write(data[place : place + 1])
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        beside.unlink()
    else:
        beside.rename(path)


def _cut(path: Path, size: int) -> None:
    """Shorten a file and keep its date."""
    status = path.stat()
    data = path.read_bytes()[:size]
    path.unlink()
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _places(sample: Sample, size: int, share: tuple[float, float] = (0, 1)) -> Iterator[int]:
    chance = random.Random(f"{SEED} {sample.name}")
    for _ in range(FLIPS):
        yield min(size - 1, int(size * chance.uniform(*share)))


def _largest(folder: Path) -> Path:
    return max(
        (each for each in folder.rglob("*") if each.is_file()), key=lambda e: e.stat().st_size
    )


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_what_is_not_there_or_old_is_never_ok(
    sample: Sample, bench_of: Callable[[Sample], Bench], cases: Cases
) -> None:
    bench = bench_of(sample)
    cases.fault("missing", bench.judge())
    bench.clean()
    bench.put()
    cases.fault("pattern that fits nothing", bench.judge(pattern="crm_*"))
    cases.fault("stale", bench.judge(bench.now + timedelta(days=5)))
    bench.clean()
    bench.put()
    cases.fault("the host's clock is a day ahead", bench.judge(bench.now + timedelta(days=1)))
    bench.clean()
    bench.put()
    cases.fault("the host's clock is a day behind", bench.judge(bench.now - timedelta(days=1)))


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_what_is_still_being_written_is_never_ok(
    sample: Sample, bench_of: Callable[[Sample], Bench], cases: Cases
) -> None:
    bench = bench_of(sample)
    written = bench.put()
    soon = bench.stock.made_at + timedelta(minutes=2)
    cases.fault("written a minute ago", bench.judge(soon))
    for partial in (f"{bench.name}.part", f".{bench.name}.aB3dE9", f"{bench.name}.filepart"):
        renamed = bench.place / partial
        written.rename(renamed)
        cases.fault(f"partial name {partial}", bench.judge())
        written = renamed


@pytest.mark.parametrize("sample", FILES, ids=str)
def test_an_empty_file_is_never_ok(
    sample: Sample, bench_of: Callable[[Sample], Bench], cases: Cases
) -> None:
    bench = bench_of(sample)
    bench.write(b"")
    cases.fault("empty", bench.judge())
    bench.clean()
    bench.write(bytes(300_000))
    cases.fault("nothing but zeros", bench.judge())


@pytest.mark.parametrize("sample", STRUCTURED, ids=str)
@pytest.mark.parametrize("share", CUTS)
def test_a_truncated_file_is_seen_at_the_first_look(
    sample: Sample, share: float, bench_of: Callable[[Sample], Bench], cases: Cases
) -> None:
    bench = bench_of(sample)
    data = bench.stock.bytes_of(sample.name)
    bench.write(data[: int(len(data) * share)])
    cases.fault(f"truncated at {share:.0%}", bench.judge())


@pytest.mark.parametrize("sample", STRUCTURED, ids=str)
def test_other_contents_are_seen_at_the_first_look(
    sample: Sample, bench_of: Callable[[Sample], Bench], cases: Cases
) -> None:
    bench = bench_of(sample)
    data = bench.stock.bytes_of(sample.name)
    bench.write(random.Random(SEED).randbytes(len(data)))
    cases.fault("random bytes under the same name", bench.judge())
    bench.clean()
    bench.write(b"Salted__" + random.Random(SEED).randbytes(len(data)))
    cases.fault("encrypted under the same name", bench.judge())
    bench.clean()
    half = len(data) // 2
    bench.write(data[:half] + bytes(len(data) - half))
    cases.fault("preallocated: the second half is zeros", bench.judge())
    bench.clean()
    other = "zip" if sample.name != "zip" else "pg_custom"
    bench.write(bench.stock.bytes_of(other))
    cases.fault("a file of another format", bench.judge())
    bench.clean()
    bench.put()
    digest = hashlib.sha256(b"another one").hexdigest()
    bench.write(f"{digest}  {bench.name}\n".encode(), bench.place / f"{bench.name}.sha256")
    cases.fault("not what its .sha256 says", bench.judge())


@pytest.mark.parametrize("sample", CHECKED, ids=str)
def test_a_flipped_byte_under_a_checksum_is_seen_at_the_first_look(
    sample: Sample, bench_of: Callable[[Sample], Bench], cases: Cases
) -> None:
    bench = bench_of(sample)
    assert sample.checked is not None
    data = bench.stock.bytes_of(sample.name)
    for place in _places(sample, len(data), sample.checked):
        flipped = bytearray(data)
        flipped[place] ^= 0x5A
        bench.write(bytes(flipped))
        cases.fault(f"byte {place} of {len(data)} flipped", bench.judge())
        bench.clean()


@pytest.mark.parametrize("sample", FILES, ids=str)
def test_a_byte_that_flips_after_it_was_hashed_is_seen_by_its_digest(
    sample: Sample, bench_of: Callable[[Sample], Bench], cases: Cases
) -> None:
    bench = bench_of(sample)
    artefact = bench.put()
    first = bench.judge()
    assert first.is_ok, first.why
    whole, known = bench.folder / "whole", bench.folder / "known"
    shutil.copy2(artefact, whole)
    shutil.copytree(bench.state, known)
    for place in _places(sample, whole.stat().st_size):
        _flip(artefact, place)
        cases.fault(f"byte {place} flipped, date kept", bench.judge(full=True))
        shutil.copyfile(whole, artefact)
        shutil.copystat(whole, artefact)
        shutil.rmtree(bench.state)
        shutil.copytree(known, bench.state)
    for share in CUTS:
        _cut(artefact, int(whole.stat().st_size * share))
        cases.fault(f"cut at {share:.0%}, date kept", bench.judge(full=True))
        shutil.copy2(whole, artefact)
        shutil.rmtree(bench.state)
        shutil.copytree(known, bench.state)


@pytest.mark.parametrize("sample", DUMPERS, ids=str)
@pytest.mark.parametrize("share", CUTS)
def test_a_dumper_killed_behind_its_compressor_is_seen_by_the_trailer(
    sample: Sample, share: float, bench_of: Callable[[Sample], Bench], cases: Cases
) -> None:
    bench = bench_of(sample)
    data = bench.stock.bytes_of(sample.content)
    bench.write(stocks.packed_as(sample, data[: int(len(data) * share)]))
    cases.fault(f"dumper killed at {share:.0%}", bench.judge())


def test_a_header_without_anything_is_never_ok(
    stock: Stock, bench_of: Callable[[Sample], Bench], cases: Cases
) -> None:
    for sample in FILES:
        if not sample.structured:
            continue
        bench = bench_of(sample)
        content = stock.bytes_of(sample.content or sample.name)[:300]
        bench.write(stocks.packed_as(sample, content) if sample.content else content)
        cases.fault(f"{sample}: header only", bench.judge())
        bench.clean()
    for sample in FILES:
        if sample.format != "mysqldump":
            continue
        bench = bench_of(sample)
        content = stock.header_only
        bench.write(stocks.packed_as(sample, content) if sample.content else content)
        cases.fault(f"{sample}: database that does not exist", bench.judge())
        bench.clean()


@pytest.mark.parametrize("sample", FOLDERS, ids=str)
def test_a_damaged_folder_is_never_ok(
    sample: Sample, bench_of: Callable[[Sample], Bench], cases: Cases
) -> None:
    bench = bench_of(sample)
    folder = bench.put()
    first = bench.judge()
    assert first.is_ok, first.why
    known = bench.folder / "known"
    shutil.copytree(bench.state, known)

    def again() -> None:
        shutil.rmtree(folder)
        shutil.rmtree(bench.state)
        bench.put()
        shutil.copytree(known, bench.state)

    files = sorted(each for each in folder.rglob("*") if each.is_file() and each.stat().st_size)
    chance = random.Random(f"{SEED} {sample.name}")
    for number in range(FOLDER_FLIPS):
        chosen = chance.choice(files)
        _flip(chosen, chance.randrange(chosen.stat().st_size))
        cases.fault(f"{number}: a byte of {chosen.name} flipped", bench.judge(full=True))
        again()
    for share in CUTS:
        largest = _largest(folder)
        _cut(largest, int(largest.stat().st_size * share))
        cases.fault(f"{largest.name} cut at {share:.0%}, date kept", bench.judge(full=True))
        again()
    chosen = _largest(folder)
    chosen.unlink()
    cases.fault(f"{chosen.name} deleted", bench.judge(full=True))


@pytest.mark.parametrize("sample", FOLDERS, ids=str)
def test_a_folder_that_was_never_whole_is_seen_at_the_first_look(
    sample: Sample, bench_of: Callable[[Sample], Bench], cases: Cases
) -> None:
    bench = bench_of(sample)
    marks = {
        "pg_directory": ("toc.dat",),
        "mariabackup": ("xtrabackup_checkpoints", "xtrabackup_info"),
        "base_backup": ("backup_manifest", "PG_VERSION"),
        "base_backup_tar": ("backup_manifest",),
    }[sample.name]
    for mark in marks:
        folder = bench.put()
        (folder / mark).unlink()
        os.utime(folder, (bench.stock.written_at, bench.stock.written_at))
        cases.fault(f"without {mark}", bench.judge())
        bench.clean()
    folder = bench.put()
    largest = _largest(folder)
    _cut(largest, largest.stat().st_size // 2 // 1024 * 1024)
    cases.fault(f"{largest.name} truncated", bench.judge())


def test_a_failed_run_of_mariabackup_is_never_ok(
    stock: Stock, bench_of: Callable[[Sample], Bench], cases: Cases
) -> None:
    sample = next(each for each in FILES if each.name == "xbstream")
    bench = bench_of(sample)
    data = stock.bytes_of("xbstream")
    # All chunks before those of the files that are written at the very end: as a failed run has.
    last = data.find(b"XBSTCK01\0P" + len(b"xtrabackup_checkpoints").to_bytes(4, "little"))
    assert last > 0
    bench.write(data[:last])
    cases.fault("a stream without checkpoints", bench.judge())


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_healthy_backups_are_ok(
    sample: Sample, bench_of: Callable[[Sample], Bench], cases: Cases
) -> None:
    bench = bench_of(sample)
    artefact = bench.put()
    cases.healthy("as it was made", bench.judge())
    cases.healthy("looked at again", bench.judge(bench.now + timedelta(hours=1)))
    cases.healthy("read again in full", bench.judge(full=True))
    copy = artefact.with_name("copy")
    if sample.is_folder:
        shutil.copytree(artefact, copy)
        shutil.rmtree(artefact)
    else:
        shutil.copy2(artefact, copy)
        artefact.unlink()
    copy.rename(artefact)
    cases.healthy("copied back with its date", bench.judge(full=True))
    bench.clean()
    made = bench.stock.made_at
    bench.put(bench.place / f"{made:%Y-%m-%d}" / f"erp_full{sample.suffix}")
    pattern = f"*/erp_full{sample.suffix}"
    cases.healthy("in a folder of its day", bench.judge(pattern=pattern))
    bench.clean()
    bench.put(bench.place / f"备份_{made:%Y年%m月%d日}{sample.suffix}")
    cases.healthy("a Chinese name", bench.judge(pattern=f"备份_*{sample.suffix}"))


@pytest.mark.parametrize("sample", FILES, ids=str)
def test_healthy_files_are_ok_whatever_lies_beside_them(
    sample: Sample, bench_of: Callable[[Sample], Bench], cases: Cases
) -> None:
    bench = bench_of(sample)
    artefact = bench.put()
    digest = hashlib.sha256(artefact.read_bytes()).hexdigest()
    bench.write(f"{digest} *{bench.name}\n".encode(), bench.place / f"{bench.name}.sha256")
    (bench.place / "latest").symlink_to(artefact)
    (bench.place / "loop").symlink_to(bench.place)
    (bench.place / "README").write_text("unrelated")
    cases.healthy("with a digest, links and a note", bench.judge(pattern="erp_*"))
    bench.clean()
    name = os.fsdecode(f"备份_{bench.stock.made_at:%Y%m%d}{sample.suffix}".encode("gbk"))
    bench.put(bench.place / name)
    cases.healthy("a name in GBK", bench.judge(pattern="*"))


def test_healthy_variants_of_compressed_dumps_are_ok(
    stock: Stock, bench_of: Callable[[Sample], Bench], cases: Cases
) -> None:
    for sample in DUMPERS:
        bench = bench_of(sample)
        data = stock.bytes_of(sample.content)
        half = len(data) // 2
        parts = (stocks.packed_as(sample, data[:half]), stocks.packed_as(sample, data[half:]))
        bench.write(b"".join(parts))
        cases.healthy(f"{sample}: two streams one behind the other", bench.judge())
        bench.clean()
    gz = next(each for each in DUMPERS if each.name == "pg_plain_gz")
    bench = bench_of(gz)
    bench.write(gzip.compress(stock.bytes_of("pg_plain")) + bytes(5000))
    cases.healthy("gzip padded with zeros", bench.judge())


def test_incremental_folders_need_their_bases(stock: Stock, tmp_path: Path, cases: Cases) -> None:
    raw = stock.folder.parent / "raw"
    place = tmp_path / "backup"
    made = stock.made_at
    for number, name in enumerate(("full", "inc1", "inc2")):
        origin = stock.folder / "mariabackup" if name == "full" else raw / name
        target = place / f"erp_{made + timedelta(minutes=number):%Y%m%d_%H%M%S}_{name}"
        shutil.copytree(origin, target, copy_function=os.link)
    sample = next(each for each in FOLDERS if each.name == "mariabackup")
    bench = Bench(stock, sample, tmp_path)
    whole = bench.judge()
    cases.healthy("a chain of three", whole)
    assert whole.facts is not None
    by_form = sorted((point.form.value, bool(point.base)) for point in whole.facts.points)
    assert by_form == [("full", False), ("incremental", True), ("incremental", True)]
    shutil.rmtree(next(place.glob("*_full")))
    cases.fault("the full one is gone", bench.judge())
