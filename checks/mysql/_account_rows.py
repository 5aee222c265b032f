"""Accounts as each version keeps them; a hash is compared by the server and never fetched."""

from checks.api import Struct
from checks.databases import Database
from checks.mysql._server import is_mariadb

MOST_ACCOUNTS = 200

# MariaDB 10.4+: an account is a JSON document; bit 15 of its access is SUPER.
ACCOUNTS_JSON = (
    "SELECT user AS user_name, host, COALESCE(JSON_VALUE(priv, '$.plugin'), '') AS plugin, "
    "COALESCE(JSON_VALUE(priv, '$.authentication_string'), '') = '' AS no_password, "
    "COALESCE(JSON_VALUE(priv, '$.account_locked'), '0') IN ('1', 'true') AS is_locked, "
    "(CAST(COALESCE(JSON_VALUE(priv, '$.access'), '0') AS UNSIGNED) & 32768) > 0 AS has_super "
    "FROM mysql.global_priv "
    "WHERE COALESCE(JSON_VALUE(priv, '$.is_role'), '0') NOT IN ('1', 'true')"
)
# MariaDB 10.0.5 to 10.3.
ACCOUNTS_ROLES = (
    "SELECT user AS user_name, host, plugin, "
    "COALESCE(password, '') = '' AND COALESCE(authentication_string, '') = '' AS no_password, "
    "0 AS is_locked, super_priv = 'Y' AS has_super FROM mysql.user WHERE is_role <> 'Y'"
)
# MySQL 5.7.6+.
ACCOUNTS = (
    "SELECT user AS user_name, host, plugin, "
    "COALESCE(authentication_string, '') = '' AS no_password, "
    "account_locked = 'Y' AS is_locked, super_priv = 'Y' AS has_super FROM mysql.user"
)
# MySQL 5.5 to 5.7.5, MariaDB 5.5.
ACCOUNTS_OLD = (
    "SELECT user AS user_name, host, plugin, "
    "COALESCE(password, '') = '' AND COALESCE(authentication_string, '') = '' AS no_password, "
    "0 AS is_locked, super_priv = 'Y' AS has_super FROM mysql.user"
)

PASSWORD_PLUGINS = frozenset(
    {
        "",
        "mysql_native_password",
        "mysql_old_password",
        "sha256_password",
        "caching_sha2_password",
        "ed25519",
        "parsec",
    }
)
"""With the others the system or a directory asks for the password, or for none."""


class Account(Struct, frozen=True):
    """A row of the accounts."""

    user_name: str
    host: str
    plugin: str | None
    no_password: bool
    is_locked: bool
    has_super: bool

    @property
    def name(self) -> str:
        """Return it as it is written: root@localhost."""
        return f"{self.user_name}@{self.host}"

    @property
    def is_open(self) -> bool:
        """Return whether anybody may sign in without a password."""
        return self.no_password and (self.plugin or "") in PASSWORD_PLUGINS

    @property
    def is_anywhere(self) -> bool:
        """Return whether it may come from any host."""
        return self.host.replace(".", "") in ("%", "%%", "%%%", "%%%%", "")

    @property
    def rank(self) -> tuple[bool, ...]:
        """Return what puts the worst first."""
        return (self.is_locked, not self.is_open, not self.is_anywhere, not self.has_super)


class Accounts(Struct, frozen=True):
    """Who may sign in."""

    total: int
    listed: tuple[Account, ...]
    """The worst of them first."""


def accounts(database: Database) -> Accounts:
    """Return the accounts that are no roles. Raise a ProbeError."""
    found = database.rows(query_for(database), Account)
    return Accounts(len(found), tuple(sorted(found, key=lambda each: each.rank)[:MOST_ACCOUNTS]))


def query_for(database: Database) -> str:
    """Return how this engine and version keeps its accounts."""
    if is_mariadb(database):
        if database.version >= (10, 4):
            return ACCOUNTS_JSON
        return ACCOUNTS_ROLES if database.version >= (10, 0, 5) else ACCOUNTS_OLD
    return ACCOUNTS if database.version >= (5, 7, 6) else ACCOUNTS_OLD
