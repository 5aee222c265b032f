"""Replication as SHOW REPLICA STATUS and its older names tell it, without the texts of errors."""

from collections.abc import Mapping

from checks.api import Struct
from checks.databases import Database
from checks.errors import UnexpectedOutput
from checks.mysql._server import is_mariadb

REPLICA_STATUS = "SHOW REPLICA STATUS"
SLAVE_STATUS = "SHOW SLAVE STATUS"
ALL_SLAVES_STATUS = "SHOW ALL SLAVES STATUS"
MOST_CHANNELS = 100


class Channel(Struct, frozen=True):
    """One source that this server replicates from."""

    name: str
    """Name of the channel or connection; empty for the only one."""
    source: str
    """host:port."""
    io_running: str
    """Yes, No, Connecting, Preparing."""
    sql_running: str
    lag_seconds: float | None
    """None while a thread stands still."""
    delay_seconds: float
    """How far behind it is meant to stay (SQL_DELAY)."""
    io_error: int
    """Number of the last error; the words of it hold statements and values and stay behind."""
    sql_error: int
    gtid: bool | None
    """Whether positions are kept by GTID; None: the version can't."""


def channels(database: Database) -> tuple[Channel, ...]:
    """Return every source; none where the server is no replica. Raise a ProbeError."""
    rows = database.rows(query_for(database))
    found = [_channel(row) for row in rows[:MOST_CHANNELS]]
    # Group replication brings its members by channels that don't run otherwise.
    return tuple(each for each in found if not each.name.startswith("group_replication_"))


def query_for(database: Database) -> str:
    """Return how this engine and version is asked."""
    if is_mariadb(database):
        return ALL_SLAVES_STATUS if database.version >= (10, 0) else SLAVE_STATUS
    return REPLICA_STATUS if database.version >= (8, 0, 22) else SLAVE_STATUS


def _channel(row: Mapping[str, object]) -> Channel:
    def value(*names: str) -> object:
        for name in names:
            if name in row:
                return row[name]
        raise UnexpectedOutput("SHOW REPLICA STATUS", f"no column {names[0]}")

    lag = row.get("seconds_behind_source", row.get("seconds_behind_master"))
    host = value("source_host", "master_host")
    gtid: bool | None = None
    if "using_gtid" in row:
        gtid = str(row["using_gtid"]).lower() not in ("no", "")
    elif "auto_position" in row:
        gtid = _whole(row["auto_position"]) == 1
    return Channel(
        name=str(row.get("connection_name", row.get("channel_name", "")) or ""),
        source=f"{host}:{value('source_port', 'master_port')}",
        io_running=str(value("replica_io_running", "slave_io_running")),
        sql_running=str(value("replica_sql_running", "slave_sql_running")),
        lag_seconds=None if lag is None else float(_whole(lag)),
        delay_seconds=float(_whole(row.get("sql_delay", 0))),
        io_error=_whole(row.get("last_io_errno", 0)),
        sql_error=_whole(row.get("last_sql_errno", 0)),
        gtid=gtid,
    )


def _whole(value: object) -> int:
    try:
        return int(str(value or 0))
    except ValueError as error:
        raise UnexpectedOutput("SHOW REPLICA STATUS", f"{value!r} is no number") from error
