"""The files of an instance's databases: the query, and what is known of them. Pure."""

from collections.abc import Iterator, Sequence

from checks.api import Failure, Struct, Verdict, not_run
from checks.databases import Database
from checks.mssql._included import SYSTEM, included
from wire.messages import Count, Label, Reason

FILES = """
SELECT d.name AS name,
       d.state_desc AS state,
       f.file_id AS file_id,
       f.type AS type,
       f.data_space_id AS data_space_id,
       f.name AS file_name,
       LEFT(f.physical_name, 255) AS physical_name,
       CAST(f.size AS bigint) * 8192 AS size_bytes,
       CASE WHEN f.max_size > 0 THEN CAST(f.max_size AS bigint) * 8192 END AS max_bytes,
       CASE WHEN f.growth = 0 OR f.max_size = 0 THEN 0 ELSE 1 END AS grows,
       f.is_percent_growth AS is_percent_growth,
       f.growth AS growth
FROM sys.master_files AS f
JOIN sys.databases AS d ON d.database_id = f.database_id
WHERE d.source_database_id IS NULL AND f.type IN (0, 1)
"""
HIDDEN = """
SELECT d.name AS name
FROM sys.databases AS d
WHERE d.source_database_id IS NULL
  AND NOT EXISTS (SELECT 1 FROM sys.master_files AS f WHERE f.database_id = d.database_id)
"""
"""Every database has files: what is in the answer is hidden from the login."""
MOST_FILES = 5000
PAGE_BYTES = 8192
DATA = 0
LOG = 1


class File(Struct, frozen=True, kw_only=True):
    """One data or log file: the answer to FILES."""

    name: Label
    """Name of its database."""
    state: Label
    """Of the database."""
    file_id: int
    type: int
    """0 data, 1 log."""
    data_space_id: int
    """Filegroup; 0 for logs."""
    file_name: Label
    """Its logical name."""
    physical_name: Label
    size_bytes: Count
    max_bytes: Count | None = None
    """None: no limit but the disk."""
    grows: bool
    is_percent_growth: bool
    growth: Count
    """Pages of 8 KiB, or per cent."""

    @property
    def is_system(self) -> bool:
        """Return whether its database came with the instance."""
        return self.name.lower() in SYSTEM

    @property
    def limit_bytes(self) -> int | None:
        """Return how large it can become; None: no limit but the disk."""
        if not self.grows:
            return self.size_bytes
        return None if self.max_bytes is None else max(self.max_bytes, self.size_bytes)


class Seen(Struct, frozen=True):
    """The files that the login may see, and the databases whose files it may not."""

    files: tuple[File, ...]
    hidden: tuple[Label, ...]


class NameRow(Struct, frozen=True):
    """A database: the answer to HIDDEN."""

    name: Label


def read(database: Database) -> Seen:
    """Ask for the files of all databases that the settings don't leave out. Raise a ProbeError."""
    files = database.rows(FILES, File, most=50_000)
    hidden, _ = included(database, database.rows(HIDDEN, NameRow))
    return Seen(
        tuple(file for file in files if not database.excluded(file.name)),
        tuple(row.name for row in hidden),
    )


def unseen(hidden: Sequence[str]) -> Iterator[Verdict]:
    """Yield a verdict for each database whose files the login may not see."""
    for name in hidden:
        yield not_run(name, Failure(Reason.PERMISSION, "sys.master_files"))
