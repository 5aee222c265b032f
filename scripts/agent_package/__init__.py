"""Builds the package that a remote inspection brings to a host: the agent with an interpreter.

wheels.py      what is brought by pip, pinned by hash
contents.py    what of it goes in, and where it goes
compiling.py   pure Python to one archive of compiled modules (a process of its own)
launcher.py    the executable: an interpreter for old systems, and start.c in front of its main
linking.py     what ELF files want of a system: read, changed, stripped
licences.py    the licence texts of all that is shipped
archive.py     the .tar.gz, the same bytes for the same content
start.c, start.py   the first that runs on the host, in C and in Python

`scripts/agent-package` installs what this needs and runs it. docs/agent-package.md says the rest.
"""
