"""Which checks an order means: what it names, what the grant covers, and not what is forbidden."""

from collections.abc import Sequence

from msgspec.structs import replace

from agent.planning import Entry, Plan, light_part, plan
from agent.remote.order import Order
from agent.settings import Settings
from agent.veto import Veto
from checks.discovery import Catalogue


def plan_of(
    order: Order,
    catalogue: Catalogue,
    system: str,
    settings: Settings,
    entries: Sequence[Entry] = (),
    forbidden: Veto | None = None,
) -> Plan:
    """Return what is going to run. Raise PatternUnknown."""
    whole = plan(
        catalogue.checks,
        system,
        settings.checks,
        order.patterns,
        () if forbidden is None else forbidden.checks,
        entries,
        catalogue.unloaded,
        order.coverage,
    )
    return light_part(whole) if order.light else whole


def without_secrets(settings: Settings, made: Plan) -> Settings:
    """Return the settings without entries, where the plan signs in nowhere.

    Every secret that an inspection's settings name is obtained before it begins: one that nobody
    has permitted must not be.
    """
    if any(job.entry is not None and job.entry.signs_in for job in made.jobs):
        return settings
    return replace(settings, backups={}, databases={}, queries={}, products={})


def signed_in(made: Plan) -> tuple[str, ...]:
    """Return the entries that the plan signs in to, as the record names them."""
    return tuple(
        dict.fromkeys(
            f"{job.target.kind} {job.target.name}"
            for job in made.jobs
            if job.entry is not None and job.entry.signs_in
        )
    )
