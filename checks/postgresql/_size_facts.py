"""How large databases, tables and tablespaces are, and how much room their volumes have."""

from checks.api import Failure, Host, Struct
from checks.databases import Database
from checks.errors import NotPermitted, UnexpectedOutput, Unsupported, part
from checks.postgresql._each_database import Parts, each

DATABASE_SIZES = """
SELECT d.datname AS name,
       CASE WHEN has_database_privilege(d.oid, 'CONNECT')
              OR EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = 'pg_read_all_stats'
                                                    AND pg_has_role(r.oid, 'USAGE'))
            THEN pg_database_size(d.oid) END AS size_bytes
FROM pg_database d
WHERE NOT d.datistemplate
ORDER BY 2 DESC NULLS LAST
"""

# Of the data directory only those may know who may read all settings.
TABLESPACES = """
SELECT t.spcname AS name,
       coalesce(nullif(pg_tablespace_location(t.oid), ''),
                (SELECT s.setting FROM pg_settings s WHERE s.name = 'data_directory')) AS place,
       CASE WHEN has_tablespace_privilege(t.oid, 'CREATE')
              OR EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = 'pg_read_all_stats'
                                                    AND pg_has_role(r.oid, 'USAGE'))
            THEN pg_tablespace_size(t.oid) END AS size_bytes
FROM pg_tablespace t
WHERE t.spcname <> 'pg_global'
ORDER BY t.spcname
"""

# A table that somebody has locked away, or waits to, is not asked: its size would wait, too.
LARGEST = """
SELECT l.schema, l.name, pg_total_relation_size(l.oid) AS size_bytes
FROM (
    SELECT c.oid, n.nspname AS schema, c.relname AS name
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpages >= 1280
      AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND NOT EXISTS (SELECT 1 FROM pg_locks l
                      WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
                        AND (l.relation = c.oid OR l.relation = c.reltoastrelid))
    ORDER BY c.relpages DESC
    LIMIT 20) l
ORDER BY 3 DESC
"""


class DatabaseSize(Struct, frozen=True):
    """A row of DATABASE_SIZES."""

    name: str
    size_bytes: int | None
    """None: the account may neither connect to it nor read all statistics."""


class Tablespace(Struct, frozen=True):
    """A row of TABLESPACES."""

    name: str
    place: str | None
    """Folder on the server; None: the account may not know."""
    size_bytes: int | None


class Volume(Struct, frozen=True):
    """The room of the volume that a tablespace is on."""

    tablespace: str
    place: str
    total_bytes: int
    free_bytes: int
    """What an unprivileged user can still write."""


class Refused(Struct, frozen=True):
    """A tablespace whose volume could not be asked."""

    tablespace: str
    failure: Failure


class TableSize(Struct, frozen=True):
    """A row of LARGEST: with its indexes and TOAST."""

    schema: str
    name: str
    size_bytes: int


class Facts(Struct, frozen=True):
    """Sizes now; what they were stands in the series."""

    databases: tuple[DatabaseSize, ...]
    tablespaces: tuple[Tablespace, ...]
    tables: Parts[TableSize]
    here: bool
    """The server runs on the host that asks."""
    volumes: tuple[Volume, ...] = ()
    refused: tuple[Refused, ...] = ()


def facts_of(database: Database) -> Facts:
    """Ask for the sizes, and this host for its volumes. Raise a ProbeError."""
    sizes = database.rows(DATABASE_SIZES, DatabaseSize)
    tablespaces = database.rows(TABLESPACES, Tablespace)
    volumes: list[Volume] = []
    refused: list[Refused] = []
    host = database.here
    for tablespace in tablespaces if host is not None else ():
        assert host is not None
        found = _room(host, tablespace)
        if isinstance(found, Volume):
            volumes.append(found)
        else:
            refused.append(Refused(tablespace.name, found))
    return Facts(
        databases=tuple(row for row in sizes if not database.excluded(row.name)),
        tablespaces=tablespaces,
        tables=each(database, _largest),
        here=host is not None,
        volumes=tuple(volumes),
        refused=tuple(refused),
    )


def _largest(database: Database, name: str) -> tuple[TableSize, ...]:
    return tuple(
        row
        for row in database.rows(LARGEST, TableSize)
        if not database.excluded(f"{name}.{row.schema}.{row.name}")
    )


def _room(host: Host, tablespace: Tablespace) -> Volume | Failure:
    return part(lambda: _asked(host, tablespace))


def _asked(host: Host, tablespace: Tablespace) -> Volume:
    if tablespace.place is None:
        raise NotPermitted("data_directory", "GRANT pg_read_all_settings")
    if host.system != "linux":
        raise Unsupported(tablespace.place)
    # A process of its own: on a network mount the call can hang beyond any signal.
    output = host.run("stat", "-f", "-c", "%S %b %a", "--", tablespace.place, timeout_seconds=3)
    fields = output.text.split()
    if len(fields) != 3 or not all(field.isdecimal() for field in fields):
        raise UnexpectedOutput(tablespace.place, output.text[:200])
    block, blocks, free = map(int, fields)
    return Volume(tablespace.name, tablespace.place, block * blocks, block * free)
