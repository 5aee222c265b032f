"""The products of the settings as the runner takes them."""

from functools import partial

from agent.databases.subject import ConfiguredDatabase, Session
from agent.planning import Entry
from agent.products.pack import declaration
from agent.products.settings import ProductSettings
from agent.products.subject import ConfiguredProduct
from agent.settings import Settings
from checks.api import Host
from checks.product_packs import Declaration
from wire.messages import Target

TARGET = "product"


def entries(settings: Settings) -> tuple[Entry, ...]:
    """Return an entry for each product, by name."""
    return tuple(_entry(name, each, settings) for name, each in sorted(settings.products.items()))


def _entry(name: str, product: ProductSettings, settings: Settings) -> Entry:
    declared = declaration(product.pack, product.parameters)
    session = None
    if product.database:
        # A session of its own: that of the database's own checks is another child's.
        session = Session(product.database, settings.databases[product.database])
    port = partial(_port, product.title or name, declared, session)
    return Entry(
        Target(TARGET, name),
        declared.name,
        port,
        session.close if session else None,
        signs_in=session is not None and session.settings.password is not None,
    )


def _port(
    title: str, declared: Declaration, session: Session | None, host: Host, _seconds: float
) -> ConfiguredProduct:
    database = ConfiguredDatabase(session, host) if session is not None else None
    return ConfiguredProduct(title, declared, host, database)
