"""Read a situation: captured readings of a host, the facts and the verdicts expected from them.

A situation is one TOML file, `tests/situations/<chapter>/<check>/<situation>.toml`:

    title = "The root file system is nearly full"
    observed_at = 2026-11-21T08:00:00Z     # optional; the rules' clock

    # Either captured readings, which the probe sees through CapturedHost ...
    [files]
    "/proc/sys/fs/file-nr" = "1024 0 9223372036854775807"
    [modified]
    "/var/lib/apt/lists" = 2026-11-20T08:00:00Z
    [[commands]]
    command = ["chronyc", "-c", "tracking"]
    output = "..."
    exit_code = 0                          # optional
    failure = "timeout"                    # optional: timeout, permission
    refused = ["/etc/shadow"]              # paths that answer "permission denied" (top level)

    # ... or recorded rows of a database, for probes that ask one (checks.databases.Database) ...
    [database]
    engine = "postgresql"
    version = [15, 20]
    release = "PostgreSQL 15.20"           # optional
    login_seconds = 0.02                   # optional
    exclude = ["test_*"]                   # optional
    [[database.answers]]
    query = "ARCHIVER"                     # name of the query in the check's module or in a private
                                           # module beside it (a constant that is a str)
    database = "erp"                       # optional: only within this database
    rows = [{ archived_count = 3 }]
    failure = "permission"                 # or: the reason of a ProbeError instead of rows

    # ... or a declared query: its settings ([queries.NAME]) and what the server answered.
    [query]
    rows = [{ open = 3 }]                  # or failure = "permission"
    [query.settings]
    database = "erp"

    # ... or recorded sightings of a product (tests/recorded_product.py), with or without [database]
    [product]

    # ... or facts given directly, for probes that read through psutil.
    [given]

    [facts]                                # optional: what the probe must return, compared whole
    [failure]                              # or: the reason why it must not return any
    reason = "missing_tool"
    subject = "chronyc"

    [past]                                 # optional
    elapsed_seconds = 86400
    same_boot = true
    [past.facts]
    [[series]]
    measure = "used_percent"
    object = "/"
    every_days = 1
    values = [70, 71, 72]                  # the last one is the present one

    [thresholds."OS-DSK-001"]              # optional: a policy of the site
    warning_used_percent = 70

    [[verdicts]]                           # all of them, in any order
    code = "OS-DSK-001"
    object = "/"
    state = "critical"
    current = "95.0%"                      # optional: must be contained (Chinese text)
    message = "…"                          # optional: must be contained
"""

import fnmatch
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from checks.api import Check, Output, Past, Point, Verdict
from checks.discovery import discover
from checks.errors import NotPermitted, ProbeError, TimedOut, ToolMissing, UnexpectedOutput
from tests.recorded_database import RecordedDatabase
from tests.recorded_product import RecordedProduct
from tests.recorded_query import recorded_query
from wire.messages import Failure

ROOT = Path(__file__).parent / "situations"


class CapturedHost:
    """A Host that answers from a situation; what was not captured isn't there."""

    def __init__(self, situation: dict[str, Any]) -> None:
        self.system = situation.get("system", "linux")
        self._files: dict[str, str] = situation.get("files", {})
        self._modified: dict[str, datetime] = situation.get("modified", {})
        self._refused: list[str] = situation.get("refused", [])
        self._commands = {tuple(entry["command"]): entry for entry in situation.get("commands", [])}

    def read(self, path: str, *, limit_bytes: int = 2**20) -> str:
        if path in self._refused:
            raise NotPermitted(path)
        if path not in self._files:
            raise UnexpectedOutput(path, "no such file")
        return self._files[path][:limit_bytes]

    def read_bytes(self, path: str, *, limit_bytes: int = 2**20) -> bytes:
        return self.read(path).encode()[:limit_bytes]

    def modified_at(self, path: str) -> datetime:
        if path not in self._modified:
            raise UnexpectedOutput(path, "no such file")
        return self._modified[path]

    def exists(self, path: str) -> bool:
        return any(
            name == path or name.startswith(path.rstrip("/") + "/")
            for name in [*self._files, *self._modified, *self._refused]
        )

    def list(self, pattern: str) -> tuple[str, ...]:
        return tuple(sorted(fnmatch.filter([*self._files, *self._refused], pattern)))

    def run(
        self,
        *command: str,
        timeout_seconds: float = 10,
        limit_bytes: int = 4 * 2**20,
        exit_codes: tuple[int, ...] = (0,),
    ) -> Output:
        if command not in self._commands:
            raise ToolMissing(command[0])
        entry = self._commands[command]
        if entry.get("failure") == "timeout":
            raise TimedOut(command[0])
        if entry.get("failure") == "permission":
            raise NotPermitted(command[0])
        code = entry.get("exit_code", 0)
        if code not in exit_codes:
            raise UnexpectedOutput(command[0], f"exit code {code}")
        return Output(entry.get("output", "")[:limit_bytes], code, entry.get("error_text", ""))


@dataclass(frozen=True)
class Situation:
    """One file, ready to be played."""

    path: Path
    check: Check[Any]
    content: dict[str, Any]

    @property
    def observed_at(self) -> datetime:
        return self.content.get("observed_at", datetime(2026, 11, 21, 8, tzinfo=UTC))

    def observe(self) -> Any:
        """Return the facts, or the Failure that the probe ends in."""
        if "given" in self.content:
            return msgspec.convert(self.content["given"], self.check.facts)
        assert self.check.probe is not None
        try:
            return self.check.probe(self._port())
        except ProbeError as error:
            return error.failure()

    def _port(self) -> Any:
        host = CapturedHost(self.content)
        if "query" in self.content:
            return recorded_query(self.content["query"])
        if "product" in self.content:
            return RecordedProduct(self.content, self.check, host)
        if "database" in self.content:
            return RecordedDatabase(self.content["database"], self.check, host)
        return host

    def judge(self, facts: Any) -> list[tuple[str, Verdict]]:
        """Return (code, verdict) of every rule of the check."""
        past = self.content.get("past", {})
        series = {
            (entry["measure"], entry["object"]): self._points(entry)
            for entry in self.content.get("series", [])
        }
        previous = past.get("facts")
        known = Past(
            observed_at=self.observed_at,
            previous=msgspec.convert(previous, self.check.facts) if previous else None,
            elapsed_seconds=past.get("elapsed_seconds"),
            same_boot=past.get("same_boot", False),
            series=lambda measure, name: series.get((measure, name), ()),
        )
        result = []
        for rule in self.check.rules:
            values = self.content.get("thresholds", {}).get(rule.code, {})
            thresholds = msgspec.convert(values, rule.thresholds)
            result += [(rule.code, verdict) for verdict in rule.evaluate(facts, thresholds, known)]
        return result

    def _points(self, entry: dict[str, Any]) -> tuple[Point, ...]:
        step = timedelta(days=entry.get("every_days", 1))
        values = entry["values"]
        return tuple(
            Point(self.observed_at - step * (len(values) - 1 - index), float(value))
            for index, value in enumerate(values)
        )


def situations() -> list[Situation]:
    """Return every situation on disk, each with its check."""
    found = discover().checks
    result = []
    for path in sorted(ROOT.rglob("*.toml")):
        check_id = ".".join(path.relative_to(ROOT).parts[:-1])
        with path.open("rb") as file:
            result.append(Situation(path, found[check_id], tomllib.load(file)))
    return result


def expected_failure(situation: Situation) -> Failure | None:
    """Return the failure that the situation says the probe ends in."""
    stated = situation.content.get("failure")
    return msgspec.convert(stated, Failure) if stated else None
