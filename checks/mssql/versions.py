"""SQL Server: is the build up to date, and is the version still supported?"""

from checks.api import Chapter, Check, Struct, Text
from checks.databases import Database
from checks.errors import UnexpectedOutput
from checks.mssql import _lifecycle, _updates
from checks.mssql._versions import Facts

VERSION = """
SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS version,
       CAST(SERVERPROPERTY('ProductLevel') AS nvarchar(128)) AS level,
       CAST(SERVERPROPERTY('ProductUpdateLevel') AS nvarchar(128)) AS update_level,
       CAST(SERVERPROPERTY('ProductUpdateReference') AS nvarchar(128)) AS reference,
       CAST(SERVERPROPERTY('Edition') AS nvarchar(128)) AS edition
"""


class VersionRow(Struct, frozen=True):
    """The answer to VERSION; of old builds the update is NULL."""

    version: str
    level: str | None = None
    update_level: str | None = None
    reference: str | None = None
    edition: str | None = None


def probe(database: Database) -> Facts:
    """Ask for the build. Raise a ProbeError."""
    rows = database.rows(VERSION, VersionRow)
    if not rows:
        raise UnexpectedOutput("SERVERPROPERTY", "no row")
    row = rows[0]
    return Facts(
        version=row.version[:255],
        level=(row.level or "")[:255],
        update_level=(row.update_level or "")[:255],
        reference=(row.reference or "")[:255],
        edition=(row.edition or "")[:255],
    )


CHECK = Check(
    title=Text("SQL Server 版本与补丁", "SQL Server build and lifecycle"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    reads=("SERVERPROPERTY (ProductVersion, ProductLevel, ProductUpdateLevel, Edition)",),
    privilege=Text("CONNECT SQL", "CONNECT SQL"),
    rules=(_updates.UPDATES, _lifecycle.LIFECYCLE),
)
