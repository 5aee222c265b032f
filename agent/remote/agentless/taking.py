"""One agentless inspection: what the order means and the grant covers, read over the channel."""

import threading
from functools import partial

from agent import inspection, veto
from agent.commands import entries_of
from agent.errors import RecordLost, RemoteError
from agent.inspection import Report
from agent.planning import Plan, light_part, plan
from agent.remote.agentless.place import there
from agent.remote.agentless.remote_host import RemoteHost
from agent.remote.agentless.running import cost_unknown, run_over_channel
from agent.remote.order import Order
from agent.settings import Collector, Run, Settings
from agent.spool import Spool
from checks.api import Text
from checks.discovery import Catalogue, discover
from wire.messages import Failure, Inspection, Reason, Skipped

_NOWHERE = "http://127.0.0.1"
"""Settings name a collector; an inspection does not speak to it."""
_STAYS_THERE = Text(
    f"主机管理员禁止数据离开本机（{veto.PATH} 中 upload = false）：未采集任何内容",
    f"the administrator of the host forbids that data leave it (upload = false in {veto.PATH}):"
    " nothing was read",
)


def take_agentless(
    host: RemoteHost,
    order: Order,
    spool: Spool,
    report: Report,
    stop: threading.Event,
    settings: Settings | None = None,
) -> tuple[Inspection, int, int]:
    """Make one inspection over a channel; return it, how many checks gave facts, and of how many.

    It waits in the spool to be sealed. Checks that see more than the Host port are skipped: they
    need the agent. So is what the `settings` of the order name; their secrets are not looked for
    here, since they name places of the host. Nothing is kept for later runs.

    Raise KeyboardInterrupt when `stop` is set or a person interrupts: what was read by then is in
    the spool, finished as interrupted. The same holds for RecordLost. Raise PatternUnknown,
    SpoolError, and RemoteError or VetoError where the administrator of the host forbids it.
    """
    entries = entries_of(settings) if settings is not None else ()
    catalogue = discover({entry.target.kind for entry in entries})
    forbidden = _veto(host, catalogue)
    system = host.system
    whole = plan(
        catalogue.checks,
        system,
        settings.checks if settings is not None else {},
        order.patterns,
        forbidden.checks,
        entries,
        catalogue.unloaded,
        order.coverage,
    )
    made = agentless_part(whole, light=order.light)
    own = Settings(Collector(_NOWHERE), run=Run(parallel=1, heavy_interval_hours=0))
    try:
        taken, collected = inspection.take(
            own,
            catalogue,
            made,
            spool,
            host,
            report,
            remote=order.remote,
            probed=partial(run_over_channel, stop=stop),
            surveyed=there,
            cost=cost_unknown,
        )
    except RecordLost:
        spool.finish_interrupted()
        raise
    return taken, collected, len(made.jobs)


def agentless_part(whole: Plan, *, light: bool) -> Plan:
    """Return what of a plan runs over a channel; the rest is skipped, with the reason."""
    wanted = light_part(whole) if light else whole
    jobs = []
    skipped = {}
    for job in wanted.jobs:
        if job.entry is not None or not job.check.agentless:
            skipped[job.check_id] = Failure(Reason.NEEDS_AGENT)
        else:
            jobs.append(job)
    more = tuple(Skipped(check_id, failure) for check_id, failure in skipped.items())
    return Plan(tuple(jobs), (*wanted.skipped, *more))


def _veto(host: RemoteHost, catalogue: Catalogue) -> veto.Veto:
    """Return the veto of the host's administrator, which counts without an agent, too."""
    if host.system == "windows":  # no agent has a place for it there
        return veto.Veto()
    forbidden = veto.of_host(host, {*catalogue.checks, *catalogue.unloaded})
    if forbidden.off:
        raise RemoteError(veto.SWITCHED_OFF)
    if not forbidden.upload:
        raise RemoteError(_STAYS_THERE)
    return forbidden
