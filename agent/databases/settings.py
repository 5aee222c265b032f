"""The databases of the agent's settings.

[databases.erp]
kind = "mssql"                       # mssql, postgresql, kingbase, mysql, mariadb, oracle, dameng
title = "ERP 数据库"                 # optional
host = "127.0.0.1"
port = 1433                          # left out: the engine's usual one
socket = "/run/mysqld/mysqld.sock"   # instead of host: MySQL and MariaDB; a folder for PostgreSQL
instance = "ERP"                     # SQL Server: a named instance, instead of port
service = "erp"                      # Oracle: the service name
database = "erp"                     # where to sign in; left out: the engine's own
driver = "FreeTDS"                   # name or path of the ODBC driver; left out: the first known
options = "Encrypt=yes"              # further keywords of the driver, without user and password
user = "xunjian"
password = { file = "/etc/xunjian/erp.secret" }
exclude = ["test_*", "erp.public.tmp_*"]  # databases, and tables as database.schema.table
login_seconds = 5
query_seconds = 10
"""

from typing import Annotated

from msgspec import Meta, Struct

from agent.secret import SecretSource
from checks.databases import Engine

_Short = Annotated[str, Meta(max_length=255)]
_Word = Annotated[str, Meta(max_length=255, pattern=r"^[^;{}\0]*$(?!\n)")]
"""Goes into a connection string as it stands."""


class DatabaseSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One database instance."""

    kind: Engine
    title: _Short = ""
    host: _Word = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    socket: Annotated[str, Meta(pattern=r"^/[^;{}\0]*$(?!\n)", max_length=255)] | None = None
    instance: _Word = ""
    service: _Word = ""
    database: _Short = ""
    driver: _Word = ""
    options: Annotated[str, Meta(max_length=1000)] = ""
    user: _Short = ""
    password: SecretSource | None = None
    exclude: Annotated[tuple[_Short, ...], Meta(max_length=500)] = ()
    login_seconds: Annotated[int, Meta(ge=1, le=60)] = 5
    query_seconds: Annotated[int, Meta(ge=1, le=300)] = 10
