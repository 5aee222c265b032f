"""A real repository of restic for tests: made once, copied for each case."""

import base64
import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

PASSWORD = "correct horse"


@dataclass(frozen=True)
class Built:
    """A repository, its copy on the other side, and what was backed up."""

    folder: Path
    data: Path
    password: Path

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def other(self) -> Path:
        return self.folder / "other"


def build(folder: Path) -> Built:
    """Back up a folder three times with two hosts and a tag, and copy all to a second one."""
    built = Built(folder, folder / "data", folder / "password")
    built.password.write_text(PASSWORD)
    built.password.chmod(0o600)
    built.data.mkdir()
    for number in range(6):
        (built.data / f"table-{number}").write_bytes(os.urandom(120_000))
    (built.data / "name with [signs]*").write_text("a\n")
    restic(built, built.repository, "init")
    make_cheap(built.repository)
    restic(built, built.repository, "backup", "--time", _days_ago(2), str(built.data))
    (built.data / "table-0").write_bytes(os.urandom(90_000))
    restic(
        built, built.repository, "backup", "--time", _days_ago(1), "--tag", "erp", str(built.data)
    )
    (built.data / "table-1").write_bytes(os.urandom(90_000))
    restic(built, built.repository, "backup", "--host", "db2", str(built.data))
    restic(
        built,
        built.other,
        "init",
        *("--repo2", str(built.repository), "--password-file2", str(built.password)),
        "--copy-chunker-params",
    )
    make_cheap(built.other)
    copy(built, built.repository, built.other)
    return built


def _days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")


def make_cheap(repository: Path) -> None:
    """Give the key of a repository a derivation that takes no time: it is half a second else."""
    (place,) = (repository / "keys").iterdir()
    key = json.loads(place.read_text())
    salt = base64.b64decode(key["salt"])
    old = _derived(salt, key["N"], key["r"], key["p"])
    sealed = base64.b64decode(key["data"])
    initial, hidden = sealed[:16], sealed[16:-16]
    master = Cipher(algorithms.AES(old[:32]), modes.CTR(initial)).decryptor().update(hidden)
    new = _derived(salt, 16, 8, 1)
    hidden = Cipher(algorithms.AES(new[:32]), modes.CTR(initial)).encryptor().update(master)
    mask = Cipher(algorithms.AES(new[32:48]), modes.ECB()).encryptor().update(initial)
    code = Poly1305.generate_tag(new[48:] + mask, hidden)
    key |= {"N": 16, "p": 1, "data": base64.b64encode(initial + hidden + code).decode()}
    text = json.dumps(key).encode()
    place.unlink()
    (place.parent / hashlib.sha256(text).hexdigest()).write_bytes(text)


def _derived(salt: bytes, cost: int, blocks: int, lanes: int) -> bytes:
    word = PASSWORD.encode()
    return hashlib.scrypt(word, salt=salt, n=cost, r=blocks, p=lanes, maxmem=2**30, dklen=64)


def copy(built: Built, here: Path, there: Path) -> None:
    """Copy the snapshots that are not there yet, as `restic copy` does."""
    second = ("--repo2", str(there), "--password-file2", str(built.password))
    restic(built, here, "copy", *second)


def restic(built: Built, repository: Path, *arguments: str) -> str:
    """Run restic as the customer does; return what it prints."""
    done = subprocess.run(
        ["restic", "--repo", str(repository), "--no-cache", *arguments],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(built.folder),
            "RESTIC_PASSWORD_FILE": str(built.password),
            "TZ": "UTC",
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
