"""A backup set as its kind sees it: settings, host, ledger, and its tool in its surroundings."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from agent import secret
from agent.backups.kind import Records
from agent.backups.settings import BackupSettings
from agent.secret import Secret, SecretError, SecretSource
from agent.tools import TOOL_FOLDERS, find_tool, run_tool
from checks.api import Host, Output
from checks.errors import NotPermitted, UnexpectedOutput

_CACHES = "backup-caches"


class LocalSource:
    """The real `agent.backups.kind.Source`."""

    def __init__(
        self, name: str, settings: BackupSettings, host: Host, records: Records, state: Path
    ) -> None:
        self.name = name
        self.settings = settings
        self.host = host
        self.records = records
        self._state = state

    @property
    def cache(self) -> Path:
        """Return a folder of this set alone, 0700. Raise UnexpectedOutput if there can be none."""
        folder = self._state / _CACHES / self.name.encode().hex()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UnexpectedOutput(str(folder), error.strerror or str(error)) from error
        return folder

    def now(self) -> datetime:
        """Return the host's clock."""
        return datetime.now(UTC)

    def secret(self, source: SecretSource, name: str) -> Secret:
        """Return a secret of the settings. Raise NotPermitted if it can't be had."""
        try:
            return secret.obtain(source, f"backups.{self.name}.{name}")
        except SecretError as error:
            raise NotPermitted(name, error.text.en) from error

    def run(
        self,
        *command: str,
        environment: Mapping[str, str] | None = None,
        secrets: Mapping[str, Secret] | None = None,
        timeout_seconds: float = 60,
        limit_bytes: int = 32 * 2**20,
        user: str | None = None,
    ) -> Output:
        """Run the set's tool, whatever its exit code (agent.backups.kind.Source.run)."""
        tool = find_tool(self._tool(command[0]), TOOL_FOLDERS)
        home = str(self.cache) if user is None else "/"
        surroundings = {"HOME": home, "TZ": "UTC", "LANG": "C.UTF-8"}
        if user is None:
            surroundings |= {"XDG_CACHE_HOME": home, "XDG_CONFIG_HOME": home}
        surroundings |= environment or {}
        with ExitStack() as held:
            ends = []
            for variable, value in (secrets or {}).items():
                end = _pipe(held, value, user)
                ends.append(end)
                number = str(end)
                surroundings[variable] = number if variable.endswith("_FD") else f"/dev/fd/{number}"
            return run_tool(
                tool,
                command,
                timeout_seconds,
                limit_bytes,
                environment=surroundings,
                inherited=tuple(ends),
                user=user,
            )

    def _tool(self, name: str) -> str:
        """Return the settings' place of the set's own tool, the name for every other one."""
        own = self.settings.command
        return own if own is not None and Path(own).name == Path(name).name else name


def _pipe(held: ExitStack, value: Secret, user: str | None) -> int:
    """Return the reading end of a pipe that holds a secret and ends behind it."""
    reading, writing = os.pipe()
    held.callback(os.close, reading)
    try:
        if user is not None:
            import pwd

            # The tool opens it by its name, and so needs a right to it.
            os.fchown(reading, pwd.getpwnam(user).pw_uid, -1)
        # Fits into the pipe: a secret has at most 16 KiB.
        os.write(writing, value.reveal().encode() + b"\n")
    finally:
        os.close(writing)
    return reading
