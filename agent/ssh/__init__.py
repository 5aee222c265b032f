"""The agent's one way over SSH: a pinned host key, named credentials, a deadline on everything.

connecting.py   connect, by way of jump hosts (dialing.py, line.py, algorithms.py) and sign in
host_keys.py    what a server's key is compared with
credentials.py  what to sign in with, and who is asked for the rest
sign_in.py      the steps that a server wants (dialogue.py: keyboard-interactive)
connection.py   a connection that is signed in: run a command
running.py      a command or a shell while it runs, bytes both ways
files.py        list and read over SFTP
library.py      paramiko, which is loaded when it is first needed
showing.py      what a server says, fit for a terminal
watchdog.py     what ends a connection that has gone silent
"""
