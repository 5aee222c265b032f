"""A year of the made-up servers, through the real path: sealed, accepted, assessed, on SQLite."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import msgspec
from sqlalchemy import select

from bench.agents import Enrolment, upload
from bench.agents import enrolled as enrolled_agent
from bench.server import SERVERS, Server, boot_id, facts, moment
from checks.discovery import Catalogue
from collector.assessment.service import assess_pending
from collector.database import Database, open_database
from collector.identity import open_identity
from collector.intake.models import Quarantine
from collector.intake.service import accept
from wire.batch import Batch, encode_line, seal
from wire.messages import (
    WIRE_VERSION,
    Cost,
    Header,
    HostIdentity,
    Inspection,
    Observation,
    Planned,
)

CUSTOMER = "华东精密机械有限公司"
SITE = "总部机房"
TIME_ZONE = "Asia/Shanghai"
EPOCH = "bench"
_COST = Cost(0.012, 0.025, 20 * 2**20)


def observations(server: Server, day: int) -> list[Observation]:
    """Return what an agent would have read on the server on a day of the year."""
    at = moment(server, day)
    return [
        Observation(
            check=check,
            observed_at=at,
            monotonic_seconds=86400.0 * (day % 91),
            cost=_COST,
            facts=msgspec.Raw(msgspec.json.encode(read)),
        )
        for check, read in facts(server, day).items()
    ]


def inspection(server: Server, day: int, read: Sequence[Observation]) -> Inspection:
    """Return the inspection that they were read in."""
    at = moment(server, day)
    return Inspection(
        id=f"{server.name}-{day}",
        started_at=at,
        finished_at=at,
        boot_id=boot_id(server, day),
        time_zone=TIME_ZONE,
        host=HostIdentity(server.name, "linux"),
        agent_version="0.1.0",
        checks_digest="0" * 64,
        planned=tuple(Planned(each.check) for each in read),
        cost=Cost(0.2, 9.5, 32 * 2**20),
    )


def batch(server: Server, day: int, *, agent: str, seq: int) -> Batch:
    """Return the sealed batch of one inspection."""
    read = observations(server, day)
    header = Header(
        wire=WIRE_VERSION,
        agent=agent,
        epoch=EPOCH,
        seq=seq,
        inspection=inspection(server, day, read),
        observations=len(read),
    )
    return seal(header, [encode_line(each) for each in read])


def enrolled(database: Database, folder: Path) -> dict[Server, Enrolment]:
    """Return each server's agent, enrolled with the collector whose key is in the folder."""
    identity = open_identity(folder / "collector.key", database)
    return {
        server: enrolled_agent(
            database,
            identity,
            customer=CUSTOMER,
            site=SITE,
            time_zone=TIME_ZONE,
            host=server.name,
            now=moment(server, 0),
        )
        for server in SERVERS
    }


def deliver(database: Database, agents: Mapping[Server, Enrolment], day: int) -> int:
    """Accept one inspection of each of the servers on a day; return how many bytes they sent."""
    uploads = []
    for server, agent in agents.items():
        sealed = batch(server, day, agent=agent.id, seq=day + 1)
        uploads.append(upload(agent, EPOCH, day + 1, sealed, moment(server, day)))
    with database.writing() as session:
        accept(session, uploads)
    return sum(len(each.payload) for each in uploads)


def write_year(
    folder: Path, catalogue: Catalogue, days: Mapping[Server, Collection[int]]
) -> Database:
    """Return the database of a year in `folder`, each server inspected on its days."""
    database = open_database(f"sqlite:///{folder}/collector.db")
    agents = enrolled(database, folder)
    for day in sorted({day for own in days.values() for day in own}):
        deliver(database, {each: agents[each] for each in days if day in days[each]}, day)
    assess_pending(database, catalogue)
    with database.reading() as session:
        unread = session.scalar(select(Quarantine.reason).limit(1))
    if unread is not None:
        raise RuntimeError(f"the made-up facts don't fit the checks any more: {unread}")
    return database
