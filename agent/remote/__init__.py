"""An agent on a host where none is installed: under a grant, with a record (design.md §4).

person.py, trust.py      the engineer's key, and whom he believes
authority.py             the grant, verified, and what it permits here
session.py, record.py    one session: its folder, its key, its record
order.py, lines.py       what is asked of a host, and how both sides talk
visit/                   the package: survey, guard, bring, run, fetch
answering.py             the other side of it, on the host
agentless/               probes over the channel
shell/                   free work, recorded
"""
