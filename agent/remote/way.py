"""The way to a host: its address, its pinned keys, the jump hosts, what to sign in with."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from agent.errors import NotGranted, RemoteError
from agent.remote import home as place
from agent.remote import target as address
from agent.remote import texts
from agent.remote.authority import Authority, demand_passage
from agent.remote.recording import Recording
from agent.remote.target import Target
from agent.ssh.connection import Server
from agent.ssh.credentials import Credentials, Prompt
from agent.ssh.host_keys import Pins, read_pins
from wire.grants import GrantedHost
from wire.record import Connected, Noted

if TYPE_CHECKING:
    from agent.ssh.connecting import Hop
    from agent.ssh.connection import Connection

INVENTORY, TYPED = "inventory", "typed"


class Way(Struct, frozen=True):
    """How a host is reached."""

    target: Target
    server: Server
    pinned_by: str
    credentials: Credentials
    jumps: "tuple[Hop, ...]" = ()
    weak_algorithms: bool = False


def way_of(
    authority: Authority,
    target: Target,
    *,
    jumps: Sequence[str] = (),
    key: str | None = None,
    host_keys: Sequence[str] = (),
    prompt: Prompt | None = None,
) -> Way:
    """Return the way to a host that is permitted.

    The grant's host keys are pinned; a fingerprint that was typed counts where it has none, and in
    their place where it was typed all the same. Nothing is trusted because it was seen. Raise
    RemoteError, NotGranted for a jump host that the grant doesn't name.
    """
    from agent.ssh.connecting import Hop

    credentials = Credentials(key_file=place.named(key) if key is not None else None, prompt=prompt)
    typed = _typed(host_keys)
    weak = authority.grant.weak_algorithms
    pins, pinned_by = _pins(authority.host, typed, str(target))
    hops = []
    for each in jumps:
        jump = address.read(each)
        passage = demand_passage(authority.grant, jump.host)
        jump_pins, _ = _pins(passage, typed, str(jump), own_first=True)
        hops.append(Hop(_server(jump, jump_pins), credentials, weak))
    return Way(target, _server(target, pins), pinned_by, credentials, tuple(hops), weak)


@contextmanager
def connected(way: Way, record: Recording) -> "Iterator[Connection]":
    """Connect, and have it recorded before anything is done. Raise ProbeErrors, RecordLost."""
    from agent.ssh.connecting import connect

    with connect(
        way.server,
        credentials=way.credentials,
        jumps=way.jumps,
        weak_algorithms=way.weak_algorithms,
    ) as connection:
        record(
            Connected(
                f"{way.server.host}:{way.server.port} ({connection.peer_address})"[:255],
                way.server.user,
                str(connection.host_key),
                way.pinned_by,
                "+".join(connection.means),
                tuple(f"{hop.server.user}@{hop.server}"[:255] for hop in way.jumps),
            )
        )
        for notice in connection.notices:
            record(Noted(f"the server said: {notice}"[:2000]))
        yield connection


def _typed(host_keys: Sequence[str]) -> Pins:
    for each in host_keys:
        if not read_pins(each):
            raise RemoteError(texts.HOST_KEY_UNFIT.format(given=each[:100]))
    return read_pins("\n".join(host_keys))


def _pins(
    host: GrantedHost, typed: Pins, shown: str, *, own_first: bool = False
) -> tuple[Pins, str]:
    granted = read_pins("\n".join(host.host_keys))
    if granted and (own_first or not typed):
        return granted, INVENTORY
    if typed:
        return typed, TYPED
    raise NotGranted(texts.NO_HOST_KEY.format(address=shown))


def _server(target: Target, pins: Pins) -> Server:
    return Server(target.host, target.user, pins, target.port)
