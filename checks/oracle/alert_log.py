"""Oracle: errors of the alert log within a week, counted by their number; their texts stay there.

v$diag_alert_ext is documented from 12.2 on; older releases have it, too, but need not show it to
others than SYS. It reads the log's files: a heavy reading.

From the reference; no Oracle has run this query for us yet.
"""

import re
from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    ok,
    warning,
)
from checks.databases import Database
from checks.wording import count, duration

ERRORS = """
SELECT REGEXP_SUBSTR(message_text, 'ORA-[0-9]+') AS code, COUNT(*) AS times,
       (CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS DATE)
        - CAST(SYS_EXTRACT_UTC(MAX(originating_timestamp)) AS DATE)) * 86400 AS last_seconds
FROM v$diag_alert_ext
WHERE originating_timestamp > SYSTIMESTAMP - INTERVAL '7' DAY
  AND message_text LIKE '%ORA-%'
GROUP BY REGEXP_SUBSTR(message_text, 'ORA-[0-9]+')
"""
_MOST = 100


class ErrorRow(Struct, frozen=True):
    """One number of an error, as the log writes it: ORA-600 and ORA-00600 are alike."""

    code: str | None
    times: int
    last_seconds: float


class Facts(Struct, frozen=True):
    """Errors of seven days, by number."""

    errors: tuple[ErrorRow, ...]


def probe(database: Database) -> Facts:
    """Ask the alert log. Raise a ProbeError."""
    found: dict[str, ErrorRow] = {}
    for row in database.rows(ERRORS, ErrorRow):
        digits = re.search(r"\d+", row.code or "")
        if digits is None:
            continue
        code = f"ORA-{int(digits.group()):05d}"
        before = found.get(code)
        found[code] = ErrorRow(
            code,
            row.times + (before.times if before else 0),
            min(row.last_seconds, before.last_seconds) if before else row.last_seconds,
        )
    ordered = sorted(found.values(), key=lambda row: (-row.times, row.code or ""))
    return Facts(tuple(ordered[:_MOST]))


class ErrorThresholds(Thresholds, frozen=True):
    """Which numbers weigh how much."""

    critical_codes: Annotated[
        tuple[str, ...], limit("error numbers", "fastdbchkrep 5.3; catalogue ORA-011")
    ] = ("ORA-00600", "ORA-07445", "ORA-01578")
    ignored_codes: Annotated[
        tuple[str, ...], limit("error numbers", "OWN: a session killed or cancelled on purpose")
    ] = ("ORA-00028", "ORA-01013")


def errors(facts: Facts, thresholds: ErrorThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge each number of an error."""
    reference = Text("7 天内无", "none within 7 days")
    judged = 0
    for row in facts.errors:
        code = row.code or ""
        if code in thresholds.ignored_codes:
            continue
        judged += 1
        message = Text(
            "告警日志 7 天内出现 {code} {times} 次，最近一次在 {age}前。",
            "The alert log names {code} {times} times within 7 days, last {age} ago.",
        ).format(code=code, times=row.times, age=duration(row.last_seconds))
        current = count(row.times, "次", "times")
        state = critical if code in thresholds.critical_codes else warning
        yield state(code, current, reference, message)
    if not judged:
        yield ok("", reference, reference)


CHECK = Check(
    title=Text("Oracle 告警日志", "Oracle alert log"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="oracle",
    heavy=True,
    deadline_seconds=120,
    reads=("v$diag_alert_ext",),
    privilege=Text(
        "CREATE SESSION，以及对 V_$DIAG_ALERT_EXT 的 SELECT",
        "CREATE SESSION, and SELECT on V_$DIAG_ALERT_EXT",
    ),
    rules=(
        Rule(
            code="ORA-011",
            title=Text("告警日志错误", "Errors of the alert log"),
            why=Text(
                "ORA-600、ORA-7445 是内部错误，ORA-1578 是坏块；它们往往在故障前几天就已出现。",
                "ORA-600 and ORA-7445 are internal errors, ORA-1578 is a corrupt block; they often "
                "show days before the failure.",
            ),
            remedy=Text(
                "在 alert_实例名.log 中查看前后文和跟踪文件，用 adrci 打包后在 MOS 提交 SR；"
                "坏块立即用 RMAN VALIDATE 检查范围。",
                "Read what stands around it in alert_SID.log and the trace files, pack them with "
                "adrci for a service request; for corrupt blocks run RMAN VALIDATE at once.",
            ),
            priority=1,
            thresholds=ErrorThresholds,
            evaluate=errors,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
