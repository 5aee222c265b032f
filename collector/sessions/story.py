"""What the record of a session tells, read once from beginning to end."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from collector.sessions.models import RecordPart, RemoteSession
from wire import record
from wire.errors import Damaged, WireError
from wire.record import (
    BatchFetched,
    CommandEnded,
    CommandRun,
    Connected,
    Ended,
    FileMoved,
    Line,
    Noted,
    Received,
    SecretUsed,
    Sent,
    SessionOpened,
)

MOST_TOLD = 1000
"""Commands, files, batches and notes that are told one by one; a record may have thousands."""


@dataclass(frozen=True)
class Command:
    """A command that was run on the host, without what it printed."""

    at: float
    command: str
    ended: CommandEnded | None


@dataclass
class Story:
    """A record, summed up as far as its chain holds."""

    lines: int = 0
    head: str = ""
    """Digest of the last line."""
    first: SessionOpened | None = None
    connected: list[Connected] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    files: list[FileMoved] = field(default_factory=list)
    batches: list[BatchFetched] = field(default_factory=list)
    notes: list[Noted] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    sent_bytes: int = 0
    received_bytes: int = 0
    ended: Ended | None = None
    seconds: float = 0.0
    left_out: int = 0
    """Events beyond MOST_TOLD."""
    fault: Text | None = None
    """Where the chain is broken: nothing behind it is told."""


_BROKEN = Text("第 {line} 行起记录被改动或无法读取", "the record was changed at line {line}")


@dataclass(frozen=True)
class StoredPart:
    """A part of a record as it is stored."""

    number: int
    payload: bytes
    digest: str
    signature: bytes


def stored_parts(session: Session, row: RemoteSession) -> Iterator[StoredPart]:
    """Give the parts of a record in their order, one at a time: a record may be large."""
    of_session = (RecordPart.customer_id == row.customer_id, RecordPart.session_id == row.id)
    numbers = session.scalars(
        select(RecordPart.part).where(*of_session).order_by(RecordPart.part)
    ).all()
    columns = (RecordPart.part, RecordPart.payload, RecordPart.digest, RecordPart.signature)
    for number in numbers:
        found = session.execute(select(*columns).where(*of_session, RecordPart.part == number))
        yield StoredPart(*found.one())


def lines_of(session: Session, row: RemoteSession) -> Iterator[bytes]:
    """Give the stored lines of a record, without their line ends. Raise Damaged for half a line."""
    for part in stored_parts(session, row):
        lines = part.payload.split(b"\n")
        yield from lines[:-1]
        if lines[-1]:
            raise Damaged("A part of the record does not end with a whole line.")


def read_lines(session: Session, row: RemoteSession) -> Iterator[Line]:
    """Give the lines of a record. Raise WireError where the chain is broken."""
    for line, _ in record.read(lines_of(session, row)):
        yield line


def story_of(session: Session, row: RemoteSession) -> Story:
    """Return what a record tells, up to where its chain is broken."""
    story = Story()
    try:
        for line, digest in record.read(lines_of(session, row)):
            story.lines, story.head, story.seconds = line.number, digest, line.elapsed
            _take(story, line)
    except WireError:
        story.fault = _BROKEN.format(line=str(story.lines + 1))
    return story


def _take(story: Story, line: Line) -> None:
    event = line.event
    match event:
        case SessionOpened():
            story.first = story.first or event
        case Sent(data=data):
            story.sent_bytes += len(data)
        case Received(data=data):
            story.received_bytes += len(data)
        case CommandEnded():
            if story.commands and story.commands[-1].ended is None:
                last = story.commands[-1]
                story.commands[-1] = Command(last.at, last.command, event)
        case Ended():
            story.ended = event
        case Connected():
            _keep(story, story.connected, event)
        case CommandRun(command=command):
            _keep(story, story.commands, Command(line.elapsed, command, None))
        case FileMoved():
            _keep(story, story.files, event)
        case BatchFetched():
            _keep(story, story.batches, event)
        case Noted():
            _keep(story, story.notes, event)
        case SecretUsed(label=label):
            _keep(story, story.secrets, label)
        case _:
            pass


def _keep(story: Story, into: list, event: object) -> None:  # type: ignore[type-arg] # one of the above
    if len(into) < MOST_TOLD:
        into.append(event)
    else:
        story.left_out += 1
