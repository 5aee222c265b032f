"""Oracle's history of RMAN as rows written by hand from its reference; none was recorded."""

from datetime import timedelta
from typing import Any

from checks import rman
from tests.sql_server import NOW
from tests.tds_server import Refusal, Row


class Database:
    """What is asked of a database, and its answers."""

    def __init__(self) -> None:
        self.head: dict[str, Any] = {
            "name": "ERP",
            "log_mode": "ARCHIVELOG",
            "version": "19.0.0.0.0",
            "zone": "+08:00",
        }
        self.jobs: list[dict[str, Any]] = []

    def answer(self, query: str) -> list[dict[str, Any]] | Refusal | list[Row]:
        if query.strip() == rman.DATABASE.strip():
            return [self.head]
        assert query.strip() == rman.JOBS.strip()
        return self.jobs

    def job(self, kind: str, hours: float, status: str = "COMPLETED", **changes: Any) -> None:
        at = NOW - timedelta(hours=hours) + timedelta(hours=8)
        self.jobs.append(
            {
                "id": f"{len(self.jobs)}/1",
                "input_type": kind,
                "status": status,
                "started": at.strftime("%Y-%m-%dT%H:%M:%S"),
                "ended": (at + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%S"),
                "output_bytes": 5 * 2**30,
                "lowest_level": None,
                **changes,
            }
        )
