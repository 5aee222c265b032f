"""The order is given, the host tells what happens, its batches come; none is taken unchecked.

The key that signs them was made on the host, for this visit (Hello). What it signs counts only for
the agent and the session of the order, in one unbroken chain from its beginning.
"""

import threading
import time
from collections.abc import Callable

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agent import events
from agent.chain import Sealed
from agent.errors import CannotStart, RemoteError
from agent.remote.lines import (
    LARGEST_LINE_BYTES,
    PROTOCOL,
    Begin,
    Done,
    Fetch,
    FromHost,
    FromWorkstation,
    Hello,
    Refused,
    Stated,
    Told,
    Took,
    heard_from_host,
    packed,
)
from agent.remote.order import Order
from agent.remote.recording import Recording
from agent.remote.visit.channel import BEAT_SECONDS, Channel, Line, demand_going, words
from agent.remote.visit.fetched import checked
from agent.remote.visit.guard import LONGEST_SECONDS
from checks.api import Text
from checks.errors import TimedOut, UnexpectedOutput
from wire import envelope
from wire.errors import WireError
from wire.messages import Header
from wire.record import BatchFetched, SecretUsed
from wire.sessions import SESSION_KEY, Mode, SessionKey
from wire.signing import PrivateKey, key_id

HEARTBEAT_SECONDS = 5.0
_HELLO_SECONDS = 60.0
_GREETING_BYTES = 2**20
_EXIT_SECONDS = 5.0

_NO_HELLO = Text(
    "代理在目标主机上没有启动（{detail}）", "the agent does not start on the host ({detail})"
)
_ENDED = Text(
    "目标主机上的代理意外结束（{detail}）：已取回的批次仍然有效，请重新检查该主机",
    "the agent on the host ended before its time ({detail}): the batches that came are good; "
    "inspect the host again",
)
_OTHER_PROTOCOL = Text(
    "目标主机的代理 {version} 使用协议 {theirs}，本机使用 {ours}：请使用同一版本的代理",
    "agent {version} on the host speaks protocol {theirs}, this one {ours}: use one version",
)
_NOT_FORCED = Text(
    "目标主机没有以所要求的方式应答：请检查 authorized_keys 中的强制命令",
    "the host does not answer in the way it was asked: look at the command in authorized_keys",
)
_REFUSED = Text("目标主机拒绝：{zh}", "the host refuses: {en}")
_WRONG_STATEMENT = Text(
    "目标主机的密钥声明未通过验证（{detail}）",
    "the statement of the host's key is wrong ({detail})",
)
_MISSING = Text(
    "目标主机发出 {said} 个批次，收到 {came} 个", "the host says {said} batches, {came} came"
)


class Visit(Struct, frozen=True, kw_only=True):
    """One visit to one host: what for, and who is told."""

    connection: Line
    order: Order
    grant: bytes
    """Its envelope."""
    session_key: PrivateKey
    keep: Callable[[Sealed], None]
    """Makes a batch durable here; from then on the host need not keep it."""
    state: Callable[[bytes], None]
    """Takes the statement of the host's key, countersigned by the session's."""
    report: Callable[[events.Event], None]
    record: Recording
    stop: threading.Event
    """Set: the visit ends at once."""


class Visited(Struct, frozen=True, kw_only=True):
    """What came of it."""

    inspection: str
    collected: int
    total: int
    batches: int
    left: str = ""
    """A folder on the host that is not known to be gone; a warning for its administrator."""


class Conversation:
    """What is said over a channel on which an agent answers."""

    def __init__(self, visit: Visit, channel: Channel, mode: Mode) -> None:
        self._visit = visit
        self._channel = channel
        self._order = replace(visit.order, remote=replace(visit.order.remote, mode=mode.value))
        self._mode = mode
        self._alive = time.monotonic()
        self._public_key = b""
        self._last: tuple[Header, str] | None = None
        self._batches = 0

    def hold(self) -> Visited:
        """Say and hear all of it. Raise RemoteError, Stopped, ProbeErrors, and what is passed on.

        CannotStart where no agent answers at all.
        """
        hello = self._greeted()
        if hello.protocol != PROTOCOL:
            raise RemoteError(
                _OTHER_PROTOCOL.format(version=hello.version, theirs=hello.protocol, ours=PROTOCOL)
            )
        if hello.forced != (self._mode is Mode.FORCED):
            raise RemoteError(_NOT_FORCED)
        self._public_key = hello.public_key
        self._say(Begin(protocol=PROTOCOL, order=self._order, grant=self._visit.grant))
        ends = time.monotonic() + LONGEST_SECONDS
        while True:
            message = self._next(ends)
            if message is None:
                raise RemoteError(_ENDED.format(detail=self._last_words()))
            match message:
                case Stated(statement=statement):
                    self._state(statement)
                case Told(event=event):
                    self._tell(event)
                case Fetch():
                    self._fetch(message)
                case Refused(zh=zh, en=en):
                    raise RemoteError(_REFUSED.format(zh=zh, en=en))
                case Done():
                    return self._done(message)
                case Hello():
                    raise UnexpectedOutput(self._channel.subject, "it greets twice")

    def _greeted(self) -> Hello:
        ends = time.monotonic() + _HELLO_SECONDS
        greeting = b""
        while True:
            line = self._line(ends)
            if line is None:
                detail = self._last_words() or "-"
                if greeting and not self._channel.errors:
                    detail = f"{words(greeting)[:300]}, {detail}"
                raise CannotStart(_NO_HELLO.format(detail=detail))
            message = self._understood(line)
            if isinstance(message, Hello):
                return message
            if isinstance(message, Refused):
                raise RemoteError(_REFUSED.format(zh=message.zh, en=message.en))
            greeting += line + b"\n"
            if len(greeting) > _GREETING_BYTES:
                raise UnexpectedOutput(self._channel.subject, "greets without an end")

    def _next(self, ends: float) -> FromHost | None:
        line = self._line(ends)
        if line is None:
            return None
        message = self._understood(line)
        if message is None:
            raise UnexpectedOutput(self._channel.subject, f"it says: {words(line)}")
        return message

    def _understood(self, line: bytes) -> FromHost | None:
        try:
            return heard_from_host(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UnexpectedOutput(self._channel.subject, f"{error}"[:300]) from error

    def _line(self, ends: float) -> bytes | None:
        """Return the next line, None at the end, and give signs of life while it does not come."""
        while True:
            demand_going(self._visit.stop)
            now = time.monotonic()
            if now >= ends:
                raise TimedOut(self._channel.subject, "says nothing within its time")
            if now - self._alive >= HEARTBEAT_SECONDS:
                self._send(b"\n")
            line = self._channel.line(BEAT_SECONDS, LARGEST_LINE_BYTES)
            if line != b"":
                return line

    def _say(self, message: FromWorkstation) -> None:
        self._send(packed(message))

    def _send(self, content: bytes) -> None:
        self._alive = time.monotonic()
        try:
            self._channel.send(content)
        except UnexpectedOutput:  # it has ended: what it said before tells why
            return

    def _state(self, statement: bytes) -> None:
        try:
            enclosed = envelope.read(statement)
            envelope.check(enclosed, {key_id(self._public_key): self._public_key})
            said = envelope.opened(enclosed, SESSION_KEY, SessionKey)
            wanted = (self._order.remote.session, self._order.agent, self._public_key)
            if (said.session, said.agent, said.public_key) != wanted:
                raise RemoteError(_WRONG_STATEMENT.format(detail="session, agent, key"))
        except WireError as error:
            raise RemoteError(_WRONG_STATEMENT.format(detail=str(error)[:500])) from error
        self._visit.state(envelope.countersigned(enclosed, self._visit.session_key))

    def _tell(self, event: msgspec.Raw) -> None:
        try:
            told = msgspec.json.decode(event, type=events.Event)
        except msgspec.MsgspecError:  # of a newer agent: nothing depends on it
            return
        if isinstance(told, events.SecretUsed):
            self._visit.record(SecretUsed(told.entry[:255]))
        self._visit.report(told)

    def _fetch(self, message: Fetch) -> None:
        sealed, header = checked(message, self._public_key, self._order, self._last)
        self._visit.keep(sealed)
        digest, size = sealed.batch.digest, len(sealed.batch.payload)
        self._visit.record(BatchFetched(message.seq, size, digest, message.key_id))
        self._last = header, digest
        self._batches += 1
        self._say(Took(seq=message.seq, digest=digest))

    def _done(self, message: Done) -> Visited:
        if message.batches != self._batches:
            raise RemoteError(_MISSING.format(said=message.batches, came=self._batches))
        self._channel.end_input()
        self._code()
        return Visited(
            inspection=message.inspection,
            collected=message.collected,
            total=message.total,
            batches=self._batches,
        )

    def _code(self) -> str:
        """Return the exit code in words, and have it recorded."""
        try:
            while self._channel.receive(_EXIT_SECONDS):
                continue
            return str(self._channel.exit_code(_EXIT_SECONDS))
        except (TimedOut, UnexpectedOutput) as error:
            return error.detail

    def _last_words(self) -> str:
        code = self._code()
        lines = self._channel.errors.strip().splitlines()
        return ", ".join(part for part in (words(lines[-1]) if lines else "", code) if part)
