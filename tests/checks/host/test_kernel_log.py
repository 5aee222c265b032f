"""Reading, masking and grouping log lines."""

from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from agent.host import LocalHost
from checks.api import Past, State
from checks.errors import ProbeError, UnexpectedOutput
from checks.host._log_messages import (
    MOST_CHARACTERS,
    MOST_GROUPS,
    Line,
    group,
    mask,
    parse_journal,
    parse_ring_buffer,
)
from checks.host.kernel_log import Facts, LogThresholds, log_errors, probe
from tests.situation import CapturedHost

AT = datetime(2026, 11, 21, tzinfo=UTC)
ENTRY = (
    '{"__REALTIME_TIMESTAMP":"1795000000000000","PRIORITY":"3","MESSAGE":"I/O error, dev sdb",'
    '"SYSLOG_IDENTIFIER":"kernel"}'
)


def test_numbers_addresses_and_quoted_values_do_not_leave_the_host() -> None:
    masked = mask("order 4711 of 'Müller' at 0xffff9a3c from 10.1.2.3 id 5f2c9a1b7d")
    assert masked == "order # of '…' at # from #.#.#.# id #"


def test_a_line_cut_at_the_end_of_the_output_is_left_out() -> None:
    assert len(parse_journal(ENTRY + "\n" + ENTRY[:50])) == 1


def test_an_old_systemd_is_asked_without_output_fields() -> None:
    command = ["journalctl", "-p", "3", "-o", "json", "-n", "500", "--no-pager", "--since=-30days"]
    fields = "--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER"
    refusal = {
        "command": [*command, fields],
        "exit_code": 1,
        "error_text": "journalctl: unrecognized option '--output-fields=MESSAGE'",
    }
    answer = {"command": command, "output": ENTRY + "\n"}
    files = {"/var/log/journal/0/system.journal": ""}
    facts = probe(CapturedHost({"files": files, "commands": [refusal, answer]}))
    assert [one.count for one in facts.groups] == [1]


def test_a_flood_of_errors_is_no_pass_for_what_it_covers() -> None:
    facts = Facts(journal=True, truncated=True, groups=group([Line(AT, 3, "app", "full")] * 500))
    verdicts = {one.object: one for one in log_errors(facts, LogThresholds(), Past(AT))}
    assert {one.state for one in verdicts.values()} == {State.INFO}


def test_this_machine_gives_facts_or_a_stated_reason() -> None:
    with suppress(ProbeError):
        assert probe(LocalHost()).groups is not None


@given(st.lists(st.text(), max_size=300))
def test_groups_are_bounded(messages: list[str]) -> None:
    groups = group([Line(AT, 3, "kernel", message) for message in messages])
    assert len(groups) <= MOST_GROUPS
    assert all(len(one.message) <= MOST_CHARACTERS for one in groups)
    if len(groups) < MOST_GROUPS:
        assert sum(one.count for one in groups) == len(messages)


@given(st.text() | st.integers(0, len(ENTRY)).map(lambda length: ENTRY[:length] + "\n" + ENTRY))
def test_any_text_gives_lines_or_a_probe_error(text: str) -> None:
    assert isinstance(parse_ring_buffer(text, AT), list)
    with suppress(UnexpectedOutput):
        assert isinstance(parse_journal(text), list)


@given(st.integers(0, 9999), st.floats(0, 1e10))
def test_odd_numbers_in_the_ring_buffer_do_no_harm(priority: int, seconds: float) -> None:
    assert isinstance(parse_ring_buffer(f"<{priority}>[ {seconds:.6f}] x\n", AT), list)


@given(st.integers(-(10**30), 10**30))
def test_odd_times_in_the_journal_are_a_probe_error(stamp: int) -> None:
    text = ENTRY.replace("1795000000000000", str(stamp)) + "\n"
    try:
        lines = parse_journal(text)
    except ProbeError:
        return
    assert [round(line.at.timestamp()) for line in lines] == [round(stamp / 10**6)]
