"""Throw-away OpenSSH servers on loopback: with a shell, or for SFTP alone in a chroot.

Where the tests are root, both act as `nobody` once the client is in, so that a file can be
unreadable; else they run as the tests' own user, and there is no chroot. Password and dialogue
(PAM) need root: the service file that a server reads stands in /etc/pam.d while it runs.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SSHD = "/usr/sbin/sshd"
SFTP_SERVER = "/usr/lib/openssh/sftp-server"
PAM_SERVICES = Path("/etc/pam.d")
SHA1_ONLY = "HostKeyAlgorithms ssh-rsa"
"""Settings of a server (`kind="rsa"`) whose host key signs as it did before 2016."""
WEAK_ONLY = "Ciphers aes256-cbc,3des-cbc\nMACs hmac-sha1"
"""Settings of a server that encrypts as it did before 2014."""
_BASES = ("/srv", "/var/lib", "/run")
"""sshd takes a chroot only where nobody but root can write, down from the root: not in /tmp."""
_AS_NOBODY = (
    "ForceCommand exec setpriv --reuid=65534 --regid=65534 --clear-groups /bin/sh -c '"
    'cd /; [ -z "$SSH_ORIGINAL_COMMAND" ] && exec /bin/sh -i; '
    'exec /bin/bash --norc -c "$SSH_ORIGINAL_COMMAND"'
    "'"
)
"""Any command, and a shell where there is none, as the account's own shell would run them.

bash, because it leaves its place to a single command, so that a signal that ends this is seen.
"""


@dataclass(frozen=True)
class OpenSsh:
    """A server that is running."""

    port: int
    user: str
    folder: Path
    """Where its copies go, as this host sees it."""
    place: str
    """The same, as the client names it."""
    key: Path
    """Of the client."""
    host_key: str
    """Line of the server's public key."""
    other_host_key: str
    """A key of the same type that is not the server's."""
    shell: bool
    home: Path
    """Home folder of the account."""
    authorized: Path
    """Its authorized_keys."""

    def there(self, name: str) -> str:
        """Return how the client names something in the folder."""
        return f"{self.place}/{name}"


def _base() -> Path:
    places = _BASES if os.geteuid() == 0 else (tempfile.gettempdir(),)
    for place in places:
        if os.access(place, os.W_OK):
            return Path(tempfile.mkdtemp(prefix="xunjian-test-", dir=place))
    raise RuntimeError(f"none of {', '.join(places)} can be written: sshd needs one of them")


def make_key(path: Path, kind: str = "ed25519", *more: str) -> str:
    """Make a key pair without a passphrase and return its public line."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", str(path), *more]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path.with_name(f"{path.name}.pub").read_text().strip()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def allow(running: OpenSsh, name: str, kind: str = "ed25519", options: str = "") -> Path:
    """Make another client key that may sign in, and return where its private half is.

    `options` stand before it in authorized_keys, as `restrict,command="…"`.
    """
    path = running.home / name
    with running.authorized.open("a") as lines:
        lines.write(f"{options} {make_key(path, kind)}\n".lstrip())
    return path


@dataclass(frozen=True)
class Account:
    """Passwords, as a server asks PAM for them (root alone)."""

    passwords: tuple[str, ...]
    told: str = ""
    """Said before the password is asked for."""


@contextmanager
def serving(
    *,
    shell: bool,
    settings: str = "",
    kind: str = "ed25519",
    sftp: bool = True,
    as_nobody: bool = True,
    account: Account | None = None,
    greeting: str = "",
) -> Iterator[OpenSsh]:
    """Run a server until the block ends.

    `settings` win over all others. Without `as_nobody`, commands run as the account itself. The
    greeting is a shell script that the account's bash runs before anything else, as .bashrc.
    """
    root = os.geteuid() == 0
    base = _base()
    try:
        base.chmod(0o755)
        private = base / "private"
        private.mkdir(mode=0o700)
        jail = base / "jail"
        folder = jail / "copies"
        folder.mkdir(parents=True)
        host_key = make_key(private / "host", kind)
        other = make_key(private / "other", kind)
        authorized = base / "authorized"
        authorized.write_text(make_key(private / "client") + "\n")
        if greeting:
            (private / ".bashrc").write_text(greeting)
        user = "root" if root and shell else "nobody" if root else _own_name()
        chrooted = root and not shell
        lines = [
            settings,
            "ListenAddress 127.0.0.1",
            f"HostKey {private}/host",
            f"AuthorizedKeysFile {authorized}",
            f"PidFile {private}/pid",
            "PasswordAuthentication yes",
            "PermitRootLogin yes",
            f"UsePAM {'yes' if account else 'no'}",
            f"KbdInteractiveAuthentication {'yes' if account else 'no'}",
            "StrictModes no",
            "UseDNS no",
            "MaxStartups 1000",
            "PrintMotd no",
            # bash under sshd reads the user's .bashrc, whatever may stand in there.
            f"SetEnv HOME={private}",
        ]
        if sftp:
            lines.append(f"Subsystem sftp {SFTP_SERVER if shell else 'internal-sftp'}")
        if chrooted:
            lines.append(f"ChrootDirectory {jail}")
        if shell and root and as_nobody:
            lines.append(_AS_NOBODY)
        if not shell:
            lines.append("ForceCommand internal-sftp")
        if root:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        place = "/copies" if chrooted else str(folder)
        with _service(base, private, account) as program, _started(program, private, lines) as port:
            yield OpenSsh(
                port=port,
                user=user,
                folder=folder,
                place=place,
                key=private / "client",
                host_key=host_key,
                other_host_key=other,
                shell=shell,
                home=private,
                authorized=authorized,
            )
    finally:
        shutil.rmtree(base, ignore_errors=True)


@contextmanager
def _service(base: Path, private: Path, account: Account | None) -> Iterator[Path]:
    """Give the program to run: under a name of its own, by which PAM knows its service."""
    if account is None:
        yield Path(SSHD)
        return
    program = private / base.name
    program.symlink_to(SSHD)
    (private / "passwords").write_text("".join(f"{each}\n" for each in account.passwords))
    (private / "told").write_text(account.told)
    check = private / "check"
    check.write_text(f'#!/bin/sh\ntr -d "\\0" | grep -qxFf {private}/passwords\n')
    check.chmod(0o700)
    service = PAM_SERVICES / base.name
    rules = [
        f"auth optional pam_echo.so file={private}/told" if account.told else "",
        f"auth required pam_exec.so quiet expose_authtok {check}",
        "auth required pam_permit.so",  # pam_exec has nothing to say to pam_setcred
        "account required pam_permit.so",
        "session required pam_permit.so",
    ]
    service.write_text("\n".join([*rules, ""]))
    try:
        yield program
    finally:
        service.unlink()


def _own_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


@contextmanager
def _started(program: Path, private: Path, lines: list[str]) -> Iterator[int]:
    for _ in range(5):
        port = _free_port()
        configuration = private / "sshd_config"
        configuration.write_text("\n".join([f"Port {port}", *lines]) + "\n")
        log = private / "log"
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [program, "-D", "-e", "-f", str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
            )
        try:
            if _answers(port, process):
                yield port
                return
        finally:
            process.terminate()
            process.wait()
    raise RuntimeError(f"sshd does not start: {log.read_text()}")


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    ends = time.monotonic() + 20
    while time.monotonic() < ends and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as probe:
                return probe.recv(4) == b"SSH-"
        except OSError:
            time.sleep(0.02)
    return False
