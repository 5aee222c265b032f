"""Looks at backup sets on their way through a collector: uploaded, assessed, recorded."""

from collections.abc import Sequence
from datetime import timedelta
from types import MappingProxyType

import msgspec
from msgspec import structs

from checks.backup.restore_points import CHECK
from checks.discovery import Catalogue
from collector.assessment.service import assess_pending
from collector.backups.evidence import Look
from collector.backups.recording import CHECK as CHECK_ID
from collector.database import Database
from collector.intake.service import accept
from tests.collector.place import Place, uploaded
from tests.messages import batch_of, inspection, observation
from wire.messages import Failure, Target

CATALOGUE = Catalogue(MappingProxyType({CHECK_ID: CHECK}), ())


def send(
    database: Database, place: Place, looks: Sequence[Look], *, name: str = "erp", start: int = 1
) -> None:
    """Upload looks as an agent does, one inspection each, and assess them."""
    latest = max(look.at for look in looks)
    for seq, look in enumerate(looks, start=start):
        seen = observation(CHECK_ID, {}, at=look.at)
        seen = structs.replace(
            seen,
            target=Target("backup", name),
            monotonic_seconds=1000.0 + seq,
            facts=msgspec.UNSET
            if isinstance(look.found, Failure)
            else msgspec.Raw(msgspec.json.encode(look.found)),
            failure=look.found if isinstance(look.found, Failure) else None,
        )
        run = inspection(seen, id=f"run-{seq}", at=look.at, boot_id=f"boot-{seq}")
        payload = batch_of(seen, agent=place.agent, seq=seq, of=run).payload
        upload = uploaded(place, payload, seq=seq, at=latest + timedelta(seconds=30 * seq))
        with database.writing() as session:
            accept(session, [upload])
    assess_pending(database, CATALOGUE)
