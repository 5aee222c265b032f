"""Settings of the server: facts, and how they are read without what may hold a password."""

from checks.api import Failure, Struct
from checks.databases import Database
from checks.postgresql._parts import named
from wire.messages import Label

# reset_val: what the session of the agent set for itself is not what applications get.
DURABILITY = """
SELECT name, reset_val AS value
FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')
"""
CHECKSUMS = """
SELECT name, setting AS value FROM pg_settings WHERE name = 'data_checksums'
"""
OVERRIDES = """
SELECT coalesce(d.datname, '*') || '/' || coalesce(r.rolname, '*') AS scope,
       substr(c.setting, strpos(c.setting, '=') + 1) AS value
FROM pg_db_role_setting AS s
CROSS JOIN LATERAL unnest(s.setconfig) AS c (setting)
LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
LEFT JOIN pg_roles AS r ON r.oid = s.setrole
WHERE c.setting LIKE 'synchronous!_commit=%' ESCAPE '!'
ORDER BY 1
LIMIT 200
"""
PENDING = """
SELECT name FROM pg_settings WHERE pending_restart ORDER BY name
"""
# Texts may hold passwords (primary_conninfo, archive_command, settings of extensions): of them
# only those are read whose names are known to hold none.
CHOSEN = """
SELECT name, left(reset_val, 255) AS value
FROM pg_settings
WHERE source IN ('configuration file', 'command line', 'environment variable')
      AND (vartype <> 'string'
           OR name IN ('DateStyle', 'TimeZone', 'listen_addresses', 'shared_preload_libraries',
                       'session_preload_libraries', 'local_preload_libraries', 'search_path',
                       'default_tablespace', 'temp_tablespaces', 'log_line_prefix',
                       'log_destination', 'log_directory', 'log_filename', 'log_timezone',
                       'lc_messages', 'lc_monetary', 'lc_numeric', 'lc_time',
                       'synchronous_standby_names', 'unix_socket_directories',
                       'default_text_search_config', 'ssl_ciphers', 'primary_slot_name'))
      AND name NOT IN ('port', 'transaction_read_only')
ORDER BY name
LIMIT 500
"""


class Setting(Struct, frozen=True):
    """A setting and what the server gives it."""

    name: Label
    value: Label | None
    """None: an empty text, on some servers."""


class Override(Struct, frozen=True):
    """synchronous_commit of a database or role: `erp/*`, `*/app`."""

    scope: Label
    value: Label


class Facts(Struct, frozen=True):
    """Settings that matter for the safety of data, and those that somebody chose."""

    durability: tuple[Setting, ...]
    overrides: tuple[Override, ...] | Failure
    checksums: tuple[Setting, ...]
    """data_checksums; empty before 9.3."""
    pending: tuple[Label, ...] | Failure
    """Changed in the file, and waiting for a restart."""
    chosen: tuple[Setting, ...]
    """From the configuration file or the command line; no texts that may hold a password."""


class _Name(Struct, frozen=True):
    name: Label


def probe(database: Database) -> Facts:
    """Read the settings."""
    return Facts(
        durability=database.rows(DURABILITY, Setting),
        overrides=named("pg_db_role_setting", lambda: database.rows(OVERRIDES, Override)),
        checksums=database.rows(CHECKSUMS, Setting),
        pending=named(
            "pg_settings.pending_restart",
            lambda: tuple(row.name for row in database.rows(PENDING, _Name)),
        ),
        chosen=database.rows(CHOSEN, Setting),
    )
