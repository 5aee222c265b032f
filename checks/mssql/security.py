"""SQL Server: who is an administrator, and how its SQL logins are guarded."""

from checks.api import Chapter, Check, Scope, Text
from checks.databases import Database
from checks.errors import part
from checks.mssql import _login_rules
from checks.mssql._login_facts import (
    ADMINISTRATORS,
    LOGINS,
    SIGNED_IN,
    Administrator,
    Facts,
    Login,
    SignedIn,
    measures,
)
from checks.mssql._rights import demand_definitions


def probe(database: Database) -> Facts:
    """Ask for members of the server roles, sessions and SQL logins. Raise a ProbeError."""
    demand_definitions(database)
    return Facts(
        database.rows(ADMINISTRATORS, Administrator),
        part(lambda: database.rows(SIGNED_IN, SignedIn)),
        database.rows(LOGINS, Login),
    )


CHECK = Check(
    title=Text("SQL Server 管理员与登录名", "SQL Server administrators and logins"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    measures=measures,
    systems=("linux", "windows"),
    target="mssql",
    reads=(
        "sys.server_principals, sys.server_role_members, sys.server_permissions",
        "sys.sql_logins (PWDCOMPARE)",
        "sys.dm_exec_sessions",
    ),
    privilege=Text(
        "VIEW ANY DEFINITION、VIEW SERVER STATE（2022 及以上：VIEW SERVER PERFORMANCE STATE）；"
        "空密码和同名密码检查另需 CONTROL SERVER，由客户决定是否授予",
        "VIEW ANY DEFINITION, VIEW SERVER STATE (2022 and newer: VIEW SERVER PERFORMANCE STATE); "
        "for blank passwords and those like the name CONTROL SERVER, if the customer wants that",
    ),
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(_login_rules.ADMINISTRATORS, _login_rules.LOGINS),
)
