"""Real backups for tests, made once a session by the databases' own tools."""

import os
import subprocess
from pathlib import Path

from scripts.postgresql import Cluster
from tests.mariadb import Server

_ROWS = (
    "CREATE TABLE orders (id int PRIMARY KEY, customer text, note text)",
    "INSERT INTO orders SELECT n, 'customer ' || n, md5(n::text) FROM generate_series(1, 3000) n",
    "CREATE TABLE items (id int, order_id int, price numeric)",
    "INSERT INTO items SELECT n, n, n * 1.5 FROM generate_series(1, 2000) n",
)
_FORMATS = {"p": "plain.sql", "c": "custom.dump", "d": "directory", "t": "archive.tar"}


def of_postgresql(running: Cluster, folder: Path) -> Path:
    """Dump a small database in every format of pg_dump, and its cluster by pg_dumpall."""
    name = running.new_database()
    url = running.url(name, "postgres").replace("postgresql+psycopg", "postgresql")
    for statement in _ROWS:
        _demand("psql", "--no-psqlrc", "--quiet", f"--dbname={url}", f"--command={statement}")
    for letter, target in _FORMATS.items():
        _demand("pg_dump", f"--format={letter}", f"--dbname={url}", f"--file={folder / target}")
    # It connects to each database anew, without what the URL says.
    _demand(
        *("pg_dumpall", f"--dbname={url}", f"--file={folder / 'cluster.sql'}"),
        password=running.password,
    )
    running.drop_database(name)
    return folder


def base_backup(running: Cluster, folder: Path) -> Path:
    """Make a base backup; the cluster has to be a durable one (others keep too little WAL)."""
    url = running.url("postgres", "postgres").replace("postgresql+psycopg", "postgresql")
    _demand("pg_basebackup", f"--dbname={url}", f"--pgdata={folder / 'base'}", "--checkpoint=fast")
    _demand(
        *("pg_basebackup", f"--dbname={url}", f"--pgdata={folder / 'base_tar'}"),
        *("--checkpoint=fast", "--format=tar", "--gzip"),
    )
    return folder


def of_mariadb(running: Server, folder: Path) -> Path:
    """Dump a small database, back its server up, fully and twice incrementally, and as a stream."""
    running.run(
        "CREATE DATABASE erp; CREATE TABLE erp.orders (id INT PRIMARY KEY, note VARCHAR(100))"
        " ENGINE=InnoDB"
    )
    rows = ", ".join(f"({number}, 'order {number} {'x' * 40}')" for number in range(1, 3001))
    running.run(f"INSERT INTO erp.orders VALUES {rows}")
    (folder / "dump.sql").write_bytes(running.dump("--databases", "erp"))
    (folder / "bare.sql").write_bytes(running.dump("--compact", "erp"))
    (folder / "dateless.sql").write_bytes(running.dump("--skip-dump-date", "erp"))
    running.back_up(folder / "full")
    running.run("INSERT INTO erp.orders VALUES (9001, 'after the full one')")
    running.back_up(folder / "inc1", f"--incremental-basedir={folder / 'full'}")
    running.run("INSERT INTO erp.orders VALUES (9002, 'after the first incremental one')")
    running.back_up(folder / "inc2", f"--incremental-basedir={folder / 'inc1'}")
    scratch = folder / "scratch"
    (folder / "stream.xb").write_bytes(running.back_up(scratch, "--stream=xbstream"))
    return folder


def header_only(running: Server) -> bytes:
    """Return what mariadb-dump leaves of a database that does not exist."""
    done = subprocess.run(
        ["mariadb-dump", "--no-defaults", *running.options, "no_such_database"],
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0
    return done.stdout


def age(path: Path, at: float) -> None:
    """Date a file, or a folder and all that is in it."""
    if path.is_dir():
        for each in path.rglob("*"):
            os.utime(each, (at, at))
    os.utime(path, (at, at))


def _demand(*command: str, password: str = "") -> None:
    surroundings = os.environ | {"PGPASSWORD": password, "TZ": "UTC"}
    done = subprocess.run(command, capture_output=True, check=False, text=True, env=surroundings)
    assert done.returncode == 0, done.stderr
