"""Real hosts for the tests: OpenSSH with this machine's tools, and one with nothing but Busybox."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.remote.agentless.posix_host import PosixHost, posix_host
from agent.remote.recording import Recording, unrecorded
from agent.secret import Secret
from agent.ssh.connecting import connect
from agent.ssh.connection import Connection, Server
from scripts.openssh import OpenSsh, serving

BUSYBOX = Path("/bin/busybox")
GREETING = "printf 'Welcome!\\nxunjian begin\\n'; echo 'mind the step' >&2\n"
_TOOLS = ("cat", "date", "echo", "env", "head", "ls", "pgrep", "pwd", "sh", "sleep", "stat")


@contextmanager
def connected(running: OpenSsh, user: str = "") -> Iterator[Connection]:
    """Sign in at a server."""
    server = Server("127.0.0.1", user or running.user, running.host_key, running.port)
    with connect(server, key=Secret(running.key.read_text())) as connection:
        yield connection


@contextmanager
def over_ssh(record: Recording = unrecorded, greeting: str = GREETING) -> Iterator[PosixHost]:
    """Give this machine as `nobody` sees it, by a shell that greets."""
    with serving(shell=True, greeting=greeting) as running, connected(running) as connection:
        yield posix_host(connection, record)


@contextmanager
def busybox_alone() -> Iterator[tuple[PosixHost, Path]]:
    """Give a host that has nothing but a POSIX shell and its tools, and where its root is."""
    jail = Path(tempfile.mkdtemp(prefix="xunjian-test-", dir="/srv"))
    try:
        jail.chmod(0o755)
        for folder in ("bin", "dev", "etc", "tmp", "usr/sbin"):
            (jail / folder).mkdir(parents=True)
        shutil.copy(BUSYBOX, jail / "bin")
        for tool in (*_TOOLS, "timeout", "uname"):
            (jail / "bin" / tool).symlink_to("busybox")
        # The account's shell, as this machine's /etc/passwd names it.
        shell = jail / "usr/sbin/nologin"
        shell.write_text('#!/bin/sh\nexec /bin/sh "$@"\n')
        shell.chmod(0o755)
        subprocess.run(["mknod", "-m", "666", str(jail / "dev/null"), "c", "1", "3"], check=True)
        chroot = f"ChrootDirectory {jail}"
        with (
            serving(shell=True, settings=chroot, as_nobody=False) as running,
            connected(running, "nobody") as connection,
        ):
            yield posix_host(connection, unrecorded), jail
    finally:
        shutil.rmtree(jail)


def why_no_busybox() -> str:
    """Return why such a host can't be made here; empty: it can."""
    if os.geteuid() != 0:
        return "a chroot needs root"
    return "" if BUSYBOX.exists() else "busybox-static is not installed"
