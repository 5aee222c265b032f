"""A query of the settings as its probe sees it."""

from agent.databases.subject import ConfiguredDatabase
from agent.queries.settings import QuerySettings, declaration
from checks.queries import DeclaredQuery


def declared_query(settings: QuerySettings, database: ConfiguredDatabase) -> DeclaredQuery:
    """Return the port of a query that is asked of an instance."""
    return DeclaredQuery(
        declaration=declaration(settings),
        text=settings.text,
        # As the port of databases names columns.
        columns={name.lower(): kind for name, kind in settings.columns.items()},
        value=settings.value.lower(),
        object=settings.object.lower(),
        shown=tuple(name.lower() for name in settings.show),
        most_rows=settings.most_rows,
        database=database.within(settings.within) if settings.within else database,
    )
