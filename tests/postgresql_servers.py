"""What tests do to a PostgreSQL of their own: settings, clean stops, programs, a standby."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from checks.api import Check, Past, Verdict
from checks.databases import Database
from scripts.postgresql import Cluster
from tests import network
from tests.archiving_postgresql import PROGRAMS
from tests.worse import NOW


def verdicts(
    check: Check[Any], code: str, database: Database, past: Past[Any] | None = None, **policy: float
) -> dict[str, Verdict]:
    """Return the verdicts of one rule on a real database by object, under a policy."""
    assert check.probe is not None
    facts = check.probe(database)
    rule = next(rule for rule in check.rules if rule.code == code)
    found = list(rule.evaluate(facts, rule.thresholds(**policy), past or Past(NOW)))
    assert len({verdict.object for verdict in found}) == len(found)
    return {verdict.object: verdict for verdict in found}


def states(*given: Any, **more: Any) -> dict[str, str]:
    """Return what `verdicts` would, as the names of states."""
    return {name: verdict.state.value for name, verdict in verdicts(*given, **more).items()}


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something that a server does when it comes to it."""
    network.until(condition, seconds)


def shut_down(cluster: Cluster) -> None:
    """Stop a server as an administrator does: nothing is left to recover."""
    cluster.process.send_signal(signal.SIGINT)
    cluster.process.wait()


def restarted(cluster: Cluster) -> None:
    """Stop a server cleanly and start it again."""
    shut_down(cluster)
    cluster.start_again()


def program(cluster: Cluster, name: str, *arguments: str) -> str:
    """Run one of PostgreSQL's programs as the owner of the cluster."""
    done = subprocess.run(
        [*_as(cluster.owner), f"{PROGRAMS}/{name}", *arguments],
        cwd=cluster.folder,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", "PGPASSWORD": cluster.password},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{name}: {done.stdout} {done.stderr}"
    return done.stdout


def connect(cluster: Cluster, database: str = "postgres", **more: Any) -> psycopg.Connection[Any]:
    """Connect as the superuser, unless it is said otherwise."""
    words = {"user": "postgres", "dbname": database, "autocommit": True, **more}
    return psycopg.connect(host="127.0.0.1", port=cluster.port, password=cluster.password, **words)


@contextmanager
def standby(primary: Cluster, slot: str) -> Iterator[Cluster]:
    """Run a standby of a server, over a slot that is made for it and stays."""
    folder = Path(tempfile.mkdtemp(prefix="xunjian-standby-"))
    if os.geteuid() == 0:
        shutil.chown(folder, primary.owner)
    source = f"host=127.0.0.1 port={primary.port} user=postgres application_name={slot}"
    try:
        program(
            primary,
            "pg_basebackup",
            *(f"--dbname={source} password={primary.password}", f"--pgdata={folder}/data"),
            *("--write-recovery-conf", "--create-slot", f"--slot={slot}"),
            *("--checkpoint=fast", "--no-sync"),
        )
        port = _free_port()
        words = (word.replace(str(primary.folder), str(folder)) for word in primary.command)
        command = tuple(word.replace(f"--port={primary.port}", f"--port={port}") for word in words)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        found = replace(primary, port=port, process=process, folder=folder, command=command)
        try:
            until(lambda: _answers(found))
            yield found
        finally:
            found.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _answers(cluster: Cluster) -> bool:
    try:
        connect(cluster).close()
    except psycopg.OperationalError:
        return False
    return True


def _as(owner: str) -> list[str]:
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam(owner)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
