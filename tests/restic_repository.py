"""A real repository of restic for tests: made once, copied for each case."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

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
    restic(built, built.repository, "backup", str(built.data))
    (built.data / "table-0").write_bytes(os.urandom(90_000))
    restic(built, built.repository, "backup", "--tag", "erp", str(built.data))
    (built.data / "table-1").write_bytes(os.urandom(90_000))
    restic(built, built.repository, "backup", "--host", "db2", str(built.data))
    restic(
        built,
        built.other,
        "init",
        *("--repo2", str(built.repository), "--password-file2", str(built.password)),
        "--copy-chunker-params",
    )
    copy(built, built.repository, built.other)
    return built


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
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def clone(folder: Path, name: Path) -> Path:
    """Copy a repository with its dates; what is read-only in it can be changed in the copy."""
    shutil.copytree(folder, name)
    for path in name.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return name
