"""Dumps of Oracle: exp has a text at its start, Data Pump has none; the log beside it says more.

Neither the end nor any checksum can be read without a database, so what is proven here is little:
a log that tells of errors is a failure, a good one proves nothing of the bytes.
"""

import math
import os
from collections import Counter
from pathlib import Path

from agent.backups.formats.format import Format, Structure, beyond_us, failed
from agent.backups.kind import Budget, Source
from agent.backups.refusals import refusals
from agent.backups.streaming import Seen

_CLASSIC = b"EXPORT:V"
_WITHIN = 256
_LOG_BYTES = 2**16
_MOST_ZEROS = 2**17
_RANDOM_BITS = 7.5
"""Bits a byte in the first 4 KiB: a header with padding has few, what is encrypted has 7.9."""
_GOOD = (
    "successfully completed",
    "terminated successfully without warnings",
    "成功完成",
    "成功终止导出, 没有出现警告",
    "成功终止导出，没有出现警告",
)
_METHOD = "header, log"


def _recognises(head: bytes) -> bool:
    return _CLASSIC in head[:_WITHIN]


def _is_data_pump(head: bytes) -> bool:
    """Only the settings tell Data Pump: its header has no magic. Random bytes are none."""
    return False if not head else bits_a_byte(head[:4096]) < _RANDOM_BITS


def bits_a_byte(data: bytes) -> float:
    """Return the entropy of bytes: 8 for random ones."""
    total = len(data)
    if not total:
        return 0.0
    return -sum(count / total * math.log2(count / total) for count in Counter(data).values())


def _judge(_source: Source, seen: Seen, _budget: Budget) -> Structure:
    if seen.ends_with_zeros > _MOST_ZEROS:
        return failed(_METHOD, f"its last {seen.ends_with_zeros} bytes are zero: preallocated only")
    log = _log_of(seen.path)
    classic = "EXPORT" if _CLASSIC in seen.head[:_WITHIN] else "Data Pump"
    if log is None:
        return beyond_us(
            _METHOD, "impdp", f"{classic}, {seen.content_bytes} bytes; no log beside it"
        )
    last = next((line for line in reversed(log.splitlines()) if line.strip()), "").strip()
    if not any(words in last for words in _GOOD) or "unsuccessfully" in last:
        said = f"the last line of its log is `{last[:300]}`" if last else "its log is empty"
        return failed(_METHOD, said)
    return beyond_us(
        _METHOD,
        "impdp",
        f"{classic}, {seen.content_bytes} bytes, its log says `{last[:200]}`; its bytes can only "
        "be read by a database",
    )


def _log_of(path: str) -> str | None:
    """Return the end of the log beside a dump; None: there is none."""
    stem = str(Path(path).with_suffix(""))
    for suffix in (".log", ".LOG"):
        log = stem + suffix
        if Path(log).is_file() and not Path(log).is_symlink():
            with refusals(log), Path(log).open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_BYTES))
                content = file.read(_LOG_BYTES)
            try:
                return content.decode("utf-8")
            except UnicodeDecodeError:
                return content.decode("gb18030", "replace")
    return None


CLASSIC = Format(
    name="Oracle exp", declared=("oracle", "dmp", "exp"), recognises=_recognises, judge=_judge
)
DATA_PUMP = Format(
    name="Oracle Data Pump",
    declared=("oracle", "dmp", "expdp"),
    recognises=_is_data_pump,
    judge=_judge,
)
