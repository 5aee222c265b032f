"""A visit from beginning to end."""

from msgspec.structs import replace

from agent.errors import CannotStart, RemoteError
from agent.remote.package import Package
from agent.remote.visit.bringing import EXECUTABLE, bring, demand_fitting
from agent.remote.visit.channel import Channel
from agent.remote.visit.guard import Guard
from agent.remote.visit.running import Conversation, Visit, Visited
from agent.remote.visit.survey import Survey
from wire.sessions import Mode

_RUN = f"""
: >"$f/xrun" || exit 5;
"$f/{EXECUTABLE}" remote answer --folder "$f/xstate";
e=$?;
[ "$e" = 0 ] || {{ read -r p s <"$f/guard" && kill "$p"; }} 2>/dev/null;
exit "$e"
"""
"""Where it ends by itself before its time, the guard ends, too: nobody may be there to tell it."""


def by_package(visit: Visit, package: Package, survey: Survey) -> Visited:
    """Bring the agent's package to a host, inspect, and leave nothing behind.

    Raise CannotStart where it does not start there (the rest of the host can still be read without
    it), Stopped, RemoteError, the ProbeErrors of the line, and what `keep` and `record` raise. In
    every case the host is cleaned; where this is not certain the record says so.
    """
    demand_fitting(package, survey)
    with Guard(visit.connection, survey.temporary_folder, visit.record) as guard:
        bring(visit.connection, guard, package, visit.record, visit.report, visit.stop)
        with Channel(visit.connection, guard.script(_RUN), "inspection", visit.record) as channel:
            visited = Conversation(visit, channel, Mode.PACKAGE).hold()
    return replace(visited, left=guard.left)


def by_forced(visit: Visit) -> Visited:
    """Inspect a host whose authorized_keys line lets this key do that and nothing else.

    Raise Stopped, RemoteError, the ProbeErrors of the line, and what `keep` and `record` raise.
    """
    # What is asked for is not what is run: the name of it is for the host's own log.
    command = "xunjian-agent remote answer --forced"
    with Channel(visit.connection, command, "inspection", visit.record, plain=True) as channel:
        try:
            return Conversation(visit, channel, Mode.FORCED).hold()
        except CannotStart as error:
            raise RemoteError(error.text) from error
