"""The offsite leg over SSH on loopback: both sides listed, and digests made where the copies lie.

The server is Debian's OpenSSH. What is listed is a real set of the kind `files`; what is hashed is
one large file, read before, so that the processor is measured and not the disk.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from agent.backups.kinds.files import KIND
from agent.backups.ledger import Ledger
from agent.backups.offsite.remote_hashing import SHELL, find_hashing, self_test
from agent.backups.offsite.sftp import WAY
from agent.backups.offsite.side import Entry
from agent.backups.settings import BackupSettings
from agent.backups.source import LocalSource
from agent.host import LocalHost
from agent.secret import Secret
from agent.ssh.connecting import connect
from agent.ssh.connection import Connection, Server
from bench.figures import Figure, Peer
from scripts.openssh import OpenSsh, serving

BUDGET_LISTING_SECONDS = 2.0
BUDGET_OVER_OPENSSL = 1.10

_SET = "bench"
_EMPTY_CONFIGURATION = "/dev/null"


def measure(*, tiny: bool = False) -> list[Figure]:
    """Return the seconds of a listing, and of hashing beside openssl by hand."""
    with tempfile.TemporaryDirectory(prefix="xunjian-bench-") as folder:
        return [
            _listing(Path(folder), 300 if tiny else 20_000, 1 if tiny else 5),
            *_hashing(2**22 if tiny else 2**31, 1 if tiny else 5),
        ]


def _listing(folder: Path, count: int, times: int) -> Figure:
    here = folder / "here"
    here.mkdir()
    for number in range(count):
        path = here / f"erp_{number:05d}.bin"
        path.write_bytes(b"%d" % number)
        os.utime(path, (1.7e9 + number, 1.7e9 + number))
    with serving(shell=False) as server:
        shutil.copytree(here, server.folder, dirs_exist_ok=True)
        settings = _settings(here, server)
        runs = tuple(
            _seconds(lambda: _look(settings, folder / "state", count)) for _ in range(times)
        )
        rclone = _peer(times, _rclone(here, server)) if shutil.which("rclone") else ()
        sftp = _peer(times, _sftp(server), b"ls -l\n") if shutil.which("sftp") else ()
    return Figure(
        f"entries on both sides listed and joined, {count:,}",
        runs,
        "s",
        BUDGET_LISTING_SECONDS,
        note="Connection included; the kind dates the newest 2,000 of them by their content, too. "
        "`sftp ls -l` lists the other side alone.",
        peers=(Peer("rclone check --size-only", rclone), Peer("sftp -b, ls -l", sftp)),
    )


def _look(settings: BackupSettings, state: Path, count: int) -> None:
    ledger = Ledger(state)
    try:
        source = LocalSource(_SET, settings, LocalHost(), ledger.of(_SET), state)
        catalogue = KIND.catalogue(source)
        offsite = WAY.look(source, KIND, catalogue)
    finally:
        ledger.close()
    if offsite.failure is not None or offsite.extra or len(offsite.copies) != min(count, 2000):
        raise RuntimeError(f"the listing is not what was written: {offsite.failure}")


def _settings(here: Path, server: OpenSsh) -> BackupSettings:
    return msgspec.convert(
        {
            "kind": "files",
            "place": str(here),
            "pattern": "erp_*.bin",
            "offsite": {
                "by": "sftp",
                "host": "127.0.0.1",
                "port": server.port,
                "user": server.user,
                "host_key": server.host_key,
                "key": {"file": str(server.key)},
                "place": server.place,
            },
        },
        BackupSettings,
    )


def _rclone(here: Path, server: OpenSsh) -> list[str]:
    remote = (
        f":sftp,host=127.0.0.1,port={server.port},user={server.user},key_file={server.key},"
        f"shell_type=none:{server.place}"
    )
    command = ["rclone", "--config", _EMPTY_CONFIGURATION, "check", "--size-only", "--one-way"]
    return [*command, str(here), remote]


def _sftp(server: OpenSsh) -> list[str]:
    options = {
        "IdentityFile": str(server.key),
        "IdentitiesOnly": "yes",
        "Port": str(server.port),
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": _EMPTY_CONFIGURATION,
        "LogLevel": "ERROR",
    }
    given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return ["sftp", "-q", "-b", "-", *given, f"{server.user}@127.0.0.1:{server.place}"]


def _hashing(size: int, times: int) -> list[Figure]:
    with serving(shell=True) as server:
        large = server.folder / "large"
        _fill(large, size)
        entry = Entry(large.name, size, 0.0)
        by_hand = _peer(times, ["openssl", "dgst", "-sha256", "-r", str(large)])
        coreutils = _peer(1 if size > 2**30 else times, ["sha256sum", str(large)])
        with _connected(server) as connection:
            said = connection.run(SHELL, subject="self-test", feed=self_test().encode())
            hashing = find_hashing(connection, server.place, said.output.decode().splitlines())
            if hashing is None:
                raise RuntimeError("nothing hashes on the other side")
            runs = tuple(_seconds(lambda: hashing.digests([entry], 600)) for _ in range(times))

        def whole() -> None:
            with _connected(server) as connection:
                msgspec.structs.replace(hashing, connection=connection).digests([entry], 600)

        from_the_start = tuple(_seconds(whole) for _ in range(times))
    what = f"hashing {size / 2**30:.3g} GiB where it lies"
    peers = (Peer("openssl dgst -sha256 by hand", by_hand), Peer("sha256sum by hand", coreutils))
    budget = BUDGET_OVER_OPENSSL * (Peer("", by_hand).value or 0.0)
    note = "The budget is openssl by hand in the same run and a tenth of it."
    return [
        Figure(f"{what}, over SSH", runs, "s", budget, note=note, peers=peers),
        Figure(f"{what}, connecting included", from_the_start, "s", peers=peers[:1]),
    ]


def _fill(path: Path, size: int) -> None:
    piece = os.urandom(2**22)
    with path.open("wb") as file:
        for _ in range(size // len(piece)):
            file.write(piece)
    path.chmod(0o644)


@contextmanager
def _connected(server: OpenSsh) -> Iterator[Connection]:
    where = Server("127.0.0.1", server.user, server.host_key, server.port)
    with connect(where, key=Secret(server.key.read_text())) as connection:
        yield connection


def _peer(times: int, command: list[str], feed: bytes = b"") -> tuple[float, ...]:
    def run() -> None:
        subprocess.run(command, input=feed, capture_output=True, check=True)

    return tuple(_seconds(run) for _ in range(times))


def _seconds(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began
