"""A year of the made-up servers, through the real path: sealed, accepted, assessed, on SQLite."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from bench.server import SERVERS, YEAR, Server, boot_id, facts, moment
from checks.discovery import Catalogue
from collector.assessment.service import assess_pending
from collector.customers.service import ensure_agent
from collector.database import Database, open_database
from collector.intake.service import Upload, accept
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
        epoch="bench",
        seq=seq,
        inspection=inspection(server, day, read),
        observations=len(read),
    )
    return seal(header, [encode_line(each) for each in read])


def enrolled(database: Database) -> dict[Server, str]:
    """Return the id of each server's agent, made where it is missing."""
    with database.writing() as session:
        return {
            server: ensure_agent(
                session,
                customer=CUSTOMER,
                site=SITE,
                time_zone=TIME_ZONE,
                host=server.name,
                now=moment(server, 0),
            ).id
            for server in SERVERS
        }


def deliver(database: Database, agents: dict[Server, str], days: Iterable[int], first: int) -> int:
    """Accept one inspection of every server on each day; `first` is the first day's seq.

    Return the number of bytes, as they were sent.
    """
    sent = 0
    for seq, day in enumerate(days, start=first):
        uploads = []
        for server, agent in agents.items():
            sealed = batch(server, day, agent=agent, seq=seq)
            at = moment(server, day)
            uploads.append(Upload(agent, "bench", seq, sealed.payload, sealed.digest, at))
            sent += len(sealed.payload)
        with database.writing() as session:
            accept(session, uploads)
    return sent


def write_year(folder: Path, catalogue: Catalogue, days: Iterable[int]) -> Database:
    """Return the database of a year in `folder`, with an inspection of each server on `days`."""
    database = open_database(f"sqlite:///{folder}/collector.db")
    deliver(database, enrolled(database), days, 1)
    assess_pending(database, catalogue)
    return database


__all__ = ["CUSTOMER", "YEAR", "batch", "deliver", "enrolled", "observations", "write_year"]
