"""Where a test's uploads belong."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    customer_id: str
    host_id: str
    agent: str
