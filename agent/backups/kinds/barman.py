"""Servers of barman. `place` is the name of the server."""

from agent.backups.barman.listing import catalogue
from agent.backups.barman.verifying import verify
from agent.backups.kind import KindModule

KIND = KindModule(catalogue=catalogue, verify=verify, list_again=False)
