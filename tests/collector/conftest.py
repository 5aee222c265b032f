"""A collector on its own database with one customer, one host and one agent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.customers.service import ensure_agent
from collector.database import Database, open_database
from tests.collector.place import Place
from tests.messages import START


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/collector.db")
    yield opened
    opened.close()


@pytest.fixture
def place(database: Database) -> Place:
    with database.writing() as session:
        agent = ensure_agent(
            session,
            customer="示例公司",
            site="总部机房",
            time_zone="Asia/Shanghai",
            host="erp-db",
            now=START,
        )
        return Place(agent.customer_id, agent.host_id, agent.id)
