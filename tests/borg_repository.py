"""A real repository of borg for tests: made once, copied for each case."""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

PASSWORD = "correct horse"


@dataclass(frozen=True)
class Built:
    """A repository and what was backed up."""

    folder: Path
    data: Path
    password: Path

    @property
    def repository(self) -> Path:
        return self.folder / "repository"


def build(folder: Path) -> Built:
    """Back up a folder three times."""
    built = Built(folder, folder / "data", folder / "password")
    built.password.write_text(PASSWORD)
    built.password.chmod(0o600)
    built.data.mkdir()
    for number in range(6):
        (built.data / f"table-{number}").write_bytes(os.urandom(120_000))
    (built.data / "name with [signs]*").write_text("a\n")
    borg(built, "init", "--encryption", "repokey-blake2", str(built.repository))
    create(built, "erp-1", None, "--timestamp", _days_ago(2))
    create(built, "erp-2", None, "--timestamp", _days_ago(1))
    create(built, "erp-3")
    return built


def _days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S")


def create(built: Built, name: str, repository: Path | None = None, *options: str) -> None:
    """Back up the folder once more, with new content."""
    (built.data / "table-0").write_bytes(os.urandom(60_000))
    place = repository or built.repository
    borg(built, "create", *options, f"{place}::{name}", str(built.data))


def borg(built: Built, *arguments: str) -> str:
    """Run borg as the customer does; return what it prints.

    Each time as if for the first time: borg refuses a copy that is older than what it saw last.
    """
    with tempfile.TemporaryDirectory(dir=built.folder) as base:
        done = subprocess.run(
            ["borg", *arguments],
            env={
                "PATH": os.environ["PATH"],
                "LC_ALL": "C.UTF-8",
                "TZ": "UTC",
                "BORG_BASE_DIR": base,
                "BORG_PASSPHRASE": PASSWORD,
                "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
                "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
            },
            check=False,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout
