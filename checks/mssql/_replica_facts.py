"""Copies of databases on other servers: facts and queries."""

from checks.api import Failure, Struct
from wire.messages import Label

REPLICAS = """
SELECT g.name AS group_name, r.replica_server_name AS replica, s.is_local AS is_local,
       s.role_desc AS role, s.connected_state_desc AS connected,
       s.synchronization_health_desc AS health
FROM sys.availability_groups AS g
JOIN sys.availability_replicas AS r ON r.group_id = g.group_id
LEFT JOIN sys.dm_hadr_availability_replica_states AS s ON s.replica_id = r.replica_id
ORDER BY g.name, r.replica_server_name
"""
"""A secondary replica knows the state of itself alone."""
COPIES = """
SELECT g.name AS group_name, r.replica_server_name AS replica,
       DB_NAME(s.database_id) AS database_name, s.synchronization_state_desc AS state,
       s.synchronization_health_desc AS health, s.is_suspended AS suspended,
       s.log_send_queue_size AS send_kibibytes, s.redo_queue_size AS redo_kibibytes,
       CASE WHEN s.last_hardened_time > '20000101'
            THEN DATEDIFF(second, s.last_hardened_time, SYSDATETIME()) END AS hardened_seconds
FROM sys.dm_hadr_database_replica_states AS s
JOIN sys.availability_replicas AS r ON r.replica_id = s.replica_id
JOIN sys.availability_groups AS g ON g.group_id = s.group_id
ORDER BY g.name, r.replica_server_name, s.database_id
"""
MIRRORS = """
SELECT DB_NAME(m.database_id) AS database_name, m.mirroring_role_desc AS role,
       m.mirroring_state_desc AS state, m.mirroring_partner_instance AS partner
FROM sys.database_mirroring AS m
WHERE m.mirroring_guid IS NOT NULL
ORDER BY m.database_id
"""
SHIPPED = """
SELECT l.secondary_database AS database_name, l.primary_server AS primary_server,
       DATEDIFF(second, l.last_restored_date_utc, SYSUTCDATETIME()) AS restored_seconds
FROM msdb.dbo.log_shipping_monitor_secondary AS l
ORDER BY l.secondary_database
"""


class Replica(Struct, frozen=True):
    """A row of REPLICAS."""

    group_name: Label
    replica: Label
    is_local: bool | None
    role: Label | None
    connected: Label | None
    health: Label | None


class Copy(Struct, frozen=True):
    """A row of COPIES: one database on one replica."""

    group_name: Label
    replica: Label
    database_name: Label | None
    state: Label | None
    health: Label | None
    suspended: bool | None
    send_kibibytes: int | None
    redo_kibibytes: int | None
    hardened_seconds: float | None


class Mirror(Struct, frozen=True):
    """A row of MIRRORS."""

    database_name: Label
    role: Label | None
    state: Label | None
    partner: Label | None


class Shipped(Struct, frozen=True):
    """A row of SHIPPED: a database that logs of another server are restored to."""

    database_name: Label
    primary_server: Label
    restored_seconds: float | None


class Facts(Struct, frozen=True):
    """What the instance knows of copies elsewhere, and of what it is a copy of."""

    replicas: tuple[Replica, ...] | Failure
    copies: tuple[Copy, ...] | Failure
    mirrors: tuple[Mirror, ...] | Failure
    shipped: tuple[Shipped, ...] | Failure
