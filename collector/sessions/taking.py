"""Take in what was signed of sessions, as it comes in files."""

from datetime import datetime

from sqlalchemy.orm import Session

from collector.errors import NotABatch
from collector.identity import Identity
from collector.sessions.opening import find, key_added, opened, standing_denial
from collector.sessions.record_keeping import close
from wire import envelope
from wire.errors import WireError
from wire.grants import Denial
from wire.sessions import CLOSING, OPENING, SESSION_KEY, Closing, Opening, SessionKey

_MESSAGES: dict[str, type[Opening] | type[SessionKey] | type[Closing]] = {
    OPENING: Opening,
    SESSION_KEY: SessionKey,
    CLOSING: Closing,
}


def read_statement(body: bytes) -> Opening | SessionKey | Closing:
    """Return a signed message of a session, its signatures unchecked. Raise NotABatch."""
    try:
        signed = envelope.read(body)
        if signed.payload_type not in _MESSAGES:
            raise NotABatch("This is no message of a session.")
        return envelope.opened(signed, signed.payload_type, _MESSAGES[signed.payload_type])
    except WireError as error:
        raise NotABatch(str(error)) from error


def take(session: Session, identity: Identity, body: bytes, now: datetime) -> Denial | None:
    """Take in a message as it would come by network; return why its session is not permitted.

    Raise Refused: then nothing of it is stored but an alarm, where there was a reason for one.
    """
    message = read_statement(body)
    if isinstance(message, Opening):
        answer = opened(session, identity, message.session, body, now)
        row = find(session, message.session)
        # A grant that was revoked since stops a session that runs, not what it has brought before.
        return answer.denial if row is None else standing_denial(row)
    if isinstance(message, SessionKey):
        return key_added(session, message.session, body, now).denial
    close(session, identity, message.session, body, now)
    return None
