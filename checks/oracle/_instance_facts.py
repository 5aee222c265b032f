"""Oracle: what is read of an instance, its containers, its patches and its listener."""

import re

from checks.api import (
    Failure,
    Struct,
)
from checks.databases import Database, Instance, instance_of
from checks.errors import UnexpectedOutput, Unsupported, part

INSTANCE = """
SELECT i.instance_name AS name, i.status AS status, i.logins AS logins,
       (SYSDATE - i.startup_time) * 86400 AS up_seconds,
       d.name AS database, d.open_mode AS open_mode, d.database_role AS role
FROM v$instance i CROSS JOIN v$database d
"""
CONTAINER = "SELECT SYS_CONTEXT('USERENV', 'CON_NAME') AS name, cdb AS cdb FROM v$database"
CONTAINERS = "SELECT name AS name, open_mode AS open_mode, restricted AS restricted FROM v$pdbs"
PATCHES = """
SELECT action AS action, status AS status, description AS description
FROM dba_registry_sqlpatch
ORDER BY action_time DESC
"""
LISTENER = ("lsnrctl", "status")
_CONTAINERS_FROM = (12, 1)


class InstanceRow(Struct, frozen=True):
    """What the instance says of itself."""

    name: str
    status: str
    logins: str
    up_seconds: float
    database: str
    open_mode: str
    role: str


class ContainerRow(Struct, frozen=True):
    """One pluggable database."""

    name: str
    open_mode: str
    restricted: str | None = None


class CurrentRow(Struct, frozen=True):
    """Where the account signed in."""

    name: str | None
    cdb: str


class PatchRow(Struct, frozen=True):
    """One run of datapatch."""

    action: str
    status: str | None = None
    description: str | None = None


class Facts(Struct, frozen=True, kw_only=True):
    """State and release of one instance."""

    server: Instance
    instance: InstanceRow
    container: str = ""
    """Where the entry signs in; empty in a database without containers."""
    containers: tuple[ContainerRow, ...] | Failure = ()
    patches: tuple[PatchRow, ...] | Failure = ()
    """Newest first; empty before 12.1, which has no such view."""
    listener: bool | Failure = True
    """Whether `lsnrctl status` names a service; a Failure where the server is on another host."""


def probe(database: Database) -> Facts:
    """Ask instance, containers and patches; the listener by its own tool. Raise a ProbeError."""
    server = instance_of(database)
    rows = database.rows(INSTANCE, InstanceRow)
    if not rows:
        raise UnexpectedOutput("v$instance", "no row")
    container = ""
    containers: tuple[ContainerRow, ...] | Failure = ()
    patches: tuple[PatchRow, ...] | Failure = ()
    if database.version >= _CONTAINERS_FROM:
        where = database.rows(CONTAINER, CurrentRow)
        container = where[0].name or "" if where and where[0].cdb == "YES" else ""
        containers = part(lambda: database.rows(CONTAINERS, ContainerRow)[:300])
        patches = part(lambda: database.rows(PATCHES, PatchRow)[:20])
    return Facts(
        server=server,
        instance=rows[0],
        container=container,
        containers=containers,
        patches=patches,
        listener=part(lambda: _listens(database)),
    )


def _listens(database: Database) -> bool:
    if database.here is None:
        raise Unsupported("lsnrctl status", "the server is on another host")
    # 1: TNS-12541, no listener.
    found = database.here.run(*LISTENER, timeout_seconds=10, exit_codes=(0, 1))
    return re.search(r"\bREADY\b|\bUNKNOWN\b", found.text) is not None
