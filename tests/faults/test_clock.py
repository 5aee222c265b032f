"""R7: a clock that is wrong, or jumps, keeps no agent from its collector. The cells `upload`."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.agent.workbench import Site, collecting
from tests.authority import Authority
from tests.clock import SHIFTS, Shift, clock

MINUTES = timedelta(minutes=5)


def server(folder: Path, since: datetime, until: datetime) -> tuple[ssl.SSLContext, Path]:
    authority = Authority(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue("127.0.0.1", since=since, until=until))
    return context, authority.ca_file


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
def test_upload_with_a_wrong_clock(tmp_path: Path, shift: Shift) -> None:
    kept_by = clock(shift, tmp_path)
    now = datetime.now(UTC)
    context, ca_file = server(tmp_path, now - MINUTES, now + MINUTES)
    site = Site(tmp_path, environment=kept_by.environment)
    site.checks({"sample.one": kept_by.jump})
    with collecting(tls=context) as collector:
        collector.strict = True
        site.url = collector.url
        # The state before it may have a clock of its own: two inspections, one hand-over each.
        site.configure(f'ca_file = "{ca_file}"')
        first, second = site.run("--lang", "en"), site.run("--lang", "en")
    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert [batch.header.seq for batch in collector.batches()] == [1, 2]
    assert collector.unsigned == []
    # The certificate is right by the real clock alone: the collector's time was asked for.
    assert len(collector.asked_time) == 2
    told = collector.deliveries[0].wall - datetime.now(UTC)
    wrong = shift.seconds if shift.then_seconds is None else shift.then_seconds
    assert abs(told.total_seconds() - wrong) < 60
    started = collector.batches()[0].header.inspection.started_at - datetime.now(UTC)
    assert abs(started.total_seconds() - shift.seconds) < 60
    assert 0 < collector.deliveries[0].monotonic_seconds < collector.deliveries[1].monotonic_seconds


@pytest.mark.parametrize("shift", SHIFTS[:6], ids=str)
def test_a_wrong_clock_makes_no_expired_certificate_good(tmp_path: Path, shift: Shift) -> None:
    kept_by = clock(shift, tmp_path)
    now = datetime.now(UTC)
    context, ca_file = server(tmp_path, now - 3 * MINUTES, now - 2.9 * MINUTES)
    site = Site(tmp_path, environment=kept_by.environment)
    site.checks({"sample.one": "pass"})
    with collecting(tls=context) as collector:
        site.url = collector.url
        site.configure(f'ca_file = "{ca_file}"')
        ended = site.run("--lang", "en")
    assert ended.exit_code == 1
    assert ended.events("kept")[0]["why"].startswith("TLS time: ")
    assert "really is not valid" in ended.events("kept")[0]["why"]
    assert collector.requests == []
