"""Import the file of a session: all of it in one transaction, or nothing.

A session that is not permitted comes in all the same: it is evidence, and its keys don't count.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from collector.bundles import refusals
from collector.bundles.opening import Heard, aside, decrypted, source
from collector.customers.models import Customer
from collector.database import Database
from collector.enrolment.record import Person, audit
from collector.errors import BundleRefused, Clash, Refused
from collector.identity import Identity
from collector.sessions.listing import SessionRow, row_of
from collector.sessions.opening import find
from collector.sessions.record_keeping import PartUpload, part_kept
from collector.sessions.taking import read_statement, take
from wire import bundle, session_file
from wire.errors import NotABundle, NotForUs
from wire.session_parts import SignedPart
from wire.sessions import Opening

_Piece = bytes | SignedPart
"""A statement or a part of the record."""


@dataclass(frozen=True)
class ImportedSession:
    """What came of a file; it is durable."""

    row: SessionRow
    parts: int


class _Changed(BundleRefused):
    """What has come otherwise before; it is worth an alarm."""

    def __init__(self, name: str, piece: _Piece) -> None:
        super().__init__(refusals.SESSION_CHANGED)
        self.name = name
        self.piece = piece


def is_session(path: Path) -> bool:
    """Return whether a file says of itself that it is one of a session."""
    try:
        with path.open("rb") as file:
            return file.read(len(session_file.MAGIC)) == session_file.MAGIC
    except (OSError, ValueError):
        return False


def import_session(
    database: Database,
    identity: Identity,
    path: Path,
    scratch: Path,
    person: Person,
    now: datetime,
    heard: Heard,
    customer: str | None = None,
) -> ImportedSession:
    """Store what a file tells of a session. Importing it again changes nothing.

    Raise BundleRefused, and nothing of it is stored; DatabaseUnusable likewise.
    """
    with source(path) as file, aside(scratch) as plain:
        with refusals.told():
            try:
                start = session_file.read_start(file)
            except NotABundle as error:
                raise BundleRefused(refusals.NO_SESSION) from error
            if bundle.short_id(identity.recipient) not in start.recipients:
                raise NotForUs("The file does not name our key.")
            decrypted(file, plain, identity.age, scratch, heard)
            plain.seek(0)
            statements = session_file.read_statements(plain)
            first_part = plain.tell()
            # All of it, once: nothing is stored of a file that is cut in the midst.
            for _ in session_file.read_parts(plain):
                pass
        name = _name_of(statements)
        with _alarming(database, identity, now), database.writing(alone=True) as session:
            for statement in statements:
                _take(session, identity, name, statement, now)
            count = 0
            plain.seek(first_part)
            with refusals.told():
                for part in session_file.read_parts(plain):
                    _take(session, identity, name, part, now)
                    heard(len(part.payload))
                    count += 1
            return _imported(session, name, customer, count, person, path.name, now)


def _name_of(statements: tuple[bytes, ...]) -> str:
    """Return the session that the first statement opens. Raise BundleRefused."""
    try:
        first = read_statement(statements[0])
    except Refused as error:
        raise BundleRefused(refusals.SESSION_INVALID) from error
    if not isinstance(first, Opening):
        raise BundleRefused(refusals.SESSION_INVALID)
    return first.session


def _take(session: Session, identity: Identity, name: str, piece: _Piece, now: datetime) -> None:
    try:
        _stored(session, identity, name, piece, now)
    except Clash as error:
        raise _Changed(name, piece) from error
    except Refused as error:
        raise BundleRefused(refusals.SESSION_INVALID) from error


def _stored(session: Session, identity: Identity, name: str, piece: _Piece, now: datetime) -> None:
    if isinstance(piece, SignedPart):
        upload = PartUpload(name, piece.number, piece.payload, piece.key_id, piece.signature)
        part_kept(session, upload, now)
        return
    if read_statement(piece).session != name:
        raise BundleRefused(refusals.SESSION_INVALID)
    take(session, identity, piece, now)


@contextmanager
def _alarming(database: Database, identity: Identity, now: datetime) -> Iterator[None]:
    """Write down the alarm of what came otherwise: its own transaction is rolled back."""
    try:
        yield
    except _Changed as error:
        with database.writing(alone=True) as session, suppress(Refused):
            _stored(session, identity, error.name, error.piece, now)
        raise


def _imported(
    session: Session,
    name: str,
    customer: str | None,
    parts: int,
    person: Person,
    file: str,
    now: datetime,
) -> ImportedSession:
    stored = find(session, name)
    if stored is None:  # of a host that nobody has
        raise BundleRefused(refusals.SESSION_INVALID)
    owner = session.get_one(Customer, stored.customer_id)
    if customer is not None and owner.name != customer:
        raise BundleRefused(refusals.OTHER_CUSTOMER.format(owner=owner.name, wanted=customer))
    audit(
        session,
        stored.customer_id,
        person,
        "session.imported",
        f"session {name}",
        after={"file": file[:255], "parts": parts},
        now=now,
    )
    session.flush()
    return ImportedSession(row_of(session, stored), parts)
