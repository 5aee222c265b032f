"""Where PostgreSQL's own tools are: Debian, RHEL and builds by hand have places of their own."""

from pathlib import PurePath

from agent.backups.kind import Source
from checks.errors import ToolMissing

_PLACES = (
    "/usr/lib/postgresql/{version}/bin/{name}",
    "/usr/pgsql-{version}/bin/{name}",
    "/usr/bin/{name}",
    "/usr/local/pgsql/bin/{name}",
)


def newest_tool(source: Source, name: str, version: str = "*") -> str:
    """Return the tool of a major version, of the newest for `*`: it reads what older ones wrote.

    The set's own `command` comes first where it has that name. Raise ToolMissing.
    """
    own = source.settings.command
    if own is not None and PurePath(own).name == name:
        return own
    for place in _PLACES:
        if version != "*" and "{version}" not in place:
            continue
        found = source.host.list(place.format(version=version, name=name))
        if found:
            return max(found, key=_version)
    raise ToolMissing(name)


def _version(path: str) -> tuple[float, str]:
    for part in PurePath(path).parts:
        number = part.removeprefix("pgsql-")
        if number.replace(".", "", 1).isdecimal():
            return float(number), path
    return 0.0, path
