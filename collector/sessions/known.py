"""Whether an engineer's key has opened a session, asked before a byte of its record is read."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from collector.database import Database
from collector.intake.known import Known
from collector.sessions.models import RemoteSession
from collector.sessions.stored import UNKNOWN


class KnownSessions(Known):
    """Sessions, each with the key of its engineer."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, UNKNOWN)

    def _is_known(self, session: Session, owner: str, key_id: str) -> bool:
        of_engineer = select(RemoteSession.id).where(
            RemoteSession.id == owner, RemoteSession.engineer_id == key_id
        )
        return session.scalar(of_engineer) is not None
