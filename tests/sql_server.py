"""A SQL Server as its own catalogue would tell of it: rows written by hand from the documentation.

No row here was recorded on a real server. Names, types and meaning of the columns are those of
Microsoft's pages on backupset, backupmediafamily, sys.databases and sys.certificates.
"""

import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from checks import msdb
from checks.mssql import _history
from tests.tds_server import Refusal, Row

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
SHANGHAI = 480
ZONE = SHANGHAI // 15
CHUNK = b"TAPE" + bytes(1020)


def guid(name: str) -> str:
    """Return the same GUID for the same name, as SQL Server writes them."""
    return str(uuid5(NAMESPACE_DNS, name)).upper()


@dataclass
class Instance:
    """What is asked of an instance, and its answers."""

    folder: Path
    machine: str = field(default_factory=platform.node)
    names: tuple[str, str] = ("DB1", "DB1")
    offset: int = SHANGHAI
    databases: list[dict[str, Any]] = field(default_factory=list)
    sets: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    certificates: list[dict[str, Any]] = field(default_factory=list)
    history_days: float = 390
    refused: dict[str, Refusal] = field(default_factory=dict)
    """By a word of the query."""

    def answer(self, query: str) -> Sequence[Row] | Refusal:
        for word, refusal in self.refused.items():
            if word in query:
                return refusal
        asked = query.strip()
        if asked == msdb.SERVER.strip():
            return [self._server()]
        if asked in (msdb.HISTORY.strip(), msdb.RECENT.strip()):
            return self.sets
        if asked in (msdb.DATABASES.strip(), _history.DATABASES.strip()):
            return self.databases
        if asked == _history.DATA_FILES.strip():
            return self.files
        if asked == _history.CERTIFICATES.strip():
            return self.certificates
        raise AssertionError(query)

    def local(self, hours: float, offset: int | None = None) -> str:
        """Return a local time of the server so many hours ago, as style 126 writes it."""
        at = NOW - timedelta(hours=hours) + timedelta(minutes=offset or self.offset)
        return at.replace(tzinfo=None).isoformat(timespec="milliseconds")

    def database(self, name: str, model: str = "FULL", **changes: Any) -> None:
        self.databases.append(
            {
                "name": name,
                "state_desc": "ONLINE",
                "recovery_model": model,
                "is_read_only": 0,
                "is_in_standby": 0,
                "created": self.local(24 * 300),
                "database_guid": guid(name),
                "chain_started": 0 if model == "SIMPLE" else 1,
                "preferred": None,
                **changes,
            }
        )
        self.files.append({"name": name, "physical_name": f"D:\\Data\\{name}.mdf"})

    def backup(
        self,
        name: str,
        kind: str = "D",
        hours: float = 10,
        *,
        size: int = 4096,
        file: str = "",
        **changes: Any,
    ) -> dict[str, Any]:
        """Add a backup and, where the machine is this one, its file."""
        path = file or f"{name}_{kind}_{hours:g}.bak"
        if self.machine == platform.node():
            path = path if path.startswith("/") else str(self.folder / path)
            Path(path).write_bytes((CHUNK * (size // 1024 + 1))[:size])
        elif not file:
            path = f"E:\\Backup\\{path}"
        row: dict[str, Any] = {
            "backup_set_uuid": guid(f"{name}{kind}{hours}{len(self.sets)}"),
            "database_name": name,
            "type": kind,
            "is_copy_only": 0,
            "is_snapshot": 0,
            "is_damaged": 0,
            "has_backup_checksums": 1,
            "started": self.local(hours),
            "finished": self.local(hours - 0.05),
            "time_zone": self.offset // 15,
            "backup_size": size,
            "stored_size": size,
            "encryptor_type": None,
            "database_guid": guid(name),
            "base_guid": None,
            "server_name": self.names[0],
            "device_type": 2,
            "device": path,
            "family": 1,
            "mirror": 0,
            **changes,
        }
        self.sets.append(row)
        return row

    def _server(self) -> Row:
        history = NOW - timedelta(days=self.history_days) + timedelta(minutes=self.offset)
        return {
            "server_name": self.names[0],
            "instance_name": self.names[1],
            "machine_name": self.machine,
            "product_version": "15.0.4345.5",
            "utc_now": NOW.replace(tzinfo=None).isoformat(),
            "offset_minutes": self.offset,
            "history_from": history.replace(tzinfo=None).isoformat(),
        }


def healthy(folder: Path, machine: str = "") -> Instance:
    """Return an instance whose two databases are backed up every night, and whose log each hour."""
    instance = Instance(folder, machine=machine or platform.node())
    instance.database("master", "SIMPLE")
    instance.database("erp")
    for night in range(6):
        for name in ("master", "erp"):
            instance.backup(name, "D", 10 + 24 * night, size=4096 + 512 * night)
    instance.backup("erp", "L", 0.5, size=2048)
    return instance
