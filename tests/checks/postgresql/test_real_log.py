"""The log of a real PostgreSQL is counted in each of its forms; none of its texts is kept."""

from collections.abc import Iterator

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.api import State
from checks.errors import Unsupported
from checks.postgresql import log
from checks.postgresql._server_log import Line, line_pattern, of_csv, of_json, of_text
from scripts.postgresql import Cluster, cluster
from tests import databases
from tests.checks.postgresql.servers import run, shut_down, within
from tests.databases import judged

QUIET = ("--logging_collector=off", "--log_min_messages=fatal", "--log_min_error_statement=panic")


@pytest.fixture(scope="module")
def logging_server() -> Iterator[Cluster]:
    with cluster(durable=True) as running:
        shut_down(running)
        running.command = (
            *(word for word in running.command if word not in QUIET),
            "--logging_collector=on",
            "--log_line_prefix=%m [%p] %q%u@%d %e ",
        )
        running.start_again()
        yield running


def counts(server: Cluster) -> dict[tuple[str, str], int]:
    with databases.postgresql(server) as found:
        assert log.CHECK.probe is not None
        facts = log.CHECK.probe(found)
    assert b"4711" not in msgspec.json.encode(facts)
    return {(each.level, each.state): each.lines for each in facts.counts}


def fail(server: Cluster, statement: str) -> None:
    with pytest.raises(psycopg.Error):
        run(server, "postgres", statement)


@pytest.mark.parametrize("form", ["stderr", "csvlog", "jsonlog"])
def test_errors_are_counted_until_the_log_is_a_new_one(logging_server: Cluster, form: str) -> None:
    def configured() -> bool:
        place = logging_server.ask(f"SELECT pg_current_logfile('{form}')")[0][0]
        return place is not None

    run(logging_server, "postgres", f"ALTER SYSTEM SET log_destination = '{form}'")
    run(logging_server, "postgres", "SELECT pg_reload_conf()")
    within(10, configured)
    fail(logging_server, "SELECT 4711 / 0 AS \"PANIC:  4711\",\n'ERROR:  4711'")
    fail(logging_server, "DO $$ BEGIN RAISE EXCEPTION '4711' USING ERRCODE = 'XX001'; END $$")
    within(10, lambda: len(counts(logging_server)) == 2)
    assert counts(logging_server) == {("ERROR", "22012"): 1, ("ERROR", "XX001"): 1}
    with databases.postgresql(logging_server) as found:
        verdicts = judged(log.CHECK, found)
    assert verdicts["PG-036", "XX001"].state is State.CRITICAL
    assert verdicts["PG-036", "ERROR"].state is State.INFO
    assert verdicts["PG-036", "PANIC"].state is State.OK

    def rotated() -> bool:
        run(logging_server, "postgres", "SELECT pg_rotate_logfile()")
        return counts(logging_server) == {}

    # A new file has a new name only in the next second.
    within(10, rotated)
    with databases.postgresql(logging_server) as found:
        assert judged(log.CHECK, found)["PG-036", "ERROR"].state is State.OK


def test_a_log_that_nobody_can_find_is_no_pass(postgresql: Cluster) -> None:
    with databases.postgresql(postgresql) as found, pytest.raises(Unsupported, match="collector"):
        judged(log.CHECK, found)


@pytest.mark.parametrize(
    ("prefix", "line", "wanted"),
    [
        (
            "%m [%p] ",
            "2026-11-21 08:00:00.123 CST [7] ERROR:  x",
            Line("2026-11-21 08:00:00", "ERROR", ""),
        ),
        (
            "%t %u@%d %e: ",
            "2026-11-21 08:00:00 CST a b@erp 53300: FATAL:  x",
            Line("2026-11-21 08:00:00", "FATAL", "53300"),
        ),
        (
            "%m [%p] %q%u@%d ",
            "2026-11-21 08:00:00.123 CST [7] LOG:  a@b ERROR:  x",
            Line("2026-11-21 08:00:00", "LOG", ""),
        ),
        ("", "PANIC:  could not write", Line("", "PANIC", "")),
        (
            "%m [%p] ",
            "2026-11-21 08:00:00.123 CST [7] 错误:  关系 x 不存在",
            Line("2026-11-21 08:00:00", "错误", ""),
        ),
        (
            "%-10u %5p 100%% %e ",
            "app         42 100% 23505 ERROR:  x",
            Line("", "ERROR", "23505"),
        ),
        ("%m ", "\tERROR:  of the line before", None),
    ],
)
def test_lines_are_told_apart_by_the_prefix(prefix: str, line: str, wanted: Line | None) -> None:
    assert list(of_text(line, prefix)) == ([] if wanted is None else [wanted])


@given(st.text(), st.text())
def test_any_text_and_prefix_give_lines_or_none(text: str, prefix: str) -> None:
    line_pattern(prefix)
    for lines in (of_text(text, prefix), of_csv(text), of_json(text)):
        assert all(isinstance(line, Line) for line in lines)
