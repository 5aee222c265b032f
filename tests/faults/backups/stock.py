"""Real backups in every format of a folder, for the fault table to damage or to leave alone."""

import bz2
import gzip
import lzma
import os
import random
import shutil
import sqlite3
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from scripts.postgresql import cluster
from tests import dumps, mariadb

_PACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data, 6),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: _piped(data, "zstd", "-q", "-c"),
    ".lz4": lambda data: _piped(data, "lz4", "-q", "-c"),
}


@dataclass(frozen=True)
class Sample:
    """A backup in one format, and what the settings say of it."""

    name: str
    suffix: str
    format: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    content: str = ""
    """Name of the sample that is compressed in it; empty: it is not compressed."""
    checked: tuple[float, float] | None = None
    """Share of its bytes, from and to, that checksums of its own cover."""
    structured: bool = True
    """False where only a digest can tell what is whole."""
    is_folder: bool = False

    def __str__(self) -> str:
        """Name the test."""
        return self.name


SAMPLES = (
    Sample("pg_plain", ".sql", "pg_dump"),
    Sample("pg_plain_gz", ".sql.gz", "pg_dump", content="pg_plain", checked=(0.01, 1)),
    Sample("pg_plain_bz2", ".sql.bz2", "pg_dump", content="pg_plain", checked=(0.01, 0.99)),
    Sample("pg_plain_xz", ".sql.xz", "pg_dump", content="pg_plain", checked=(0, 1)),
    Sample("pg_plain_zst", ".sql.zst", "pg_dump", content="pg_plain", checked=(0.01, 1)),
    Sample("pg_plain_lz4", ".sql.lz4", "pg_dump", content="pg_plain", checked=(0.01, 1)),
    Sample("pg_custom", ".dump", "pg_dump", checked=(0.2, 0.98)),
    Sample("pg_tar", ".tar", "pg_dump"),
    Sample("pg_dumpall", ".sql", "pg_dumpall"),
    Sample("mysql", ".sql", "mysqldump"),
    Sample("mysql_gz", ".sql.gz", "mysqldump", content="mysql", checked=(0.01, 1)),
    Sample("mysql_zst", ".sql.zst", "mysqldump", content="mysql", checked=(0.01, 1)),
    Sample("mysql_dateless", ".sql", "mysqldump"),
    Sample("mysql_bare", ".sql", "mysqldump", {"expect_trailer": False}),
    Sample("xbstream", ".xb", "mariabackup"),
    Sample("sqlite", ".sqlite", "sqlite"),
    Sample("zip", ".zip", "zip", checked=(0.05, 0.95)),
    Sample("7z", ".7z", "7z", checked=(0.01, 0.99)),
    Sample("tar", ".tar", "tar"),
    Sample("tar_gz", ".tar.gz", "tar", content="tar", checked=(0.01, 1)),
    Sample("bak_by_hash", ".bak", "any", structured=False),
    Sample("dmp_by_hash", ".dmp", "any", structured=False),
    Sample("encrypted_by_hash", ".sql.enc", "any", structured=False),
    Sample("pg_directory", "", "pg_dump", is_folder=True),
    Sample("mariabackup", "", "mariabackup", is_folder=True),
    Sample("base_backup", "", "basebackup", is_folder=True),
    Sample("base_backup_tar", "", "basebackup", is_folder=True),
)
FILES = tuple(sample for sample in SAMPLES if not sample.is_folder)
FOLDERS = tuple(sample for sample in SAMPLES if sample.is_folder)


@dataclass(frozen=True)
class Stock:
    """The samples as they were made, and when."""

    folder: Path
    made_at: datetime
    header_only: bytes
    """What mariadb-dump leaves of a database that does not exist."""

    def bytes_of(self, name: str) -> bytes:
        """Return the bytes of a file."""
        return (self.folder / name).read_bytes()

    def put(self, sample: Sample, target: Path) -> None:
        """Put a sample somewhere, written a minute after it was begun."""
        origin = self.folder / sample.name
        if sample.is_folder:
            # Links: what a case changes it replaces.
            shutil.copytree(origin, target, copy_function=os.link)
        else:
            shutil.copyfile(origin, target)
        dumps.age(target, self.written_at)

    @property
    def written_at(self) -> float:
        """Return the date of the files."""
        return (self.made_at + timedelta(minutes=1)).timestamp()


def make(folder: Path) -> Stock:
    """Make all samples with the real tools; a few seconds."""
    raw = folder / "raw"
    raw.mkdir()
    folder = folder / "stock"
    folder.mkdir()
    with cluster(durable=True) as running:
        dumps.of_postgresql(running, raw)
        dumps.base_backup(running, raw)
    with mariadb.server() as server:
        dumps.of_mariadb(server, raw)
        header_only = dumps.header_only(server)
    for origin, target in (
        ("plain.sql", "pg_plain"),
        ("custom.dump", "pg_custom"),
        ("archive.tar", "pg_tar"),
        ("cluster.sql", "pg_dumpall"),
        ("directory", "pg_directory"),
        ("base", "base_backup"),
        ("base_tar", "base_backup_tar"),
        ("dump.sql", "mysql"),
        ("dateless.sql", "mysql_dateless"),
        ("bare.sql", "mysql_bare"),
        ("stream.xb", "xbstream"),
        ("full", "mariabackup"),
    ):
        (raw / origin).rename(folder / target)
    _others(folder, raw)
    for sample in SAMPLES:
        if sample.content and not (folder / sample.name).exists():
            packed = packed_as(sample, (folder / sample.content).read_bytes())
            (folder / sample.name).write_bytes(packed)
    made = Stock(folder, datetime.now(UTC).replace(microsecond=0), header_only)
    (folder.parent / "stock.json").write_bytes(msgspec.json.encode(made, enc_hook=str))
    return made


def known(folder: Path) -> Stock:
    """Return what another process has made."""
    content = (folder / "stock.json").read_bytes()
    made = msgspec.json.decode(content, type=Stock, dec_hook=lambda kind, value: kind(value))
    return replace(made, folder=folder / "stock")


def packed_as(sample: Sample, data: bytes) -> bytes:
    """Compress as a sample is."""
    suffix = f".{sample.suffix.rpartition('.')[2]}"
    return _PACKERS[suffix](data)


def _others(folder: Path, raw: Path) -> None:
    with closing(sqlite3.connect(folder / "sqlite")) as database:
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT)")
        rows = [(number, f"order {number}") for number in range(5000)]
        database.executemany("INSERT INTO orders VALUES (?, ?)", rows)
        database.execute("CREATE INDEX orders_by_note ON orders (note)")
        database.commit()
    for number in range(3):
        data = random.Random(number).randbytes(20_000) + b"text " * 2000
        (raw / f"part{number}").write_bytes(data)
    with zipfile.ZipFile(folder / "zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.write(raw / f"part{number}", f"part{number}")
    with tarfile.open(folder / "tar", "w") as archive:
        for number in range(3):
            archive.add(raw / f"part{number}", f"part{number}")
    parts = [str(raw / f"part{number}") for number in range(3)]
    _piped(b"", "7z", "a", "-bd", "-t7z", str(folder / "7z.7z"), *parts)
    (folder / "7z.7z").rename(folder / "7z")
    noise = random.Random(7).randbytes(60_000)
    (folder / "bak_by_hash").write_bytes(b"TAPE\0\0\3\0\x8c\0\x0e\1" + noise)
    (folder / "dmp_by_hash").write_bytes(bytes(4096) + b"\x05\x01" + noise)
    (folder / "encrypted_by_hash").write_bytes(b"Salted__" + noise)


def _piped(data: bytes, *command: str) -> bytes:
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout
