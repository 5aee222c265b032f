"""The declared queries of the settings as the runner takes them."""

from functools import partial

from agent.databases.subject import ConfiguredDatabase, Session
from agent.planning import Entry
from agent.queries.settings import QuerySettings
from agent.queries.subject import declared_query
from agent.settings import Settings
from checks.api import Host
from checks.queries import DeclaredQuery
from wire.messages import Target

TARGET = "query"


def entries(settings: Settings) -> tuple[Entry, ...]:
    """Return an entry for each query, by name. Those of one database share one connection.

    The settings were loaded for an inspection: each query names an entry of [databases].
    """
    sessions = {
        name: Session(name, settings.databases[name])
        for name in {query.database for query in settings.queries.values()}
    }
    return tuple(
        _entry(name, query, sessions[query.database])
        for name, query in sorted(settings.queries.items())
    )


def _entry(name: str, settings: QuerySettings, session: Session) -> Entry:
    return Entry(
        Target(TARGET, name),
        session.settings.kind.value,
        partial(_port, settings, session),
        session.close,
        # A refused account is tried once, not once for each query: many tries lock it.
        share=f"{TARGET} {settings.database}",
        signs_in=session.settings.password is not None,
    )


def _port(settings: QuerySettings, session: Session, host: Host, _seconds: float) -> DeclaredQuery:
    return declared_query(settings, ConfiguredDatabase(session, host))
