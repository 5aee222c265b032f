"""What a report gathers of remote sessions."""

from dataclasses import replace
from datetime import date, timedelta

from checks.api import State
from checks.discovery import discover
from collector.assessment.service import assess_pending
from collector.customers.models import Customer
from collector.database import Database
from collector.intake.service import accept
from collector.reports.gather import gather
from collector.reports.material import Material, Outcome
from collector.sessions.listing import find_session
from collector.sessions.work import Work, write_work
from tests.collector.place import Place, uploaded
from tests.collector.sessions.place import NOW, Visit, a_record, a_shell, prove, visit
from tests.messages import batch_of, inspection, observation
from wire.messages import Failure, Reason, Remote, Skipped

CATALOGUE = discover()


def gathered(here: Visit) -> Material:
    with here.database.reading() as session:
        owner = session.get_one(Customer, here.customer_id)
        return gather(session, owner, CATALOGUE, year=2026, today=date(2026, 12, 31))


def inspect(here: Visit) -> None:
    """Bring an inspection of the session that left things out."""
    from msgspec.structs import replace as changed

    uptime = observation("sample.unknown", {"x": 1}, at=NOW)
    run = changed(
        inspection(uptime, at=NOW),
        remote=Remote(session=here.session, grant="g", person="p", mode="agentless"),
        skipped=(
            Skipped("host.accounts", Failure(Reason.NOT_GRANTED, "config")),
            Skipped("postgresql.locks", Failure(Reason.NEEDS_AGENT)),
        ),
    )
    batch = batch_of(uptime, agent=here.agent, of=run)
    place = Place(here.customer_id, here.host_id, here.agent, here.key)
    with here.database.writing() as session:
        accept(session, [uploaded(place, batch.payload, at=NOW)])
    assess_pending(here.database, CATALOGUE)


def test_sessions_of_the_year_with_their_work_records(database: Database) -> None:
    here = visit(database)
    here.open()
    here.deliver(a_record(here))
    shell = replace(here.shell(), opened_at=NOW + timedelta(minutes=1))
    prove(shell, NOW - timedelta(hours=1))
    shell.open()
    shell.deliver(a_shell(shell)[:-1])
    old = replace(here.another("session-old"), opened_at=NOW - timedelta(days=365))
    old.open()
    with database.writing() as session:
        for number, result in enumerate(("first", "second")):
            row, at = find_session(session, shell.session), NOW + timedelta(minutes=number)
            write_work(session, row, Work("p", "d", result), "tester", at)
    first, second = gathered(here).sessions
    assert (first.id, first.outcome, first.work, first.proof) == (
        here.session,
        Outcome.GOOD,
        None,
        "",
    )
    assert (second.outcome, second.is_change) == (Outcome.WRONG, True)
    assert second.proof.startswith("RMAN")
    assert second.work is not None
    assert second.work.result == "second"


def test_a_remote_inspection_is_marked_and_tells_what_it_left_out(database: Database) -> None:
    here = visit(database)
    here.open()
    inspect(here)
    material = gathered(here)
    (row,) = material.inspections
    assert row.remote is not None
    assert (row.remote.session, row.remote.person, row.remote.mode.zh) == (
        here.session,
        "张工",
        "无代理",
    )
    assert [(each.check, each.reason.zh[:7]) for each in material.left_out] == [
        ("host.accounts", "客户授权未涵盖"),
        ("postgresql.locks", "需要代理程序才"),
    ]
    (host,) = material.hosts
    accounts = [each for each in host.verdicts if each.check == "host.accounts"]
    assert {each.state for each in accounts} == {State.NOT_RUN}
    assert all("授权未涵盖" in each.reason.zh for each in accounts if each.reason)
    others = [each for each in host.verdicts if each.check == "host.uptime"]
    assert {each.reason.zh for each in others if each.reason} == {"未纳入本次巡检"}
