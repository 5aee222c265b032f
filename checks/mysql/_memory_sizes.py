"""What the server's buffers may take in all, and what its host has."""

import re
from collections.abc import Mapping

from checks.api import Struct
from checks.databases import Database
from checks.errors import NotApplicable, UnexpectedOutput, Unsupported
from checks.mysql._server import number, switched_on

VARIABLES = (
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('innodb_buffer_pool_size', "
    "'innodb_additional_mem_pool_size', 'innodb_log_buffer_size', 'key_buffer_size', "
    "'aria_pagecache_buffer_size', 'query_cache_size', 'query_cache_type', 'have_query_cache', "
    "'tmp_table_size', 'max_heap_table_size', 'max_connections', 'extra_max_connections', "
    "'read_buffer_size', 'read_rnd_buffer_size', 'sort_buffer_size', 'join_buffer_size', "
    "'thread_stack', 'binlog_cache_size', 'net_buffer_length')"
)
_SHARED = (
    "innodb_buffer_pool_size",
    "innodb_additional_mem_pool_size",
    "innodb_log_buffer_size",
    "key_buffer_size",
    "aria_pagecache_buffer_size",
)
_PER_CONNECTION = (
    "read_buffer_size",
    "read_rnd_buffer_size",
    "sort_buffer_size",
    "join_buffer_size",
    "thread_stack",
    "binlog_cache_size",
    "net_buffer_length",
)


class Sizes(Struct, frozen=True):
    """Bytes by the settings."""

    buffer_pool_bytes: int
    shared_bytes: int
    """Of all buffers that are there once."""
    per_connection_bytes: int
    """That one connection may take, without packets and temporary tables."""
    max_connections: int


def sizes(variables: Mapping[str, str]) -> Sizes:
    """Return what the settings come to. Raise UnexpectedOutput without the main ones."""
    pool, most = number(variables, "innodb_buffer_pool_size"), number(variables, "max_connections")
    if most is None:
        raise UnexpectedOutput("SHOW GLOBAL VARIABLES", "no max_connections")
    if pool is None:
        raise NotApplicable("InnoDB")
    shared = sum(number(variables, name) or 0 for name in _SHARED)
    if switched_on(variables, "query_cache_type"):
        shared += number(variables, "query_cache_size") or 0
    return Sizes(
        buffer_pool_bytes=pool,
        shared_bytes=shared,
        per_connection_bytes=sum(number(variables, name) or 0 for name in _PER_CONNECTION),
        max_connections=most,
    )


def host_bytes(database: Database) -> int:
    """Return the memory of the server's host. Raise Unsupported where it is another host."""
    host = database.here
    if host is None:
        raise Unsupported("memory", "the server runs on another host, and no query tells its RAM")
    if host.system == "windows":
        import psutil

        return int(psutil.virtual_memory().total)
    found = re.search(r"^MemTotal:\s+(\d+) kB", host.read("/proc/meminfo"), re.MULTILINE)
    if found is None:
        raise UnexpectedOutput("/proc/meminfo", "no MemTotal")
    return int(found[1]) * 1024
