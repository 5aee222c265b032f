"""Processes of this host as /proc shows them; off Linux there is nothing to see."""

import os
from pathlib import Path


def identity(pid: int) -> str:
    """Return `pid start-time` of a process, which names it for this boot; empty if it is gone."""
    fields = _fields(pid)
    return f"{pid} {fields[19]}" if fields and fields[0] not in "ZX" else ""


def is_alive(process: str) -> bool:
    """Return whether the process with this identity is still there."""
    pid = process.partition(" ")[0]
    return pid.isdecimal() and identity(int(pid)) == process


def session_members(session: int) -> list[int]:
    """Return the living processes of a session (Linux; elsewhere the process group must do)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        fields = _fields(int(folder.name))
        if fields and int(fields[3]) == session and fields[0] not in "ZX":
            found.append(int(folder.name))
    return found


def children() -> list[int]:
    """Return the living children of this process (Linux; elsewhere none are seen)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        fields = _fields(int(folder.name))
        if fields and int(fields[1]) == os.getpid() and fields[0] not in "ZX":
            found.append(int(folder.name))
    return found


def _fields(pid: int) -> list[str]:
    """Return /proc/PID/stat from the state on; empty if the process is gone, or off Linux."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return []
    # pid (name) state ppid pgrp session ...; the name may hold anything, also brackets.
    return text.rpartition(")")[2].split()
