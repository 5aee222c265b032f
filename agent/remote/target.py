"""A host as the engineer types it: [USER@]HOST[:PORT], IPv6 addresses in brackets."""

import getpass
import re

from msgspec import Struct

from agent.errors import RemoteError
from agent.remote import texts

PORT = 22
_FORM = re.compile(
    r"(?:(?P<user>[^\s@:/\\]{1,64}(?:\\[^\s@:/\\]{1,64})?)@)?"
    r"(?:\[(?P<six>[0-9A-Fa-f:.%a-z]{2,64})\]|(?P<host>[^\s@:/\[\]]{1,253}))"
    r"(?::(?P<port>\d{1,5}))?"
)


class Target(Struct, frozen=True):
    """Where to sign in, and as whom."""

    user: str
    host: str
    port: int = PORT

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}:{self.port}"


def read(text: str) -> Target:
    """Return the target that a person typed; the user is his own where he names none.

    Raise RemoteError.
    """
    match = _FORM.fullmatch(text.strip())
    port = int(match["port"] or PORT) if match else 0
    if match is None or not 0 < port < 65536:
        raise RemoteError(texts.TARGET_UNFIT.format(given=text[:100]))
    return Target(match["user"] or _own_name(), match["six"] or match["host"], port)


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise RemoteError(texts.NO_USER) from error
