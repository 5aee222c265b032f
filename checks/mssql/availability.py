"""SQL Server: availability groups, mirroring and log shipping."""

from checks.api import Chapter, Check, Text
from checks.databases import Database
from checks.errors import part
from checks.mssql import _replica_rules
from checks.mssql._replica_facts import (
    COPIES,
    MIRRORS,
    REPLICAS,
    SHIPPED,
    Copy,
    Facts,
    Mirror,
    Replica,
    Shipped,
)
from checks.mssql._rights import DEFINITIONS_AND_STATE, demand_definitions


def probe(database: Database) -> Facts:
    """Ask for replicas and their databases, mirrors, and restored logs. Raise a ProbeError."""
    demand_definitions(database)
    return Facts(
        part(lambda: database.rows(REPLICAS, Replica)),
        part(lambda: database.rows(COPIES, Copy)),
        part(lambda: database.rows(MIRRORS, Mirror)),
        part(lambda: database.rows(SHIPPED, Shipped)),
    )


CHECK = Check(
    title=Text("SQL Server 高可用与容灾", "SQL Server availability"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    reads=(
        "sys.availability_groups, sys.availability_replicas",
        "sys.dm_hadr_availability_replica_states, sys.dm_hadr_database_replica_states",
        "sys.database_mirroring",
        "msdb.dbo.log_shipping_monitor_secondary",
    ),
    privilege=Text(
        "{state}；日志传送另需 msdb 中 log_shipping_monitor_secondary 的 SELECT",
        "{state}; for log shipping SELECT on log_shipping_monitor_secondary in msdb",
    ).format(state=DEFINITIONS_AND_STATE),
    rules=(_replica_rules.GROUPS, _replica_rules.COPIES),
)
