"""What the runner of agentless probes needs of a host, beside the port that probes see."""

import threading
from typing import Protocol

from agent.errors import AgentError
from checks.api import Host
from checks.errors import ProbeError


class RemoteHost(Host, Protocol):
    """A host at the other end of a connection."""

    def within(self, ends: float, stop: threading.Event) -> Host:
        """Return the same host, for readings whose time is over at `ends` (time.monotonic), or
        when somebody sets `stop`."""
        ...

    def lost(self) -> ProbeError | AgentError | None:
        """Return why nothing more can be asked of it; None: all is well."""
        ...
