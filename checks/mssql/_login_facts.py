"""Administrators and SQL logins of an instance: facts and queries."""

from collections.abc import Iterator

from checks.api import Failure, Measure, Struct
from wire.messages import Count, Label

ADMINISTRATORS = """
SELECT p.name AS name, r.name AS right_name, p.type_desc AS kind, p.is_disabled AS disabled
FROM sys.server_role_members AS m
JOIN sys.server_principals AS r ON r.principal_id = m.role_principal_id
JOIN sys.server_principals AS p ON p.principal_id = m.member_principal_id
WHERE r.name IN ('sysadmin', 'securityadmin')
UNION ALL
SELECT p.name AS name, s.permission_name AS right_name, p.type_desc AS kind,
       p.is_disabled AS disabled
FROM sys.server_permissions AS s
JOIN sys.server_principals AS p ON p.principal_id = s.grantee_principal_id
WHERE s.class = 100 AND s.permission_name = 'CONTROL SERVER' AND s.state IN ('G', 'W')
ORDER BY name, right_name
"""
SIGNED_IN = """
SELECT s.login_name AS name, s.program_name AS program, COUNT(*) AS sessions
FROM sys.dm_exec_sessions AS s
WHERE s.is_user_process = 1 AND s.session_id <> @@SPID
GROUP BY s.login_name, s.program_name
ORDER BY COUNT(*) DESC
"""
LOGINS = """
SELECT l.name AS name, CASE WHEN l.principal_id = 1 THEN 1 ELSE 0 END AS is_sa,
       l.is_disabled AS disabled, l.is_policy_checked AS policy_checked,
       CASE WHEN PWDCOMPARE(N'', l.password_hash) = 1 OR PWDCOMPARE(l.name, l.password_hash) = 1
            THEN 1 WHEN l.password_hash IS NULL THEN NULL ELSE 0 END AS weak,
       CAST(SERVERPROPERTY('IsIntegratedSecurityOnly') AS nvarchar(128)) AS windows_only
FROM sys.sql_logins AS l
WHERE l.name NOT LIKE '##%'
ORDER BY l.principal_id
"""
"""The server compares; a hash never leaves it, and is NULL without CONTROL SERVER."""


class Administrator(Struct, frozen=True):
    """A login with a role or a right over the whole server."""

    name: Label
    right_name: Label
    kind: Label
    disabled: bool | None


class SignedIn(Struct, frozen=True):
    """Sessions of one login and program."""

    name: Label
    program: Label | None
    sessions: Count


class Login(Struct, frozen=True):
    """A SQL login."""

    name: Label
    is_sa: bool
    """The login that was called sa, whatever its name is now."""
    disabled: bool
    policy_checked: bool
    windows_only: bool
    """The server takes no SQL logins at all."""
    weak: bool | None = None
    """The password is blank or the name; None: it may not be compared."""


class Facts(Struct, frozen=True):
    """Who may do everything, who is signed in, and how SQL logins are guarded."""

    administrators: tuple[Administrator, ...]
    signed_in: tuple[SignedIn, ...] | Failure
    logins: tuple[Login, ...]


def administrators_of(facts: Facts) -> list[str]:
    """Return the names of enabled members of sysadmin, without those of SQL Server itself."""
    return [
        each.name
        for each in facts.administrators
        if each.right_name == "sysadmin"
        and not each.disabled
        and not each.name.upper().startswith(("NT SERVICE\\", "##"))
    ]


def measures(facts: Facts) -> Iterator[Measure]:
    """Keep who was an administrator when, so that a change is remembered."""
    names = administrators_of(facts)
    yield Measure("administrators", "", float(len(names)))
    for name in names[:200]:
        yield Measure("administrator", name, 1.0)
