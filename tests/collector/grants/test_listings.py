"""Remote agents among the others: listed as what they are, and never silent."""

import json
from datetime import timedelta

from click.testing import Result as Ran
from sqlalchemy import select
from typer.testing import CliRunner

from collector.backups.morning import morning
from collector.cli import app
from collector.customers.models import Customer, Host
from collector.customers.service import ensure_host, find_site
from collector.database import Database
from collector.enrolment.models import AgentKey
from collector.grants.granting import WantedHost
from tests.collector.grants.sample import permitted
from tests.collector.place import Place
from tests.messages import START
from wire.signing import PrivateKey


def run(database: Database, *words: str) -> Ran:
    ran = CliRunner().invoke(app, [*words], env={"XUNJIAN_DATABASE_URL": database.url})
    assert ran.exit_code in (0, 1), ran.output
    return ran


def remote_only(database: Database, place: Place) -> str:
    """Permit sessions on a host that has no agent; return the id of its remote agent, which has
    spoken by two keys."""
    with database.writing(alone=True) as session:
        owner = session.get_one(Customer, place.customer_id)
        host = ensure_host(session, find_site(session, owner, "总部机房"), "no-agent")
        session.expunge_all()
        wanted = WantedHost(host)
    given = permitted(database, place, hosts=[wanted])
    [host_of_grant] = given.grant.hosts
    with database.writing(alone=True) as session:
        for seed in (7, 8):
            key = PrivateKey(bytes([seed]) * 32)
            session.add(
                AgentKey(
                    customer_id=place.customer_id,
                    agent_id=host_of_grant.agent,
                    id=key.id,
                    public_key=key.public,
                    added_at=START,
                )
            )
    return host_of_grant.agent


def test_a_remote_agent_is_listed_as_one(database: Database, place: Place) -> None:
    agent = remote_only(database, place)
    rows = {row["id"]: row for row in json.loads(run(database, "agent", "list", "--json").stdout)}
    assert set(rows) == {agent, place.agent}
    assert (rows[agent]["remote"], rows[agent]["words"]) == (True, "")
    assert (rows[place.agent]["remote"], bool(rows[place.agent]["words"])) == (False, True)
    assert "远程会话" in run(database, "agent", "list").stdout


def test_a_host_without_an_agent_of_its_own_is_not_silent(database: Database, place: Place) -> None:
    remote_only(database, place)
    with database.reading() as session:
        lines = morning(session, START + timedelta(days=30))
        assert [line.host for line in lines] == ["erp-db"]
        assert session.scalars(select(Host.name).where(Host.name == "no-agent")).one()
