"""What the spool keeps beside the observations on their way: readings, processes, the pause."""

import msgspec

from agent.pause import Pause
from agent.spool_database import SpoolDatabase
from wire.messages import Observation


def pause(database: SpoolDatabase) -> Pause | None:
    """Return the pause that was set last; None if none was, or it can't be read."""
    noted = _noted(database, "pause")
    try:
        return None if noted is None else msgspec.json.decode(noted, type=Pause)
    except msgspec.DecodeError:
        return None  # One attempt too early does less harm than none at all.


def set_pause(database: SpoolDatabase, pause: Pause | None) -> None:
    """Keep a pause, or none."""
    if pause is None:
        database.write(lambda: database.execute("DELETE FROM notes WHERE name = 'pause'"))
    else:
        noted = msgspec.json.encode(pause).decode()
        database.write(lambda: database.note("pause", noted))


def remember(database: SpoolDatabase, observation: Observation, circumstances: str) -> None:
    """Keep an observation in place of an earlier one of its check."""
    row = (observation.check, circumstances, msgspec.json.encode(observation))
    database.write(
        lambda: database.execute("INSERT OR REPLACE INTO remembered VALUES (?, ?, ?)", *row)
    )


def remembered(database: SpoolDatabase, check_id: str, circumstances: str) -> Observation | None:
    """Return what was remembered of a check under just these circumstances."""
    rows = database.rows(
        "SELECT line FROM remembered WHERE check_id = ? AND circumstances = ?",
        *(check_id, circumstances),
    )
    try:
        return msgspec.json.decode(rows[0][0], type=Observation) if rows else None
    except msgspec.DecodeError:
        return None  # It can be read again: no reason to call the spool damaged.


def left_behind(database: SpoolDatabase) -> dict[str, str]:
    """Return the processes that could not be killed, by check."""
    noted = _noted(database, "left_behind")
    return {} if noted is None else msgspec.json.decode(noted, type=dict[str, str])


def leave_behind(database: SpoolDatabase, check_id: str, process: str) -> None:
    """Note a process that could not be killed, in place of an earlier one of its check."""
    noted = msgspec.json.encode(left_behind(database) | {check_id: process}).decode()
    database.write(lambda: database.note("left_behind", noted))


def _noted(database: SpoolDatabase, name: str) -> str | None:
    rows = database.rows("SELECT value FROM notes WHERE name = ?", name)
    return str(rows[0][0]) if rows else None
