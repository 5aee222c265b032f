"""A Host over this very machine: tests compare probes with what the system's own tools say."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from checks.api import Output
from checks.errors import NotPermitted, TimedOut, ToolMissing, UnexpectedOutput


class LiveHost:
    """Reads files and runs commands as they are; no bounds but the time."""

    system = "linux"

    def read(self, path: str, *, limit_bytes: int = 2**20) -> str:
        return self.read_bytes(path, limit_bytes=limit_bytes).decode("utf-8", "replace")

    def read_bytes(self, path: str, *, limit_bytes: int = 2**20) -> bytes:
        try:
            with Path(path).open("rb") as file:
                return file.read(limit_bytes)
        except PermissionError as error:
            raise NotPermitted(path) from error
        except OSError as error:
            raise UnexpectedOutput(path, str(error)) from error

    def modified_at(self, path: str) -> datetime:
        return datetime.fromtimestamp(Path(path).stat().st_mtime, UTC)

    def exists(self, path: str) -> bool:
        return Path(path).exists()

    def list(self, pattern: str) -> tuple[str, ...]:
        return tuple(sorted(str(path) for path in Path("/").glob(pattern.lstrip("/"))))

    def run(
        self,
        *command: str,
        timeout_seconds: float = 10,
        limit_bytes: int = 4 * 2**20,
        exit_codes: tuple[int, ...] = (0,),
    ) -> Output:
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=timeout_seconds, check=False
            )
        except FileNotFoundError as error:
            raise ToolMissing(command[0]) from error
        except subprocess.TimeoutExpired as error:
            raise TimedOut(command[0]) from error
        if done.returncode not in exit_codes:
            raise UnexpectedOutput(command[0], f"exit code {done.returncode}")
        return Output(done.stdout[:limit_bytes].decode("utf-8", "replace"), done.returncode)
