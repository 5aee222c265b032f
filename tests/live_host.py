"""A Host over the machine that the tests run on, for comparisons with what its own tools say."""

import glob
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from checks.api import Output
from checks.errors import NotPermitted, TimedOut, ToolMissing, UnexpectedOutput


class LiveHost:
    """The real files and commands, with the refusals that the port promises."""

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
        try:
            return datetime.fromtimestamp(os.stat(path).st_mtime, UTC)  # noqa: PTH116 - one call
        except OSError as error:
            raise UnexpectedOutput(path, str(error)) from error

    def exists(self, path: str) -> bool:
        return Path(path).exists()

    def list(self, pattern: str) -> tuple[str, ...]:
        return tuple(sorted(glob.glob(pattern)))  # noqa: PTH207 - the port speaks in text paths

    def run(
        self,
        *command: str,
        timeout_seconds: float = 10,
        limit_bytes: int = 4 * 2**20,
        exit_codes: tuple[int, ...] = (0,),
    ) -> Output:
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                timeout=timeout_seconds,
                check=False,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "LC_ALL": "C"},
            )
        except FileNotFoundError as error:
            raise ToolMissing(command[0]) from error
        except PermissionError as error:
            raise NotPermitted(command[0]) from error
        except subprocess.TimeoutExpired as error:
            raise TimedOut(command[0]) from error
        text = done.stdout[:limit_bytes].decode("utf-8", "replace")
        errors = done.stderr[:2000].decode("utf-8", "replace")
        if done.returncode not in exit_codes:
            raise UnexpectedOutput(command[0], f"exit code {done.returncode}: {errors.strip()}")
        return Output(text, done.returncode, errors)
