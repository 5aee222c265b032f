"""An agent on a host where none is installed: under a grant, with a record (design.md §4).

The workstation:
home.py, person.py, trust.py    its folder, the engineer's key, and whom he believes
authority.py                    the grant, verified, and what it permits here
target.py, way.py, prompting.py where to, over which keys and jump hosts, what a person is asked
session.py, folder.py           one session: opened, recorded, closed; its files
recorder.py, record_file.py     its record, durable before anything goes out
asking.py                       what the collector says of it, signed
mending.py, delivering.py, bundling.py   what is left is closed, handed over, or written to files
inspecting.py, inventory.py, wishes.py   one host or many, and what is wanted of each
one_host.py, reading.py         a host from beginning to end; read in the best way that it lets us
order.py, lines.py              what is asked of a host, and how both sides talk
visit/                          the package: survey, guard, bring, run, fetch
agentless/                      probes over the channel
shell/                          free work, recorded

The host: answering.py, permission.py, ear.py, mouth.py.
"""
