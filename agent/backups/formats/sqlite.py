"""Files of SQLite: as long as their header says, and with nothing that integrity_check finds.

Its exit code is 0 also where it finds something: the answer has to be `ok` and nothing else.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote_from_bytes

from agent.backups.formats.format import Format, Structure, failed, passed, unproven
from agent.backups.kind import Budget, Source
from agent.backups.streaming import BUDGET, Seen
from checks.errors import TimedOut, Unsupported

_MAGIC = b"SQLite format 3\0"
_METHOD = "PRAGMA integrity_check"
_ASK_CLOCK_EVERY = 100_000
_LONGEST_WORDS = 1000


def _recognises(head: bytes) -> bool:
    return head.startswith(_MAGIC)


def _judge(_source: Source, seen: Seen, budget: Budget) -> Structure:
    if seen.coding:
        return unproven(_METHOD, Unsupported("SQLite", f"inside of {seen.coding}").failure())
    # Immutable: nothing is locked, and no file is made beside it.
    address = f"file:{quote_from_bytes(os.fsencode(seen.path))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            database.set_progress_handler(lambda: int(budget.left_seconds() <= 0), _ASK_CLOCK_EVERY)
            pages = database.execute("PRAGMA page_count").fetchone()[0]
            page_bytes = database.execute("PRAGMA page_size").fetchone()[0]
            answer = [str(row[0]) for row in database.execute("PRAGMA integrity_check")]
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            raise TimedOut(BUDGET, "the time of this run ended during integrity_check") from error
        return failed(_METHOD, str(error))
    if pages * page_bytes != seen.stamp.bytes:
        return failed(
            _METHOD,
            f"{pages} pages of {page_bytes} bytes are {pages * page_bytes} bytes, "
            f"but it has {seen.stamp.bytes}",
        )
    if answer != ["ok"]:
        return failed(_METHOD, "; ".join(answer)[:_LONGEST_WORDS])
    if _has_log(seen.path):
        return passed(_METHOD, "without what its -wal file beside it holds")
    return passed(_METHOD)


def _has_log(path: str) -> bool:
    try:
        return Path(f"{path}-wal").stat().st_size > 0
    except OSError:
        return False


FORMAT = Format(name="SQLite", declared=("sqlite",), recognises=_recognises, judge=_judge)
