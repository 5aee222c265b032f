"""Every query of DM8 reads alone, and names views and columns that are known in public."""

from pathlib import Path

import pytest

from agent.databases.reading import demand_reading
from tests.documented import catalogue, queries, reading_alone, undocumented

KNOWN = catalogue(Path(__file__).parent)
QUERIES = queries("dameng")


def test_all_queries_are_seen() -> None:
    assert len(QUERIES) > 20


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_only_reads(name: str) -> None:
    demand_reading(QUERIES[name])
    reading_alone(QUERIES[name], "oracle")


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_names_what_is_known(name: str) -> None:
    assert undocumented(QUERIES[name], "oracle", KNOWN, (8,)) == []
