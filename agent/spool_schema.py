"""The tables of the spool.

Version 1 (unsigned batches, sealed as soon as an inspection ended) was never in the field: such a
file is set aside like a damaged one.
"""

VERSION = 2

BEFORE = "PRAGMA auto_vacuum = INCREMENTAL"
"""Takes only before anything is written; in a file that has content it costs a write."""

TABLES = (
    "CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # clock: the spool's own reckoning of time in seconds (agent/spool_clock.py).
    (
        "CREATE TABLE inspections (number INTEGER PRIMARY KEY, id TEXT NOT NULL, "
        "clock REAL NOT NULL, finished INTEGER NOT NULL DEFAULT 0, message BLOB NOT NULL)"
    ),
    # observed_at: microseconds since 1970 by the host's wall clock; facts: a digest of them.
    (
        "CREATE TABLE observations (number INTEGER PRIMARY KEY, inspection INTEGER NOT NULL, "
        "check_id TEXT NOT NULL, target TEXT NOT NULL, observed_at INTEGER NOT NULL, "
        "failed INTEGER NOT NULL, facts BLOB NOT NULL, size INTEGER NOT NULL, line BLOB NOT NULL)"
    ),
    "CREATE INDEX observations_of ON observations (inspection)",
    # gaps: those that the header of the batch tells, in case it is never handed over.
    (
        "CREATE TABLE batches (number INTEGER PRIMARY KEY, agent TEXT NOT NULL, "
        "epoch TEXT NOT NULL, seq INTEGER NOT NULL, digest TEXT NOT NULL, key_id TEXT NOT NULL, "
        "signature BLOB NOT NULL, inspection TEXT NOT NULL, clock REAL NOT NULL, "
        "observations INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, "
        "gaps BLOB NOT NULL, refusals INTEGER NOT NULL DEFAULT 0, refused_why TEXT, "
        "payload BLOB NOT NULL, UNIQUE (epoch, seq))"
    ),
    # observations: NULL where it is not known how many.
    (
        "CREATE TABLE gaps (loss TEXT PRIMARY KEY, observations INTEGER, batches INTEGER NOT NULL, "
        "first_at INTEGER NOT NULL, last_at INTEGER NOT NULL) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE remembered (check_id TEXT PRIMARY KEY, circumstances TEXT NOT NULL, "
        "line BLOB NOT NULL)"
    ),
)
