"""Signing in with a key or a password, and saying why it was refused."""

import io
from typing import TYPE_CHECKING

from agent.secret import Secret
from agent.ssh.connection import Server, words_of
from agent.ssh.library import paramiko
from checks.errors import NotConfigured, NotPermitted, Unreachable

if TYPE_CHECKING:
    from paramiko import PKey, Transport


def sign_in(
    server: Server, transport: "Transport", identity: "PKey | None", password: Secret | None
) -> None:
    """Sign in, by the key if there is one. Raise NotPermitted or Unreachable."""
    library = paramiko()
    means = "key" if identity is not None else "password"
    try:
        if identity is not None:
            more = transport.auth_publickey(server.user, identity)
        else:
            assert password is not None
            more = transport.auth_password(server.user, password.reveal())
    except library.BadAuthenticationType as error:
        taken = ", ".join(error.allowed_types) or "nothing"
        detail = f"a {means} is not taken for {server.user}, only {taken}"
        raise NotPermitted(f"sign-in to {server}", detail) from error
    except library.AuthenticationException as error:
        if not transport.is_active():
            detail = f"ended the connection at sign-in: {words_of(error)}"
            raise Unreachable(str(server), detail) from error
        detail = f"the {means} of {server.user} was refused"
        raise NotPermitted(f"sign-in to {server}", detail) from error
    except (library.SSHException, EOFError, OSError) as error:
        raise Unreachable(str(server), f"sign-in: {words_of(error)}") from error
    if more:
        detail = f"after the {means} of {server.user} it also wants {', '.join(more)}"
        raise NotPermitted(f"sign-in to {server}", detail)


def private_key(key: Secret) -> "PKey":
    """Return the key. Raise NotConfigured; the words never hold any of it."""
    library = paramiko()
    text = key.reveal()
    for form in (library.Ed25519Key, library.ECDSAKey, library.RSAKey):
        try:
            return form.from_private_key(io.StringIO(text))
        except library.PasswordRequiredException:
            raise NotConfigured(
                "key", "has a passphrase: give a key of its own to the agent, without one"
            ) from None
        except (library.SSHException, ValueError, IndexError, TypeError):
            continue
    raise NotConfigured("key", "is no private key that OpenSSH writes (Ed25519, ECDSA, RSA)")
