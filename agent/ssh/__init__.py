"""The agent's one way over SSH: a pinned host key, one credential, a deadline on everything.

connecting.py   connect and sign in (sign_in.py)
connection.py   run a command
files.py        list and read over SFTP
host_keys.py    the keys that the settings pin
library.py      paramiko, which is loaded when it is first needed
watchdog.py     what ends a connection that has gone silent
"""
