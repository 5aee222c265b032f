"""SQL Server: severe errors and refused logins in its error log, counted, never quoted."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    ok,
)
from checks.databases import Database
from checks.errors import UnexpectedOutput, part
from checks.judging import judged, missing
from checks.mssql import _log_searches as log
from checks.mssql._log_searches import Entry, LineRow
from checks.wording import count, duration
from wire.messages import Count, Seconds

DAYS = 30
MOST_LINES = 50_000
TOO_MANY = "more than"
"""What the port says of too many rows begins like this."""
_CORRUPTION = frozenset({605, 823, 824, 825, 832, log.SLOW_IO})
_OF_INTEREST = _CORRUPTION | {701, 802, 1105, 3041, 9002, 17883}
_LEAST_SEVERITY = 17
_Search = tuple[tuple[str, ...], Callable[[LineRow], Entry | None]]
"""Queries of which the first that finds something is enough, as a log has one language."""
_NEWEST: tuple[_Search, ...] = (
    ((log.ERRORS_0, log.CHINESE_ERRORS_0), log.error_of),
    ((log.SLOW_0,), log.slow_of),
    ((log.STALLED_0,), log.stalled_of),
)
_BEFORE: tuple[_Search, ...] = (
    ((log.ERRORS_1, log.CHINESE_ERRORS_1), log.error_of),
    ((log.SLOW_1,), log.slow_of),
    ((log.STALLED_1,), log.stalled_of),
)


class Errors(Struct, frozen=True):
    """How often an error was logged."""

    number: Count
    severity: Count
    times: Count
    newest_seconds: float
    """How long ago the newest was."""


class Refused(Struct, frozen=True):
    """How often logins were refused, by the state of error 18456."""

    state: Count
    times: Count


class Facts(Struct, frozen=True):
    """The log's last 30 days, as far as it reaches."""

    covered_seconds: Seconds
    """How far the logs that were read go back, at most 30 days."""
    errors: tuple[Errors, ...] | Failure
    refused_logins: tuple[Refused, ...] | Failure
    flooded: bool
    """There are more refused logins than are counted: at least MOST_LINES."""


def probe(database: Database) -> Facts:
    """Have the server search its log, and the one before where it is needed. Raise a ProbeError."""
    now = database.rows(log.NOW, log.MomentRow)[0].moment
    since = now - timedelta(days=DAYS)
    begin = _begin(database.rows(log.BEGIN_0, LineRow, most=MOST_LINES))
    if begin is None:
        raise UnexpectedOutput("sp_readerrorlog", "the log has no beginning")
    searches, logins = _NEWEST, [log.LOGINS_0]
    if begin > since:
        # There may be no log before, as after the set-up.
        before = part(lambda: database.rows(log.BEGIN_1, LineRow, most=MOST_LINES))
        earlier = None if isinstance(before, Failure) else _begin(before)
        if earlier is not None:
            begin = earlier
            searches, logins = (*_NEWEST, *_BEFORE), [log.LOGINS_0, log.LOGINS_1]
    errors = part(lambda: _errors(_entries(database, searches, since), now))
    found = part(
        lambda: _refused(_entries(database, [((q,), log.error_of) for q in logins], since))
    )
    # Who guesses passwords from the internet writes more lines in a day than are read here.
    flooded = isinstance(found, Failure) and found.detail.startswith(TOO_MANY)
    covered = min((now - begin).total_seconds(), DAYS * 86400)
    return Facts(max(0.0, covered), errors, found, flooded)


def _begin(lines: Iterable[LineRow]) -> datetime | None:
    return min((line.logdate for line in lines), default=None)


def _entries(database: Database, searches: Iterable[_Search], since: datetime) -> Iterator[Entry]:
    for queries, read in searches:
        for line in _first_found(database, queries):
            entry = read(line)
            if entry is not None and entry.at >= since:
                yield entry


def _first_found(database: Database, queries: Iterable[str]) -> tuple[LineRow, ...]:
    for query in queries:
        if lines := database.rows(query, LineRow, most=MOST_LINES):
            return lines
    return ()


def _errors(entries: Iterable[Entry], now: datetime) -> tuple[Errors, ...]:
    of_number: dict[int, list[Entry]] = {}
    for entry in entries:
        if entry.number in _OF_INTEREST or entry.severity >= _LEAST_SEVERITY:
            of_number.setdefault(entry.number, []).append(entry)
    return tuple(
        Errors(
            number,
            max(each.severity for each in of_one),
            len(of_one),
            (now - max(each.at for each in of_one)).total_seconds(),
        )
        for number, of_one in sorted(of_number.items())
    )


def _refused(entries: Iterable[Entry]) -> tuple[Refused, ...]:
    states = Counter(each.state for each in entries if each.number == log.LOGIN_FAILED)
    return tuple(Refused(state, times) for state, times in sorted(states.items()))


class ErrorThresholds(Thresholds, frozen=True):
    """How often is too often; damage and failing I/O are critical from the first time."""

    warning_times: Annotated[int, limit("times in 30 d", "DI, FRK: any")] = 1
    critical_severity: Annotated[
        int, limit("severity", "MS: 23 and 24 are damaged databases and hardware")
    ] = 23


class LoginThresholds(Thresholds, frozen=True):
    """Refused logins of 30 days."""

    warning_times: Annotated[int, limit("times in 30 d", "OWN")] = 100
    critical_times: Annotated[int, limit("times in 30 d", "OWN")] = 1000


_MEANINGS = {
    605: Text("页面分配错误，数据可能已损坏", "wrong page: the data may be damaged"),
    701: Text("内存不足", "out of memory"),
    802: Text("缓冲池内存不足", "out of buffer memory"),
    823: Text("操作系统 I/O 错误", "the operating system's I/O failed"),
    824: Text("页面逻辑校验失败，数据已损坏", "a damaged page was read"),
    825: Text("读取重试后才成功，磁盘即将故障", "a read succeeded only when tried again"),
    832: Text("内存中的页面被改写，内存可能有故障", "a page changed in memory: faulty memory"),
    833: Text("I/O 请求超过 15 秒未完成", "I/O took longer than 15 seconds"),
    1105: Text("文件组空间已满", "a filegroup is full"),
    3041: Text("备份失败", "a backup failed"),
    9002: Text("事务日志已满", "the transaction log is full"),
    17883: Text("调度程序长时间无响应", "a scheduler did not go on"),
}
_OTHER = Text("严重错误", "a severe error")


def errors(facts: Facts, thresholds: ErrorThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge every error of the log that a person should see."""
    if isinstance(facts.errors, Failure):
        yield from missing(facts.errors)
        return
    reference = Text(f"{DAYS} 天内无", f"none in {DAYS} days")
    bad = False
    for each in facts.errors:
        if each.times < thresholds.warning_times and each.number not in _CORRUPTION:
            continue
        bad = True
        worst = each.number in _CORRUPTION or each.severity >= thresholds.critical_severity
        message = Text(
            "错误日志中近 {span}内出现错误 {number}（严重级别 {severity}，{meaning}）{times} 次，"
            "最近一次在 {age}前。",
            "The error log has error {number} (severity {severity}, {meaning}) {times} times in "
            "the last {span}, last {age} ago.",
        ).format(
            span=duration(facts.covered_seconds),
            number=each.number,
            severity=each.severity,
            meaning=_MEANINGS.get(each.number, _OTHER),
            times=each.times,
            age=duration(each.newest_seconds),
        )
        state = State.CRITICAL if worst else State.WARNING
        times = count(each.times, "次", "times")
        yield Verdict(str(each.number), state, times, reference, message)
    if not bad:
        current = Text("近 {span}内无", "none in {span}")
        yield ok("", current.format(span=duration(facts.covered_seconds)), reference)


_STATES = {
    2: Text("登录名不存在", "no such login"),
    5: Text("登录名不存在", "no such login"),
    7: Text("登录名已禁用", "login disabled"),
    8: Text("密码错误", "wrong password"),
    18: Text("须先修改密码", "password must be changed"),
    38: Text("指定的数据库不存在或无权访问", "no such database, or no access"),
    40: Text("默认数据库无法打开", "no access to the default database"),
    58: Text("仅允许 Windows 身份验证", "Windows authentication only"),
}
_STATE = Text("状态 {state}", "state {state}")


def logins(facts: Facts, thresholds: LoginThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge how many logins were refused."""
    if facts.flooded:
        message = Text(
            "错误日志中的登录失败（18456）超过 {number} 行：有人正在猜密码，或程序在反复重试。",
            "The error log has more than {number} lines of refused logins (18456): somebody is "
            "guessing passwords, or a program tries again and again.",
        ).format(number=MOST_LINES)
        least = Text(f"> {MOST_LINES} 次", f"> {MOST_LINES} times")
        reference = count(thresholds.warning_times, "次以内", "times at most")
        yield critical("", least, reference, message)
        return
    if isinstance(facts.refused_logins, Failure):
        yield from missing(facts.refused_logins)
        return
    number = sum(each.times for each in facts.refused_logins)
    most = sorted(facts.refused_logins, key=lambda each: -each.times)[:5]
    words = [
        Text("{why} {times} 次", "{why} {times} times").format(
            why=_STATES.get(each.state, _STATE.format(state=each.state)), times=each.times
        )
        for each in most
    ]
    yield judged(
        "",
        number,
        thresholds.warning_times,
        thresholds.critical_times,
        show=lambda value: count(int(value), "次", "times"),
        message=Text(
            "近 {span}内登录失败（18456）{number} 次：{kinds}。",
            "{number} logins were refused (18456) in the last {span}: {kinds}.",
        ).format(
            span=duration(facts.covered_seconds),
            number=number,
            kinds=Text("、".join(each.zh for each in words), ", ".join(each.en for each in words)),
        ),
    )


CHECK = Check(
    title=Text("SQL Server 错误日志", "SQL Server error log"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    deadline_seconds=120,
    reads=("sys.sp_readerrorlog",),
    privilege=Text(
        "2022 及以上：VIEW ANY ERROR LOG；2019 及以下：VIEW SERVER STATE，若被拒绝，"
        "再加 master 中 xp_readerrorlog 的 EXECUTE",
        "2022 and newer: VIEW ANY ERROR LOG; 2019 and older: VIEW SERVER STATE and, where that is "
        "refused, EXECUTE on xp_readerrorlog in master",
    ),
    rules=(
        Rule(
            code="MSSQL-038",
            title=Text("错误日志中的严重错误", "Severe errors in the log"),
            why=Text(
                "数据页损坏、磁盘 I/O 异常、日志写满和备份失败都会最先写进错误日志，比用户报障早。",
                "Damaged pages, failing disks, full logs and failed backups are written there "
                "before any user calls.",
            ),
            remedy=Text(
                "用 sp_readerrorlog 0, 1, N'错误号' 查看原文。823/824/825/605：立即确认有可用备份，"
                "运行 DBCC CHECKDB 并检查磁盘、阵列和驱动，不要直接用 REPAIR_ALLOW_DATA_LOSS；"
                "9002/1105：释放或扩充空间；3041：修复备份作业；833：排查存储。",
                "Read the words with sp_readerrorlog 0, 1, N'NUMBER'. 823, 824, 825, 605: make "
                "sure "
                "of a good backup at once, run DBCC CHECKDB, look at disks, array and drivers, and "
                "don't reach for REPAIR_ALLOW_DATA_LOSS. 9002, 1105: free or add room. 3041: mend "
                "the backup job. 833: look at the storage.",
            ),
            priority=1,
            thresholds=ErrorThresholds,
            evaluate=errors,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="MSSQL-039",
            title=Text("登录失败次数", "Refused logins"),
            why=Text(
                "大量登录失败不是有人在猜密码，就是某个程序还在用旧密码。",
                "Many refused logins are somebody guessing passwords, or a program with an old "
                "one.",
            ),
            remedy=Text(
                "在错误日志中查看失败来源的客户端地址；不明来源在防火墙上封禁 1433 端口的访问，"
                "内部程序则改正其保存的密码；不要把数据库端口开放到公网。",
                "Find the clients' addresses in the error log; close port 1433 to unknown ones at "
                "the firewall, put right the password that a program of your own has stored, and "
                "never open the port to the internet.",
            ),
            priority=3,
            thresholds=LoginThresholds,
            evaluate=logins,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
