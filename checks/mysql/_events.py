"""MY-026: scheduled events, and whether the scheduler runs them."""

from checks.api import Struct
from checks.databases import Database
from checks.errors import NotPermitted
from checks.mysql._server import is_mariadb

# MySQL 8 keeps events in its dictionary and shows them by the EVENT privilege alone.
EVENTS_TABLE = (
    "SELECT db AS schema_name, COUNT(*) AS found FROM mysql.event "
    "WHERE status = 'ENABLED' GROUP BY db"
)
EVENTS_VIEW = (
    "SELECT event_schema AS schema_name, COUNT(*) AS found FROM information_schema.events "
    "WHERE status = 'ENABLED' GROUP BY event_schema"
)
MAY_SEE = (
    "SELECT COUNT(*) AS found FROM information_schema.user_privileges "
    "WHERE privilege_type = 'EVENT' "
    "AND grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')"
)
MOST_SCHEMAS = 50


class Events(Struct, frozen=True):
    """Enabled events of a database."""

    schema_name: str
    found: int


class Right(Struct, frozen=True):
    """Whether the account itself has the privilege."""

    found: int


def enabled_events(database: Database) -> tuple[Events, ...]:
    """Return the databases with enabled events. Raise NotPermitted where none can be seen."""
    if is_mariadb(database) or database.version < (8, 0):
        return database.rows(EVENTS_TABLE, Events)[:MOST_SCHEMAS]
    found = database.rows(EVENTS_VIEW, Events)[:MOST_SCHEMAS]
    if not found and not any(row.found for row in database.rows(MAY_SEE, Right)):
        raise NotPermitted("information_schema.events", "the EVENT privilege shows them")
    return found
