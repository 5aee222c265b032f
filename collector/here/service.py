"""The main job: a collector on SQLite, this host's agent, assessment, report, in one command."""

import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import func, select

from checks.api import Text
from checks.discovery import Catalogue
from collector.app import create_app
from collector.customers.models import Agent
from collector.customers.service import ensure_host_of, find_customer
from collector.database import Database, open_database
from collector.enrolment.models import Slot
from collector.enrolment.record import person_here
from collector.enrolment.service import approve, open_slot
from collector.errors import Busy, InspectionFailed, Unusable
from collector.here.agent_process import (
    Event,
    enrol_agent,
    is_enrolled,
    run_agent,
    write_settings,
)
from collector.identity import open_identity
from collector.intake.models import PENDING, StoredBatch
from collector.reports.gather import gather
from collector.reports.material import Material
from collector.reports.service import Written, write_report
from collector.reports.words import Language
from collector.server import serving
from collector.settings import Settings, from_environment
from wire.messages import Standing

ASSESSMENT_SECONDS = 120.0


@dataclass(frozen=True)
class Job:
    """What `inspect-here` was asked for."""

    folder: Path
    """Data of the collector and the agent: var/here."""
    customer: str
    language: Language
    only: tuple[str, ...]
    output: Path


@dataclass(frozen=True)
class Done:
    """What it did."""

    material: Material
    written: Written
    inspection: str
    collected: int
    planned: int


def inspect_here(job: Job, catalogue: Catalogue, heard: Callable[[Event], None]) -> Done:
    """Inspect this machine and write the report; tell every step to `heard`.

    Raise a CollectorError, with one sentence, if the job can't be done.
    """
    with _alone(job.folder):
        settings = from_environment(job.folder)
        database = open_database(settings.database_url)
        try:
            return _inspect(job, settings, database, catalogue, heard)
        finally:
            database.close()


def _inspect(
    job: Job,
    settings: Settings,
    database: Database,
    catalogue: Catalogue,
    heard: Callable[[Event], None],
) -> Done:
    identity = open_identity(settings.key_file, database)
    zone = local_time_zone()
    inspection, collected, planned = "", 0, 0
    with serving(create_app(database, catalogue, identity)) as url:
        agent_settings = _agent(job, database, zone, url)
        for event in run_agent(agent_settings, job.only, job.language.value):
            heard(event)
            if event.kind == "kept":
                raise InspectionFailed(str(event.values["why"]))
            if event.kind == "finished":
                inspection = str(event.values["inspection"])
                collected = int(event.values["collected"])
                planned = int(event.values["total"])
        heard(Event("assessing", {}))
        _wait_for_assessment(database)
    heard(Event("reporting", {}))
    today = datetime.now(ZoneInfo(zone)).date()
    material = read_material(database, job.customer, catalogue, year=today.year, today=today)
    written = write_report(material, job.language, job.output)
    return Done(material, written, inspection, collected, planned)


def _agent(job: Job, database: Database, zone: str, url: str) -> Path:
    """Return the settings of this machine's agent, enrolled and approved where it is not yet.

    Whoever starts `inspect-here` is both sides, so there is nobody to compare fingerprints with.
    """
    now = datetime.now(UTC)
    with database.writing(alone=True) as session:
        host = ensure_host_of(
            session,
            customer=job.customer,
            site="本机",
            time_zone=zone,
            host=socket.gethostname(),
            now=now,
        )
        known = session.scalars(
            select(Slot.id)
            .join(Agent, (Agent.customer_id == Slot.customer_id) & (Agent.id == Slot.agent_id))
            .where(
                Slot.customer_id == host.customer_id,
                Slot.host_id == host.id,
                Agent.standing == Standing.ACTIVE.value,
            )
            .order_by(Slot.created_at.desc())
        ).all()
        for slot_id in known:
            if is_enrolled(job.folder / "agents" / slot_id):
                return write_settings(job.folder / "agents" / slot_id, url=url)
        opened = open_slot(session, host, person_here(), now)
    settings = write_settings(job.folder / "agents" / opened.slot_id, url=url)
    enrol_agent(settings, url, opened.code, job.language.value)
    with database.writing(alone=True) as session:
        slot = session.scalars(select(Slot).where(Slot.id == opened.slot_id)).one()
        agent = session.get_one(Agent, (slot.customer_id, slot.agent_id))
        approve(session, agent, person_here(), datetime.now(UTC))
    return settings


def read_material(
    database: Database, customer: str, catalogue: Catalogue, *, year: int, today: date
) -> Material:
    """Return the material of a customer's report. Raise NotFound for an unknown customer."""
    with database.reading() as session:
        return gather(session, find_customer(session, customer), catalogue, year=year, today=today)


def _wait_for_assessment(database: Database) -> None:
    deadline = time.monotonic() + ASSESSMENT_SECONDS
    while time.monotonic() < deadline:
        with database.reading() as session:
            pending = session.scalar(
                select(func.count()).select_from(StoredBatch).where(StoredBatch.state == PENDING)
            )
        if not pending:
            return
        time.sleep(0.02)
    raise InspectionFailed(
        Text(
            f"巡检数据已保存，但 {ASSESSMENT_SECONDS:.0f} 秒内未完成评估：请再次运行本命令。",
            f"The inspection is stored, but was not assessed within {ASSESSMENT_SECONDS:.0f} s: "
            "run the command again.",
        )
    )


def local_time_zone() -> str:
    """Return the IANA name of this machine's time zone; Asia/Shanghai where it can't be told."""
    named = os.environ.get("TZ", "").lstrip(":")
    target = Path("/etc/localtime")
    if not named and target.is_symlink():
        named = str(target.resolve()).partition("zoneinfo/")[2]
    try:
        return ZoneInfo(named).key if named else "Asia/Shanghai"
    except (ZoneInfoNotFoundError, ValueError):
        return "Asia/Shanghai"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. Raise Busy, or CollectorError if it can't be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise Unusable(
            Text(
                f"目录 {folder.absolute()} 无法写入：{error.strerror}。请在有写权限的目录中运行。",
                f"The folder {folder.absolute()} can't be written: {error.strerror}. Run the "
                "command in a folder that you may write to.",
            )
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy(
                Text(
                    f"{folder.absolute()} 中另一次巡检尚未结束：请等待其完成。",
                    f"Another inspect-here is under way in {folder.absolute()}: wait for its end.",
                )
            ) from error
        yield
