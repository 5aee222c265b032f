"""Stanzas of pgBackRest. `place` is the name of the stanza."""

from agent.backups.kind import KindModule
from agent.backups.pgbackrest.comparing import copies, prove_copies
from agent.backups.pgbackrest.listing import catalogue
from agent.backups.pgbackrest.restoring import restore
from agent.backups.pgbackrest.verifying import verify

KIND = KindModule(
    catalogue=catalogue,
    verify=verify,
    list_again=False,
    whole_set=True,
    restore=restore,
    copies=copies,
    prove_copies=prove_copies,
)
