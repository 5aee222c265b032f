"""One session of an engineer on one host: opened, recorded, closed, whatever happens between.

Everything is on disk before anything depends on it. Wherever the workstation dies, the record holds
up to its last whole line, and `remote deliver` closes the session as interrupted
(agent/remote/mending.py).
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from agent.errors import AgentError, NotGranted, RecordLost, Unreached
from agent.identity import keep_key
from agent.remote import authority as permission
from agent.remote import folder as names
from agent.remote import home as place
from agent.remote import texts
from agent.remote.asking import Answered, Asking
from agent.remote.authority import Authority
from agent.remote.folder import Folder
from agent.remote.recorder import Recorder
from agent.remote.recording import Recording
from agent.remote.trust import Trust
from agent.spool_file import exclusive
from checks.api import Text
from checks.errors import ProbeError, TimedOut, Unreachable
from wire import envelope
from wire.errors import Unreadable
from wire.grants import Denial
from wire.messages import WIRE_VERSION
from wire.record import Ended, Noted, SessionOpened
from wire.sessions import (
    CLOSING,
    OPENING,
    PROOF,
    SESSION_KEY,
    Closing,
    Opening,
    Proof,
    Purpose,
    SessionKey,
)
from wire.signing import PrivateKey

COMPLETED, INTERRUPTED, LOST = "completed", "interrupted", "lost"
REFUSED, UNRECORDED = "refused", "record"


class Session:
    """A session that is open. `open_session` makes it."""

    def __init__(
        self,
        folder: Folder,
        trust: Trust,
        authority: Authority,
        key: PrivateKey,
        opening: Opening,
        recorder: Recorder,
        answered: Answered | None,
        proof: Proof | None,
    ) -> None:
        self.id = folder.id
        self.folder = folder
        self.trust = trust
        self.authority = authority
        self.key = key
        """The session's own: it counts as one of the host's remote agent."""
        self.opening = opening
        self.proof = proof
        """What a change rests on; None for a reading."""
        self._recorder = recorder
        self._answered = answered

    @property
    def asked(self) -> bool:
        """Tell whether the collector has permitted it; false: it could not be asked."""
        return self._answered is not None

    @property
    def record(self) -> Recording:
        """Return what writes into the record: durable when it returns, else RecordLost."""
        return self._recorder.write

    def state(self, statement: bytes) -> None:
        """Keep the statement that a key made on the host signs batches of this session.

        It is signed by that key and by the session's. Raise WireError, RemoteError.
        """
        signed = envelope.read(statement)
        told = envelope.opened(signed, SESSION_KEY, SessionKey)
        if (told.session, told.agent) != (self.id, self.opening.agent):
            raise Unreadable("The statement of the key is for another session.")
        key_id = hashlib.sha256(told.public_key).hexdigest()
        envelope.check(signed, {key_id: told.public_key, self.key.id: self.key.public})
        self.folder.keep(f"{names.KEYS}/{key_id}", statement)

    def still_permitted(self) -> Denial | None:
        """Ask the collector again; None, too, where it can't be asked."""
        answered, _ = _ask(self.trust, self.id, self.folder.demand(names.OPENING_FILE))
        return answered.opened.denial if answered is not None else None

    def close(self, how: str, detail: str = "", exit_code: int | None = None) -> None:
        """Write the end of the record and sign it; what follows the first time changes nothing.

        A record that can't be kept any more is closed where it ended. Raise RemoteError.
        """
        if self.folder.read(names.CLOSING_FILE) is not None:
            return
        if not self._recorder.ended:
            try:
                self.record(Ended(how, detail[:2000], exit_code))
            except RecordLost:
                how = UNRECORDED
        self._recorder.close()
        keep_closing(self.folder, self.trust.key, self._recorder.lines, self._recorder.head, how)


@contextmanager
def open_session(
    trust: Trust,
    authority: Authority,
    address: str,
    purpose: Purpose,
    *,
    proof: bytes | None = None,
    made: Callable[[Folder], None] = lambda _folder: None,
) -> Iterator[Session]:
    """Open a session before anything reaches the host, and close it when the block ends.

    The collector is asked where it can be reached. A reading goes on without its word, and the
    record says so; a change does not go on without a backup proof, the collector's or `proof`, the
    envelope of one that was brought (`authority.read_proof`).

    `made` is told the folder first: a session that is refused has a record, too.

    The block may close the session itself with more to say. Otherwise its end is `completed`; for
    an exception `interrupted`, `lost` (the line), `refused` or `record`. Raise NotGranted, and
    RecordLost or RemoteError where the workstation's disk does not keep it.
    """
    sessions = place.made(place.sessions(place.made(trust.home)))
    folder = Folder(sessions / str(uuid.uuid4()))
    with exclusive(folder.path):
        made(folder)
        session = _begun(folder, trust, authority, address, purpose, proof)
        try:
            yield session
        except BaseException as error:
            # Whatever can't be closed now is closed by the next delivery.
            with suppress(AgentError):
                session.close(how_of(error), _words(error))
            raise
        session.close(COMPLETED)


def how_of(error: BaseException) -> str:
    """Return how a session ends by an exception, in the words of wire.sessions.Closing."""
    if isinstance(error, RecordLost):
        return UNRECORDED
    if isinstance(error, NotGranted):
        return REFUSED
    if isinstance(error, Unreachable | TimedOut | Unreached):
        return LOST
    return INTERRUPTED


def keep_closing(folder: Folder, key: PrivateKey, lines: int, head: str, how: str) -> None:
    """Sign the end of a record, and keep it; nothing where there is no line. Raise RemoteError."""
    if not lines:
        return
    closing = Closing(
        wire=WIRE_VERSION,
        session=folder.id,
        lines=lines,
        head=head,
        ended_at=datetime.now(UTC),
        ended=how,
    )
    folder.keep(names.CLOSING_FILE, envelope.enclose(closing, CLOSING, key))


def _begun(
    folder: Folder,
    trust: Trust,
    authority: Authority,
    address: str,
    purpose: Purpose,
    proof: bytes | None,
) -> Session:
    key = PrivateKey.generate()
    keep_key(folder.path / names.KEY, key)
    opening = _opening(folder.id, trust, authority, address, purpose, key, proof)
    signed = envelope.enclose(opening, OPENING, trust.key)
    folder.keep(names.GRANT_FILE, authority.granted.envelope)
    if proof is not None:
        folder.keep(names.PROOF_FILE, proof)
    folder.keep(names.OPENING_FILE, signed)
    answered, silence = _ask(trust, folder.id, signed)
    if answered is not None:
        folder.keep(names.ANSWER, answered.envelope)
    recorder = Recorder(folder.record)
    recorder.write(
        SessionOpened(
            signed,
            authority.granted.envelope,
            answered.envelope if answered is not None else None,
            proof,
        )
    )
    session = Session(
        folder,
        trust,
        authority,
        key,
        opening,
        recorder,
        answered,
        _proof(trust, answered, proof),
    )
    if silence is not None:
        recorder.write(Noted(f"revocation not asked: {silence.en}"[:2000]))
    try:
        _demand_permission(session, answered, address)
    except NotGranted as error:
        session.close(REFUSED, error.text.en)
        raise
    return session


def _opening(
    session: str,
    trust: Trust,
    authority: Authority,
    address: str,
    purpose: Purpose,
    key: PrivateKey,
    proof: bytes | None,
) -> Opening:
    return Opening(
        wire=WIRE_VERSION,
        session=session,
        grant=authority.grant.id,
        customer_id=authority.grant.customer_id,
        host_id=authority.host.host_id,
        agent=authority.host.agent,
        person=trust.person,
        key_id=trust.key.id,
        purpose=purpose,
        scopes=authority.scopes,
        address=address[:255],
        public_key=key.public,
        opened_at=datetime.now(UTC),
        proof=proof,
    )


def _ask(trust: Trust, session: str, opening: bytes) -> tuple[Answered | None, Text | None]:
    """Return the collector's answer, or why there is none."""
    try:
        asking = Asking(trust)
        try:
            return asking.open(session, opening), None
        finally:
            asking.end()
    except Unreached as error:
        return None, error.text


def _proof(trust: Trust, answered: Answered | None, brought: bytes | None) -> Proof | None:
    if answered is not None and answered.opened.proof is not None:
        return answered.opened.proof
    if brought is None:
        return None
    return envelope.disclose(brought, PROOF, Proof, trust.collector_keys)


def _demand_permission(session: Session, answered: Answered | None, address: str) -> None:
    # The collector's clock is the one that a proof was made by.
    now = answered.opened.server_time if answered is not None else datetime.now(UTC)
    grant = session.authority.grant
    denial = answered.opened.denial if answered is not None else None
    if denial is None and session.opening.purpose is Purpose.SHELL:
        if session.proof is None:
            denial = Denial.NO_PROOF
        else:
            permission.demand_proof(session.proof, session.authority, now)
    if denial is not None:
        said = permission.why(denial, grant, session.trust, address, now)
        if answered is not None and answered.opened.detail:
            said = texts.DENIED_WITH_DETAIL.format(why=said, detail=answered.opened.detail)
        raise NotGranted(said, denial)


def _words(error: BaseException) -> str:
    if isinstance(error, AgentError):
        return error.text.en
    return str(error) if isinstance(error, ProbeError) else type(error).__name__
