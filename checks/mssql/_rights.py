"""The rights that readings need, in words; and whether the catalogue shows all there is."""

from msgspec import Struct

from checks.api import Text
from checks.databases import Database
from checks.errors import NotPermitted

PERFORMANCE_STATE = Text(
    "VIEW SERVER STATE（2022 及以上：VIEW SERVER PERFORMANCE STATE）",
    "VIEW SERVER STATE (2022 and newer: VIEW SERVER PERFORMANCE STATE)",
)
_ANYWHERE = Text(
    "CONNECT ANY DATABASE（2012：在各数据库中建立用户）",
    "CONNECT ANY DATABASE (2012: a user in each database)",
)
_BOTH = Text("{first}、{second}", "{first}, {second}")
DEFINITIONS_AND_STATE = _BOTH.format(first="VIEW ANY DEFINITION", second=PERFORMANCE_STATE)
SECURITY_STATE = Text(
    "VIEW SERVER STATE（2022 及以上：VIEW SERVER PERFORMANCE STATE 和 VIEW SERVER SECURITY STATE）",
    "VIEW SERVER STATE (2022 and newer: VIEW SERVER PERFORMANCE STATE and VIEW SERVER SECURITY "
    "STATE)",
)
DEFINITIONS_INSIDE = _BOTH.format(first="VIEW ANY DEFINITION", second=_ANYWHERE)
STATE_INSIDE = _BOTH.format(first=DEFINITIONS_AND_STATE, second=_ANYWHERE)
_DEFINITIONS = "VIEW ANY DEFINITION"
DEFINITIONS = """
SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW ANY DEFINITION') AS shown
"""


class DefinitionsRow(Struct, frozen=True):
    """The answer to DEFINITIONS."""

    shown: bool | None


def demand_definitions(database: Database) -> None:
    """Raise NotPermitted where the catalogue hides what the login has no right on.

    It leaves out rows and says nothing: a short list would pass for a good one.
    """
    if not database.rows(DEFINITIONS, DefinitionsRow)[0].shown:
        raise NotPermitted(_DEFINITIONS)
