"""What an agentless inspection says of its host: read through the port, never of this computer."""

from collections.abc import Callable

from agent.surroundings import Place, boot_id
from checks.api import Host
from checks.errors import ProbeError
from wire.messages import HostIdentity


def there(host: Host) -> Place:
    """Return what the host tells of itself; empty (a time zone: UTC) where it tells nothing."""
    return Place(boot_id(host), _time_zone(host) or "UTC", _identity(host))


def _identity(host: Host) -> HostIdentity:
    name = ("uname", "-n") if host.system != "windows" else ("hostname",)
    return HostIdentity(
        _said(lambda: host.run(*name).text),
        host.system,
        _said(lambda: host.read("/etc/machine-id", limit_bytes=4096)),
    )


def _time_zone(host: Host) -> str:
    linked = _said(lambda: host.run("readlink", "-f", "/etc/localtime").text)
    name = linked.partition("zoneinfo/")[2]
    return name.removeprefix("posix/").removeprefix("right/") or _said(
        lambda: host.read("/etc/timezone", limit_bytes=4096)
    )


def _said(ask: Callable[[], str]) -> str:
    try:
        return ask().strip()[:255]
    except ProbeError:
        return ""
