"""Connecting: only to servers whose keys are pinned, with named credentials, under deadlines.

Nothing is looked for: no agent, no keys in a home folder, no known_hosts, no configuration.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from agent.secret import Secret
from agent.ssh import algorithms
from agent.ssh.connection import Connection, Limits, Server, words_of
from agent.ssh.credentials import Credentials, identity_of
from agent.ssh.dialing import dial
from agent.ssh.host_keys import HostKey, Pins, pinned
from agent.ssh.library import paramiko, transport_class
from agent.ssh.line import Line
from agent.ssh.sign_in import sign_in
from agent.ssh.watchdog import Watchdog
from checks.errors import NotConfigured, NotPermitted, Unreachable

if TYPE_CHECKING:
    from paramiko import PKey, Transport

_WINDOW_BYTES = 2**23
_PACKET_BYTES = 2**18
_ADMINISTRATIVELY_PROHIBITED = 1
_END_SECONDS = 1.0


class Hop(Struct, frozen=True):
    """A server on the way, or at its end."""

    server: Server
    credentials: Credentials
    weak_algorithms: bool = False
    """Allowed by the customer's grant: ciphers and digests that are broken in part."""


@contextmanager
def connect(
    server: Server,
    *,
    key: Secret | None = None,
    password: Secret | None = None,
    credentials: Credentials | None = None,
    jumps: Sequence[Hop] = (),
    weak_algorithms: bool = False,
    limits: Limits | None = None,
) -> Iterator[Connection]:
    """Connect by way of the jump hosts, in their order, and sign in at each.

    `key` or `password` stand for credentials that hold only these. Raise ToolMissing without
    paramiko; NotConfigured without a credential, or with a text of host keys that holds none;
    Unreachable; TimedOut; NotPermitted where a server shows a key that is not pinned or revoked
    (before anything secret is sent), or where it refuses the credentials. The subject names the
    server that it is about.
    """
    paramiko()
    limits = limits or Limits()
    own = credentials or Credentials(key=key, password=password)
    hops = [*jumps, Hop(server, own, weak_algorithms)]
    pins = [_pins(hop.server) for hop in hops]
    # All keys first: no host hears of us before the person has given what opens them.
    identities = _identities(hops)
    with ExitStack() as stack:
        target = hops[0].server
        first = dial(_name(hops, 0), target.host, target.port, limits.connect)
        stack.callback(first.close)
        line = Line(first)
        watchdog = Watchdog(line.cut)
        stack.callback(watchdog.stop)
        try:
            yield _joined_all(hops, pins, identities, limits, line, watchdog, stack)
        finally:
            # Before anything is closed: closing says goodbye, which a dead line may not take.
            line.cut()


def _joined_all(
    hops: Sequence[Hop],
    pins: Sequence[Pins],
    identities: "Sequence[PKey | None]",
    limits: Limits,
    line: Line,
    watchdog: Watchdog,
    stack: ExitStack,
) -> Connection:
    connection = None
    for place, hop in enumerate(hops):
        name = _name(hops, place)
        if connection is not None:
            line = _forwarded(connection, hop.server, name, _name(hops, place - 1))
        transport = transport_class()(line)
        stack.callback(_end, transport)
        joining = _Joining(hop, name, pins[place], identities[place], limits)
        connection = _joined(joining, transport, line, watchdog)
    assert connection is not None
    return connection


class _Joining(Struct, frozen=True):
    """What is known of a hop before it is reached."""

    hop: Hop
    name: str
    pins: Pins
    identity: "PKey | None"
    limits: Limits


def _name(hops: Sequence[Hop], place: int) -> str:
    server = hops[place].server
    last = len(hops) - 1
    if place == last:
        return str(server)
    return f"jump host {server}" if last == 1 else f"jump host {place + 1} of {last} ({server})"


def _pins(server: Server) -> Pins:
    return server.host_key if isinstance(server.host_key, Pins) else pinned(server.host_key)


def _identities(hops: Sequence[Hop]) -> "list[PKey | None]":
    """Return the private key for each hop; for a file of several hops a person is asked once."""
    files: dict[Path, PKey | None] = {}
    identities: list[PKey | None] = []
    for hop in hops:
        given = hop.credentials
        if given.key_file is not None and given.key_file in files:
            identity = files[given.key_file]
        else:
            identity = identity_of(given)
        if identity is None and given.password is None and given.prompt is None:
            raise NotConfigured(str(hop.server), "neither a key nor a password to sign in with")
        if given.key_file is not None:
            files[given.key_file] = identity
        identities.append(identity)
    return identities


def _forwarded(by: Connection, server: Server, name: str, jump: str) -> Line:
    """Return a line to a server that a jump host opens."""
    library = paramiko()
    with by.working(f"{jump}: forwarding to {server}", by.limits.connect):
        try:
            channel = by.transport.open_channel(
                "direct-tcpip",
                (server.host, server.port),
                ("127.0.0.1", 0),
                window_size=_WINDOW_BYTES,
                max_packet_size=_PACKET_BYTES,
                timeout=by.limits.connect + 5,
            )
        except library.ChannelException as error:
            if error.code == _ADMINISTRATIVELY_PROHIBITED:
                detail = f"does not forward to {server} (AllowTcpForwarding, PermitOpen)"
                raise NotPermitted(jump, detail) from error
            raise Unreachable(name, f"{jump} can't reach it: {error.text}") from error
    return Line(channel)


def _joined(
    joining: _Joining, transport: "Transport", line: Line, watchdog: Watchdog
) -> Connection:
    """Greet a server, compare its key, sign in."""
    hop, name, limits = joining.hop, joining.name, joining.limits
    algorithms.choose(transport, joining.pins, weak=hop.weak_algorithms)
    _greet(joining, transport, watchdog)
    key = _demand_pinned(name, transport, joining.pins)
    signed_in = sign_in(
        hop.server,
        name,
        transport,
        joining.identity,
        hop.credentials,
        lambda: watchdog.over(f"{name}: sign-in", limits.sign_in),
    )
    line.keep_alive(transport, limits.keep_alive)
    watchdog.listen(name, lambda: line.heard, limits.keep_alive + limits.silence)
    address = line.peer_address or hop.server.host
    return Connection(hop.server, transport, watchdog, limits, address, key, signed_in)


def _greet(joining: _Joining, transport: "Transport", watchdog: Watchdog) -> None:
    library = paramiko()
    name, limits = joining.name, joining.limits
    transport.banner_timeout = transport.handshake_timeout = limits.greeting + 5
    transport.auth_timeout = None  # a person may be asked; the watchdog knows the server's time
    try:
        with watchdog.over(f"{name}: greeting", limits.greeting):
            transport.start_client(timeout=limits.greeting + 5)
    except library.ssh_exception.IncompatiblePeer as error:
        words = words_of(error)
        advice = algorithms.advice(words, weak=joining.hop.weak_algorithms)
        detail = f"no algorithm in common that is still safe: {words}; {advice}"
        raise Unreachable(name, detail) from error
    except (library.SSHException, EOFError, OSError) as error:
        said = watchdog.verdict or words_of(error)
        raise Unreachable(name, f"no SSH server answers: {said}") from error


def _demand_pinned(name: str, transport: "Transport", pins: Pins) -> HostKey:
    """Return the key that a server shows."""
    raw = transport.host_key  # not get_remote_server_key: it raises if the line is lost by now
    key = HostKey(raw.get_name(), raw.asbytes())
    subject = f"host key of {name}"
    if key in pins.revoked:
        raise NotPermitted(subject, f"it shows {key}, which known_hosts says is revoked")
    if pins.hold(key):
        return key
    if not pins:
        raise NotPermitted(
            subject,
            "nobody has pinned one: ask the customer what `ssh-keygen -lf "
            "/etc/ssh/ssh_host_ed25519_key.pub` prints at its console, or import its known_hosts "
            f"line ({key} was offered, not verified)",
        )
    typed = any(not each.types for each in pins.fingerprints)
    hint = "; of a key of another type, give all that ssh-keygen -l prints" if typed else ""
    raise NotPermitted(
        subject,
        f"it shows {key}, pinned is {pins}: another server, or its key was changed; ask "
        f"its administrator before host_key is changed{hint}",
    )


def _end(transport: "Transport") -> None:
    """Close a transport with its channels, and wait for its thread."""
    # A timer of a greeting that never ended would keep the process alive.
    transport.packetizer.complete_handshake()
    transport.close()
    if transport.is_alive():
        transport.join(_END_SECONDS)
