"""Free work on a host: a shell, each byte of which is in the record before it is passed on.

command.py    `remote shell`: the session around it
holding.py    the loop between the engineer's terminal and the host
starting.py   the shell at the other side, with a terminal or without
near.py       the engineer's side: terminal or pipes, signals
escapes.py    ~. at the start of a line
watch.py      the end of the grant, the collector's no, silence
texts.py      what it says
"""
