"""The port that a check sees a database instance through, and the words that all engines share.

A probe asks reading queries and gets typed rows. It never sees the connection, the account or the
password. Names of databases, schemas and tables go into facts; rows of business tables and texts
of queries never do.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Protocol, TypeVar, overload

from msgspec import Struct

from checks.api import Host

RowType = TypeVar("RowType", bound=Struct)
MOST_ROWS = 10_000
"""Of one query, unless it says otherwise: more is an error, never a part that passes for all."""


class Engine(Enum):
    """What serves the database."""

    MSSQL = "mssql"
    POSTGRESQL = "postgresql"
    KINGBASE = "kingbase"
    MYSQL = "mysql"
    MARIADB = "mariadb"
    ORACLE = "oracle"
    DAMENG = "dameng"


TARGETS = {
    Engine.MSSQL: "mssql",
    Engine.POSTGRESQL: "postgresql",
    Engine.KINGBASE: "postgresql",
    Engine.MYSQL: "mysql",
    Engine.MARIADB: "mysql",
    Engine.ORACLE: "oracle",
    Engine.DAMENG: "dameng",
}
"""The target that checks of an engine run on: KingbaseES is asked what PostgreSQL is."""


class Database(Protocol):
    """A database instance as a probe may see it: reading, bounded, with deadlines.

    Every method and property raises a ProbeError and nothing else when the server refuses. It signs
    in when it is first asked; of one target there is one connection in an inspection, and one
    more where a query runs in another database.
    """

    @property
    def name(self) -> str:
        """Name of the entry in the settings."""
        ...

    @property
    def engine(self) -> Engine:
        """What the server says that it is, whatever the settings say."""
        ...

    @property
    def version(self) -> tuple[int, ...]:
        """Comparable: (15, 20), (10, 11, 19), (15, 0, 4345, 5); KingbaseES: of its PostgreSQL."""
        ...

    @property
    def release(self) -> str:
        """The server's own words about its version."""
        ...

    @property
    def login_seconds(self) -> float:
        """How long connecting and signing in took."""
        ...

    @property
    def here(self) -> Host | None:
        """The host that the server runs on where that is this one: for its log files."""
        ...

    def excluded(self, name: str) -> bool:
        """Return whether the settings leave out a database, or a table `database.schema.table`."""
        ...

    @overload
    def rows(self, query: str) -> Sequence[Mapping[str, object]]: ...

    @overload
    def rows(
        self, query: str, kind: type[RowType], *, most: int = MOST_ROWS
    ) -> tuple[RowType, ...]: ...

    def rows(
        self, query: str, kind: type[RowType] | None = None, *, most: int = MOST_ROWS
    ) -> Sequence[object]:
        """Return the rows of one SELECT, WITH or SHOW by the names of its columns, in lower case.

        As mappings of plain values, or converted to `kind`: whole decimals are int, other ones
        float, moments without a zone are UTC, bytes are hexadecimal. Raise NotPermitted, TimedOut,
        Unsupported (no such view or column here), LoginRefused, Unreachable, UnexpectedOutput (a
        column is missing or of another type; more rows than `most`; more than 16 MiB).
        """
        ...

    def within(self, database: str) -> "Database":
        """Return the same instance with queries that run in one of its databases.

        The engine's own way: a second connection (PostgreSQL), USE (SQL Server); where schemas are
        what databases are elsewhere (MySQL, Oracle, 达梦), nothing changes.
        """
        ...


class Instance(Struct, frozen=True):
    """What every engine's first check says of its instance."""

    engine: Engine
    version: str
    """Numbers with dots: 15.20."""
    release: str
    login_seconds: float


def instance_of(database: Database) -> Instance:
    """Sign in and return what answered. Raise a ProbeError."""
    return Instance(
        database.engine,
        ".".join(str(part) for part in database.version),
        database.release[:255],
        database.login_seconds,
    )
