"""Oracle: what is read of accounts: names, states and rights, never a hash."""

from checks.api import (
    Failure,
    Struct,
)
from checks.databases import Database
from checks.errors import part

ACCOUNTS = """
SELECT username AS name, account_status AS status, profile AS profile,
       expiry_date - SYSDATE AS days_left
FROM dba_users
WHERE account_status NOT LIKE '%LOCKED'
"""
LIFETIME = """
SELECT profile AS profile, limit AS life FROM dba_profiles
WHERE resource_name = 'PASSWORD_LIFE_TIME' AND profile = 'DEFAULT'
"""
DEFAULT_PASSWORDS = """
SELECT d.username AS name
FROM dba_users_with_defpwd d JOIN dba_users u ON u.username = d.username
WHERE u.account_status NOT LIKE '%LOCKED'
"""
POWERFUL = """
SELECT p.grantee AS name, p.privilege AS privilege
FROM (SELECT grantee, granted_role AS privilege FROM dba_role_privs
      WHERE granted_role IN ('DBA', 'IMP_FULL_DATABASE', 'DATAPUMP_IMP_FULL_DATABASE')
      UNION ALL
      SELECT grantee, privilege FROM dba_sys_privs
      WHERE privilege IN ('SELECT ANY TABLE', 'DELETE ANY TABLE', 'DROP ANY TABLE',
                          'ALTER ANY TABLE', 'EXECUTE ANY PROCEDURE', 'CREATE ANY PROCEDURE',
                          'CREATE ANY TRIGGER', 'GRANT ANY ROLE', 'GRANT ANY PRIVILEGE',
                          'ALTER USER', 'BECOME USER', 'ALTER SYSTEM')) p
JOIN dba_users u ON u.username = p.grantee
WHERE u.oracle_maintained = 'N'
"""
POWERFUL_11 = """
SELECT p.grantee AS name, p.privilege AS privilege
FROM (SELECT grantee, granted_role AS privilege FROM dba_role_privs
      WHERE granted_role IN ('DBA', 'IMP_FULL_DATABASE', 'DATAPUMP_IMP_FULL_DATABASE')
      UNION ALL
      SELECT grantee, privilege FROM dba_sys_privs
      WHERE privilege IN ('SELECT ANY TABLE', 'DELETE ANY TABLE', 'DROP ANY TABLE',
                          'ALTER ANY TABLE', 'EXECUTE ANY PROCEDURE', 'CREATE ANY PROCEDURE',
                          'CREATE ANY TRIGGER', 'GRANT ANY ROLE', 'GRANT ANY PRIVILEGE',
                          'ALTER USER', 'BECOME USER', 'ALTER SYSTEM')) p
JOIN dba_users u ON u.username = p.grantee
WHERE u.username NOT IN ('SYS', 'SYSTEM', 'SYSMAN', 'DBSNMP', 'OUTLN', 'XDB', 'WMSYS', 'CTXSYS',
                         'MDSYS', 'ORDSYS', 'ORDPLUGINS', 'OLAPSYS', 'EXFSYS', 'OWBSYS',
                         'APEX_030200', 'APEX_PUBLIC_USER', 'FLOWS_FILES', 'MGMT_VIEW', 'DIP',
                         'ANONYMOUS', 'APPQOSSYS', 'ORDDATA', 'SI_INFORMTN_SCHEMA',
                         'SPATIAL_CSW_ADMIN_USR', 'SPATIAL_WFS_ADMIN_USR', 'MDDATA')
"""
_MAINTAINED_FROM = (12, 1)
_MOST = 500


class AccountRow(Struct, frozen=True):
    """One account that is not locked for good."""

    name: str
    status: str
    profile: str | None = None
    days_left: float | None = None
    """Until the password expires; None: never."""


class LifetimeRow(Struct, frozen=True):
    """How long passwords of a profile last."""

    profile: str
    life: str | None = None


class NameRow(Struct, frozen=True):
    """One account."""

    name: str


class PowerRow(Struct, frozen=True):
    """One account and one of the rights that make it an administrator."""

    name: str
    privilege: str


class Facts(Struct, frozen=True, kw_only=True):
    """Accounts of one container."""

    accounts: tuple[AccountRow, ...] | Failure
    lifetime: str = ""
    default_passwords: tuple[str, ...] | Failure
    powerful: tuple[PowerRow, ...] | Failure


def probe(database: Database) -> Facts:
    """Ask the data dictionary. Raise a ProbeError."""
    query = POWERFUL if database.version >= _MAINTAINED_FROM else POWERFUL_11
    lifetime = part(lambda: database.rows(LIFETIME, LifetimeRow))
    known = () if isinstance(lifetime, Failure) else lifetime
    return Facts(
        accounts=part(lambda: database.rows(ACCOUNTS, AccountRow)[:_MOST]),
        lifetime=next((row.life or "" for row in known), ""),
        default_passwords=part(lambda: _default_passwords(database)),
        powerful=part(lambda: database.rows(query, PowerRow)[:_MOST]),
    )


def _default_passwords(database: Database) -> tuple[str, ...]:
    return tuple(sorted(row.name for row in database.rows(DEFAULT_PASSWORDS, NameRow)))[:_MOST]
