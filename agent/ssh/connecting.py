"""Connecting: only to a server whose key is pinned, with one credential, under deadlines.

Nothing is looked for: no agent, no keys in a home folder, no known_hosts, no configuration.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent.secret import Secret
from agent.ssh.connection import Connection, Limits, Server, words_of
from agent.ssh.host_keys import HostKey, pinned_keys, signature_types
from agent.ssh.library import paramiko
from agent.ssh.sign_in import private_key, sign_in
from agent.ssh.watchdog import Watchdog
from checks.errors import NotConfigured, NotPermitted, Unreachable

if TYPE_CHECKING:
    from paramiko import Transport

_WEAK = ("cbc", "md5", "sha1")
_FAST_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
"""They encrypt and authenticate in one, which is cheaper than a counter mode with a digest."""


@contextmanager
def connect(
    server: Server,
    *,
    key: Secret | None = None,
    password: Secret | None = None,
    limits: Limits | None = None,
) -> Iterator[Connection]:
    """Connect and sign in, by the key if there is one, else by the password.

    Raise ToolMissing without paramiko; NotConfigured without a host key or a credential;
    Unreachable; TimedOut; NotPermitted where the server shows another key than the pinned ones
    (before anything secret is sent), or where it refuses the credential.
    """
    library = paramiko()
    limits = limits or Limits()
    pinned = pinned_keys(server.host_key)
    identity = private_key(key) if key is not None else None
    if identity is None and password is None:
        raise NotConfigured(str(server), "neither a key nor a password to sign in with")
    line = _dial(server, limits)
    transport = None
    watchdog = Watchdog(lambda: _cut(line))
    try:
        transport = library.Transport(line)
        _choose_algorithms(transport, pinned)
        _greet(server, transport, watchdog, limits)
        _demand_pinned(server, transport, pinned)
        with watchdog.over(f"{server}: sign-in", limits.sign_in):
            sign_in(server, transport, identity, password)
        transport.set_keepalive(limits.keep_alive)
        yield Connection(server, transport, watchdog, limits)
    finally:
        watchdog.stop()
        _cut(line)
        if transport is not None:
            transport.close()
        line.close()


def _dial(server: Server, limits: Limits) -> socket.socket:
    try:
        return socket.create_connection((server.host, server.port), timeout=limits.connect)
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that DNS can't have
        raise Unreachable(str(server), words_of(error)) from error


def _cut(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has ended already
        return


def _choose_algorithms(transport: "Transport", pinned: tuple[HostKey, ...]) -> None:
    options = transport.get_security_options()
    strong = [name for name in options.ciphers if not any(weak in name for weak in _WEAK)]
    options.ciphers = sorted(strong, key=lambda name: name not in _FAST_CIPHERS)
    options.digests = [name for name in options.digests if not any(w in name for w in _WEAK)]
    options.key_types = signature_types(pinned, tuple(options.key_types))


def _greet(server: Server, transport: "Transport", watchdog: Watchdog, limits: Limits) -> None:
    library = paramiko()
    transport.banner_timeout = transport.handshake_timeout = limits.greeting + 5
    transport.auth_timeout = limits.sign_in + 5
    try:
        with watchdog.over(f"{server}: greeting", limits.greeting):
            transport.start_client(timeout=limits.greeting + 5)
    except library.ssh_exception.IncompatiblePeer as error:
        detail = f"no algorithm in common that is still safe: {words_of(error)}"
        raise Unreachable(str(server), detail) from error
    except (library.SSHException, EOFError, OSError) as error:
        raise Unreachable(str(server), f"no SSH server answers: {words_of(error)}") from error


def _demand_pinned(server: Server, transport: "Transport", pinned: tuple[HostKey, ...]) -> None:
    shown = transport.get_remote_server_key()
    key = HostKey(shown.get_name(), shown.asbytes())
    if key not in pinned:
        expected = ", ".join(str(each) for each in pinned)
        raise NotPermitted(
            f"host key of {server}",
            f"it shows {key}, pinned is {expected}: another server, or its key was changed; ask "
            "its administrator before host_key is changed",
        )
