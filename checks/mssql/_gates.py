"""From which builds of SQL Server a query can be asked, said beside the query.

A module whose query reads what SQL Server 2012 RTM does not have yet names it in a constant
`SINCE`: the name of the query's constant, and the gate. Queries that are not named there are for
2012 and newer. The gate gives the reason where a probe asks nothing; and
tests/checks/mssql/test_queries.py holds every column of every query against the catalogue of
documented columns (tests/checks/mssql/columns*.toml) for every build that the gate lets through.
"""

from typing import NamedTuple

from checks.databases import Database
from checks.errors import Unsupported

Build = tuple[int, ...]


class Gate(NamedTuple):
    """The builds that have something."""

    label: str
    """As a person says it: `SQL Server 2016 SP2`."""
    builds: tuple[Build, ...]
    """The least of each major version that got it; newer major versions have it from the start."""

    def lets(self, version: Build) -> bool:
        """Return whether a build has it."""
        same = [build for build in self.builds if build[0] == version[0]]
        return version >= same[0] if same else version > max(self.builds)


SQL_2012 = Gate("SQL Server 2012", ((11, 0, 2100),))
SQL_2014 = Gate("SQL Server 2014", ((12, 0, 2000),))
LOG_STATISTICS = Gate("SQL Server 2016 SP2", ((13, 0, 5026),))
LAST_GOOD_CHECKDB = Gate("SQL Server 2016 SP2, 2017 CU9", ((13, 0, 5026), (14, 0, 3030)))


def demand(database: Database, gate: Gate, subject: str) -> None:
    """Raise Unsupported where the instance is older than what `subject` came with."""
    if not gate.lets(database.version):
        raise Unsupported(f"{subject} ({gate.label}+)", f"this is {database.release[:200]}")
