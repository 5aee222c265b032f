"""Kill both ends in the middle, fill their disks, and look at the memory of a large bundle."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.spool import Spool
from collector.database import Database, open_database
from collector.identity import open_identity
from tests.agent.spooling import inspected, random_facts
from tests.bundling import Host, enrolled_host, import_file, stored, written
from tests.journeys.command import agent, collector, is_one_sentence
from tests.messages import START
from wire.control import BATCH, Manifest
from wire.frames import Frame, packed
from wire.messages import WIRE_VERSION
from wire.signing import key_id

ROOT = Path(__file__).parent.parent.parent
MEBIBYTE = 2**20


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/data/collector.db")
    yield opened
    opened.close()


@pytest.fixture
def host(database: Database, tmp_path: Path) -> Host:
    identity = open_identity(tmp_path / "data" / "collector.key", database)
    host = enrolled_host(database, tmp_path / "state", collector=identity)
    (tmp_path / "agent.toml").write_text(
        f'[agent]\nstate = "{host.state}"\n[collector]\nurl = "https://collector.example"\n'
    )
    (tmp_path / "stick").mkdir()
    return host


def fill(host: Host, count: int) -> None:
    """Put batches of about a mebibyte into the spool."""
    spool = Spool(host.state)
    for number in range(count):
        inspected(spool, f"i{number}", random_facts(2 * MEBIBYTE))
        spool.seal_next(host.known.agent, host.known.key)
    spool.close()


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is refused here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def start(module: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_a_stick_that_is_full_keeps_no_file(tmp_path: Path, host: Host) -> None:
    fill(host, 4)
    settings = str(tmp_path / "agent.toml")
    with small_disk(tmp_path / "small", "2m") as small:
        result = agent(tmp_path, "export", str(small / "a.inspb"), "--settings", settings)
        assert (result.returncode, is_one_sentence(result.stderr)) == (2, True), result.stderr
        assert "No space left on device" in result.stderr
        assert list(small.iterdir()) == []
    spool = Spool(host.state)
    assert len(spool.pending()) == 4
    spool.close()


def test_a_collector_whose_disk_is_full_imports_nothing(tmp_path: Path, host: Host) -> None:
    fill(host, 4)
    with small_disk(tmp_path / "small", "8m") as small:
        identity_at_home = tmp_path / "data" / "collector.key"
        (small / "collector.key").write_bytes(identity_at_home.read_bytes())
        (small / "collector.key").chmod(0o600)
        url = f"sqlite:///{small}/collector.db"
        database = open_database(url)
        open_identity(small / "collector.key", database)
        again = enrolled_host(
            database,
            tmp_path / "second",
            collector=open_identity(small / "collector.key", database),
        )
        fill(again, 4)
        again.export(tmp_path / "a.inspb")
        # Neither room for decrypting it, nor, where there is some, for storing it.
        for scratch in (small, tmp_path):
            if scratch is small:
                (small / "filler").write_bytes(b"x" * (5 * MEBIBYTE))
            else:
                (small / "filler").unlink()
                (small / "filler").write_bytes(b"x" * (4 * MEBIBYTE))
            result = collector(
                tmp_path,
                "import",
                str(tmp_path / "a.inspb"),
                "--data",
                str(scratch),
                XUNJIAN_DATABASE_URL=url,
                XUNJIAN_KEY_FILE=str(small / "collector.key"),
            )
            assert (result.returncode, is_one_sentence(result.stderr)) == (2, True), result.stderr
            assert not (tmp_path / "a.inspb.receipt").exists()
            assert stored(database) == []
        (small / "filler").unlink()
        with database.reading() as session:
            assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        database.close()


def test_an_export_that_is_killed_leaves_no_bundle_and_loses_nothing(
    tmp_path: Path, host: Host, database: Database
) -> None:
    fill(host, 12)
    target = tmp_path / "stick" / "a.inspb"
    words = ("export", str(target), "--settings", str(tmp_path / "agent.toml"))
    halves = 0
    for _ in range(3):
        process = start("agent", *words)
        beside = target.with_name(".a.inspb.new")
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if beside.exists() and beside.stat().st_size > MEBIBYTE:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.0005)
        process.wait()
        if target.exists():
            break
        halves += beside.exists()
    assert halves, "no export was caught in the middle"
    assert host.waiting() == 12
    result = agent(tmp_path, *words, "--force")
    assert result.returncode == 0, result.stderr
    assert [path.name for path in (tmp_path / "stick").iterdir()] == ["a.inspb"]
    identity = open_identity(tmp_path / "data" / "collector.key", database)
    assert import_file(database, target, collector=identity).batches == 12


def test_an_import_that_is_killed_has_stored_nothing_or_all(
    tmp_path: Path, host: Host, database: Database
) -> None:
    fill(host, 12)
    target = tmp_path / "stick" / "a.inspb"
    host.export(target)
    log = tmp_path / "data" / "collector.db-wal"
    killed = 0
    for least in (0, 3, 9):
        process = start("collector", "import", str(target), "--data", str(tmp_path / "data"))
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            # The log of the database grows while the batches go in.
            if log.exists() and log.stat().st_size > least * MEBIBYTE:
                process.send_signal(signal.SIGKILL)
                killed += 1
                break
            time.sleep(0.0005)
        process.wait()
        assert len(stored(database)) in (0, 12)
        # No plaintext stays anywhere: the folder holds the collector's own files only.
        names = {path.name.split("-")[0] for path in (tmp_path / "data").iterdir()}
        assert names == {"collector.db", "collector.key"}
    assert killed
    result = collector(tmp_path, "import", str(target), "--data", str(tmp_path / "data"))
    assert result.returncode == 0, result.stderr
    assert len(stored(database)) == 12
    assert Path(f"{target}.receipt").exists()


MEASURE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from collector.database import open_database
from collector.identity import open_identity
from collector.bundles.opening import opened
from collector.bundles.service import Import, import_bundle

def peak():
    # Of this program alone: what getrusage tells begins with the peak of whoever started it.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024

folder, file = Path(sys.argv[1]), Path(sys.argv[2])
database = open_database(f"sqlite:///{folder}/collector.db")
identity = open_identity(folder / "collector.key", database)
before = peak()
order = Import("tester", datetime.now(UTC), file.name)
with opened(file, identity.age, folder, lambda _: None) as read:
    print(import_bundle(database, identity, read, order, lambda _: None).batches)
print(peak() - before)
"""


def test_a_large_bundle_takes_little_memory(tmp_path: Path, host: Host, database: Database) -> None:
    key = host.known.key
    payload = os.urandom(2 * MEBIBYTE)

    def frames() -> Iterator[bytes]:
        for seq in range(1, 101):
            content = seq.to_bytes(4) + payload
            yield packed(Frame("epoch-1", seq, key.id, key.sign(BATCH, content), content))

    digest = hashlib.sha256()
    for frame in frames():
        digest.update(frame)
    manifest = Manifest(
        wire=WIRE_VERSION,
        bundle="large",
        part=1,
        parts=1,
        agent=host.known.agent,
        customer_id=host.known.customer_id,
        key_id=key.id,
        collector_key_id=key_id(host.known.collector_key),
        recipients=host.known.recipients,
        created_at=START,
        boot_id="boot",
        monotonic_seconds=1,
        batches=100,
        frames_digest=digest.hexdigest(),
    )
    large = written(tmp_path / "large.inspb", manifest, frames(), host)
    assert large.stat().st_size > 200 * MEBIBYTE
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "data"), str(large)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    batches, mebibytes = (int(line) for line in measured.stdout.split())
    assert batches == 100
    assert 0 < mebibytes < 100
