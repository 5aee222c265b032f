"""Tables and their keys by information_schema, which shows only what the account may see."""

from collections.abc import Mapping, Sequence

from checks.api import Failure, Struct
from checks.databases import Database
from checks.errors import Unsupported, part
from checks.mysql._server import SYSTEM_SCHEMAS, is_mariadb

MOST_TABLES = 50_000
MOST_SCHEMAS = 50
MOST_LISTED = 100
LEAST_FREE_BYTES = 10 * 2**20
"""Every file of InnoDB keeps some extents for what comes next: less says nothing."""

TABLES = (
    "SELECT table_schema AS schema_name, table_name AS name, engine, "
    "COALESCE(data_length, 0) AS data_bytes, COALESCE(index_length, 0) AS index_bytes, "
    "COALESCE(data_free, 0) AS free_bytes, COALESCE(auto_increment, 0) AS next_value "
    "FROM information_schema.tables "
    "WHERE table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND table_schema NOT IN "
    "('mysql', 'information_schema', 'performance_schema', 'sys')"
)
# A unique key without NULL counts as PRI, too: InnoDB takes it for the primary key.
KEYS = (
    "SELECT table_schema AS schema_name, table_name AS table_name, column_name AS column_name, "
    "column_type AS type_name, column_key = 'PRI' AS is_primary, "
    "extra LIKE '%auto_increment%' AS is_automatic "
    "FROM information_schema.columns "
    "WHERE (column_key = 'PRI' OR extra LIKE '%auto_increment%') AND table_schema NOT IN "
    "('mysql', 'information_schema', 'performance_schema', 'sys')"
)
# InnoDB's own dictionary shows every table to whom has PROCESS.
DICTIONARY = (
    "SELECT COUNT(DISTINCT SUBSTRING_INDEX(name, '/', 1)) AS found "
    "FROM information_schema.innodb_sys_tables "
    "WHERE name LIKE '%/%' AND SUBSTRING_INDEX(name, '/', 1) NOT IN ('mysql', 'sys')"
)
DICTIONARY_8 = DICTIONARY.replace("innodb_sys_tables", "innodb_tables")

_LARGEST = {
    "tinyint": 2**7 - 1,
    "smallint": 2**15 - 1,
    "mediumint": 2**23 - 1,
    "int": 2**31 - 1,
    "bigint": 2**63 - 1,
}


class TableRow(Struct, frozen=True):
    """A row of TABLES."""

    schema_name: str
    name: str
    engine: str | None
    data_bytes: int
    index_bytes: int
    free_bytes: int
    next_value: int


class KeyRow(Struct, frozen=True):
    """A row of COLUMNS."""

    schema_name: str
    table_name: str
    column_name: str
    type_name: str
    is_primary: bool
    is_automatic: bool


class SchemaCount(Struct, frozen=True):
    """A row of the dictionary."""

    found: int


class Numbered(Struct, frozen=True):
    """A column that numbers itself."""

    column: str
    """schema.table.column."""
    type_name: str
    next_value: int
    largest: int


class Suspect(Struct, frozen=True):
    """A table that something is wrong with."""

    table: str
    """schema.table."""
    bytes: int
    no_key: bool = False
    engine: str = ""
    """Where it is one that doesn't survive a crash: MyISAM."""
    free_bytes: int = 0
    """Space in its file that nothing is in; 0 where that is not known."""


class Schema(Struct, frozen=True):
    """One database."""

    name: str
    bytes: int
    tables: int
    largest: str
    largest_bytes: int


class Facts(Struct, frozen=True):
    """Sizes of databases, and the tables that something is wrong with."""

    schemas: tuple[Schema, ...]
    schemas_left_out: int
    tables: int
    numbered: tuple[Numbered, ...]
    """The fullest first."""
    suspects: tuple[Suspect, ...]
    suspects_left_out: int
    hidden: int | Failure
    """Databases with InnoDB tables that the account can't see."""


def probe(database: Database) -> Facts:
    """Ask all tables and their keys. Raise a ProbeError."""
    seen = database.rows(TABLES, TableRow, most=MOST_TABLES)
    found = [each for each in seen if not _excluded(database, each)]
    keys = database.rows(KEYS, KeyRow, most=2 * MOST_TABLES)
    schemas = _schemas(found)
    suspects = _suspects(found, keys)
    visible = len({each.schema_name for each in seen if each.engine == "InnoDB"})
    return Facts(
        schemas=schemas[:MOST_SCHEMAS],
        schemas_left_out=max(0, len(schemas) - MOST_SCHEMAS),
        tables=len(found),
        numbered=_numbered(found, keys)[:MOST_LISTED],
        suspects=suspects[:MOST_LISTED],
        suspects_left_out=max(0, len(suspects) - MOST_LISTED),
        hidden=part(lambda: hidden_schemas(database, visible)),
    )


def _excluded(database: Database, table: TableRow) -> bool:
    return (
        table.schema_name in SYSTEM_SCHEMAS
        or database.excluded(table.schema_name)
        or database.excluded(f"{table.schema_name}.{table.name}")
    )


def hidden_schemas(database: Database, visible: int) -> int:
    """Return how many databases InnoDB has tables of besides those in sight. Raise a ProbeError."""
    if is_mariadb(database) and database.version < (10, 0):
        raise Unsupported("innodb_sys_tables", "MariaDB 5.5 has other columns in it")
    new = not is_mariadb(database) and database.version >= (8, 0)
    rows = database.rows(DICTIONARY_8 if new else DICTIONARY, SchemaCount)
    return max(0, rows[0].found - visible) if rows else 0


def _schemas(found: Sequence[TableRow]) -> tuple[Schema, ...]:
    by_name: dict[str, list[TableRow]] = {}
    for table in found:
        by_name.setdefault(table.schema_name, []).append(table)
    schemas = []
    for name, tables in by_name.items():
        largest = max(tables, key=_bytes)
        schemas.append(
            Schema(name, sum(map(_bytes, tables)), len(tables), largest.name, _bytes(largest))
        )
    return tuple(sorted(schemas, key=lambda each: (-each.bytes, each.name)))


def _bytes(table: TableRow) -> int:
    return table.data_bytes + table.index_bytes


def _numbered(found: Sequence[TableRow], keys: Sequence[KeyRow]) -> tuple[Numbered, ...]:
    following = {(each.schema_name, each.name): each.next_value for each in found}
    columns = []
    for key in keys:
        table = (key.schema_name, key.table_name)
        most = largest(key.type_name)
        if key.is_automatic and most is not None and table in following:
            name = f"{key.schema_name}.{key.table_name}.{key.column_name}"
            columns.append(Numbered(name, key.type_name, following[table], most))
    return tuple(sorted(columns, key=lambda each: (-each.next_value / each.largest, each.column)))


def largest(type_name: str) -> int | None:
    """Return the largest value of a whole-number type: `int(10) unsigned`; None: no such type."""
    words = type_name.lower().replace("(", " ").split()
    most = _LARGEST.get(words[0]) if words else None
    if most is None:
        return None
    return 2 * most + 1 if "unsigned" in words else most


def _suspects(found: Sequence[TableRow], keys: Sequence[KeyRow]) -> tuple[Suspect, ...]:
    keyed = {(key.schema_name, key.table_name) for key in keys if key.is_primary}
    free = _free(found)
    suspects = []
    for table in found:
        suspect = Suspect(
            table=f"{table.schema_name}.{table.name}",
            bytes=_bytes(table),
            no_key=(table.schema_name, table.name) not in keyed,
            engine=table.engine if table.engine in ("MyISAM", "MRG_MyISAM") else "",
            free_bytes=free[table.schema_name, table.name],
        )
        if suspect.no_key or suspect.engine or suspect.free_bytes:
            suspects.append(suspect)
    return tuple(sorted(suspects, key=lambda each: (not each.engine, not each.no_key, -each.bytes)))


def _free(found: Sequence[TableRow]) -> Mapping[tuple[str, str], int]:
    """Return the free space of each table's own file.

    Tables in a shared tablespace all tell the free space of the whole: the same for each.
    """
    counted: dict[int, int] = {}
    for table in found:
        if table.engine == "InnoDB":
            counted[table.free_bytes] = counted.get(table.free_bytes, 0) + 1
    return {
        (table.schema_name, table.name): 0
        if table.free_bytes < LEAST_FREE_BYTES
        or (table.engine == "InnoDB" and counted[table.free_bytes] > 1)
        else table.free_bytes
        for table in found
    }
