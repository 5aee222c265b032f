"""Every query of KingbaseES reads alone, and names what PostgreSQL 12 has, too."""

from pathlib import Path

import pytest

from agent.databases.engines.kingbase import translate
from agent.databases.reading import demand_reading
from tests.documented import catalogue, queries, reading_alone, undocumented

KNOWN = catalogue(Path(__file__).parent)
QUERIES = queries("kingbase")


def test_all_queries_are_seen() -> None:
    assert sorted(QUERIES) == [
        "cluster.REPLICATION",
        "instance.LICENCE",
        "instance.MODE",
        "settings.SETTINGS",
    ]


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_only_reads_under_either_name(name: str) -> None:
    for query in (QUERIES[name], translate(QUERIES[name])):
        demand_reading(query)
        reading_alone(query, "postgres")


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_names_what_is_documented(name: str) -> None:
    assert undocumented(QUERIES[name], "postgres", KNOWN, (12,)) == []
