"""A visit to a host: by the agent's package, brought and removed again, or by a forced command.

survey.py     what kind of host answers, and what it has for a visit
guard.py      the private folder, and that it is gone again whatever happens
bringing.py   the package into the folder
running.py    the order, what is told, the batches
fetched.py    whether a batch is what was asked for
visiting.py   all of it in turn
channel.py    a command on the host, and what the record says of it
"""

from agent.remote.visit.running import Visit, Visited
from agent.remote.visit.survey import Kind, Survey, survey
from agent.remote.visit.visiting import by_forced, by_package

__all__ = ["Kind", "Survey", "Visit", "Visited", "by_forced", "by_package", "survey"]
