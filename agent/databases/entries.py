"""The databases of the settings as the runner takes them."""

from functools import partial

from agent.databases.settings import DatabaseSettings
from agent.databases.subject import ConfiguredDatabase, Session
from agent.planning import Entry
from agent.settings import Settings
from checks.api import Host
from checks.databases import TARGETS
from wire.messages import Target


def entries(settings: Settings) -> tuple[Entry, ...]:
    """Return an entry for each database, by name."""
    return tuple(_entry(name, each) for name, each in sorted(settings.databases.items()))


def _entry(name: str, settings: DatabaseSettings) -> Entry:
    # Nothing is opened before the child asks; what it opens is the child's alone.
    session = Session(name, settings)
    target = Target(TARGETS[settings.kind], name)
    return Entry(
        target,
        settings.kind.value,
        partial(_port, session),
        session.close,
        signs_in=settings.password is not None,
    )


def _port(session: Session, host: Host, _seconds: float) -> ConfiguredDatabase:
    return ConfiguredDatabase(session, host)
