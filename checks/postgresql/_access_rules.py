"""Who may sign in from where: the lines of pg_hba.conf, from the server or from the file. Pure.

Options of a line stay where they are: that of LDAP may be a password.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from checks.api import Struct
from wire.messages import Count, Label

_TOKEN = re.compile(r'(?:"[^"]*"|[^\s#"])+|#')
_FIELDS_OF_LOCAL = 4
_FIELDS_OF_HOST = 5
_HOST_KINDS = ("host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc")
_INCLUDES = ("include", "include_if_exists", "include_dir")


class Entry(Struct, frozen=True):
    """One line that lets somebody in, or that the server can't read."""

    line: Count
    kind: Label
    """local, host, hostssl, hostnossl, hostgssenc, hostnogssenc; empty for a broken line."""
    databases: Label
    roles: Label
    address: Label
    """10.0.0.0/8, all, samenet, a host's name; empty for local."""
    method: Label
    broken: bool = False
    """The server refuses the file because of this line, and keeps the rules that it had."""

    @property
    def name(self) -> str:
        """Return the line as it is told, without its options."""
        if self.broken:
            return f"line {self.line}"
        words = (self.kind, self.databases, self.roles, self.address, self.method)
        return " ".join(word for word in words if word)[:255]


def network(address: str, netmask: str) -> str:
    """Return an address and its mask as one network; words and names of hosts as they are."""
    if not netmask:
        return _network(address)
    try:
        bits = int(ip_address(netmask)).bit_count()
    except ValueError:
        return address
    return _network(f"{address}/{bits}")


def _network(address: str) -> str:
    try:
        return str(ip_network(address, strict=False))
    except ValueError:
        return address


def is_loopback(entry: Entry) -> bool:
    """Return whether only this host itself gets in by a line."""
    if entry.kind == "local" or entry.address in ("samehost", "localhost"):
        return True
    try:
        return ip_network(entry.address, strict=False).is_loopback
    except ValueError:
        return False


def is_open(entry: Entry) -> bool:
    """Return whether a line is for every address there is."""
    return entry.kind != "local" and entry.address in ("all", "0.0.0.0/0", "::/0")


def entries(text: str) -> Iterator[Entry]:
    """Yield the lines of a pg_hba.conf. Those that can't be read are broken."""
    held, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first or number
        if line.endswith("\\"):
            held += line[:-1]
            continue
        fields = list(_fields(held + line))
        if fields and fields[0].lower() not in _INCLUDES:
            yield _entry(first, fields)
        held, first = "", 0


def includes(text: str) -> bool:
    """Return whether a pg_hba.conf goes on in other files (from 16 on)."""
    return any(
        fields[0].lower() in _INCLUDES
        for line in text.splitlines()
        if (fields := list(_fields(line)))
    )


def _fields(line: str) -> Iterator[str]:
    for match in _TOKEN.finditer(line):
        if match.group() == "#":
            return
        yield match.group().replace('"', "")


def _entry(line: int, fields: list[str]) -> Entry:
    kind = fields[0]
    if kind == "local" and len(fields) >= _FIELDS_OF_LOCAL:
        return Entry(line, kind, fields[1][:255], fields[2][:255], "", fields[3][:255])
    if kind in _HOST_KINDS and len(fields) >= _FIELDS_OF_HOST:
        address, rest = fields[3], fields[4:]
        if _is_address(address) and len(rest) > 1 and _is_address(rest[0]):
            address, rest = network(address, rest[0]), rest[1:]
        databases, roles = fields[1][:255], fields[2][:255]
        return Entry(line, kind, databases, roles, _network(address)[:255], rest[0][:255])
    return Entry(line, "", "", "", "", "", broken=True)


def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True
