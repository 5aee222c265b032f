"""PostgreSQL: how often the server's log tells of panics, damage and errors, by SQLSTATE."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Host,
    Owner,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    grade,
    info,
    limit,
    ok,
)
from checks.databases import Database
from checks.errors import NotApplicable, NotPermitted, UnexpectedOutput, Unsupported
from checks.postgresql._server_log import Count, Line, counted, of_csv, of_json, of_text
from checks.wording import count, listing

LOG = """
SELECT current_setting('logging_collector') AS collector,
       current_setting('log_line_prefix') AS prefix,
       current_setting('cluster_name') AS cluster_name,
       (SELECT s.setting FROM pg_settings s WHERE s.name = 'data_directory') AS data_directory,
       to_char((now() - interval '1 day') AT TIME ZONE current_setting('log_timezone'),
               'YYYY-MM-DD HH24:MI:SS') AS since
"""

LOG_FILES = """
SELECT NULL::text AS json_log, pg_current_logfile('csvlog') AS csv_log,
       pg_current_logfile('stderr') AS text_log
"""

LOG_FILES_15 = """
SELECT pg_current_logfile('jsonlog') AS json_log, pg_current_logfile('csvlog') AS csv_log,
       pg_current_logfile('stderr') AS text_log
"""

_MOST_BYTES = 3 * 2**20
_DEBIAN = "/var/log/postgresql/postgresql-{version}-{name}.log"


class Place(Struct, frozen=True):
    """A row of LOG."""

    collector: str
    prefix: str
    cluster_name: str
    since: str
    data_directory: str | None = None


class Files(Struct, frozen=True):
    """A row of LOG_FILES: where the server writes now, from its data directory on."""

    json_log: str | None = None
    csv_log: str | None = None
    text_log: str | None = None


class Facts(Struct, frozen=True):
    """The errors of the last day, of the file that is written now, at most its last 3 MiB."""

    counts: tuple[Count, ...]
    since: str
    """The first line counted, in the log's time zone; '' where its lines have no time."""
    states: bool
    """The log has SQLSTATEs."""


def probe(database: Database) -> Facts:
    """Find the log by the server's settings and count its lines. Raise a ProbeError."""
    host = database.here
    if host is None:
        raise NotApplicable("server log", "the server is another host")
    place = database.rows(LOG, Place)[0]
    path, form = _path(database, place)
    if host.system != "linux":
        raise Unsupported(path)
    text = _end_of(host, path)
    lines: Iterator[Line]
    if form == "json":
        lines = of_json(text)
    else:
        lines = of_csv(text) if form == "csv" else of_text(text, place.prefix)
    found = counted(lines, place.since)
    if text.strip() and not found.lines:
        raise UnexpectedOutput(path, "no line begins as the settings say")
    return Facts(found.counts, found.since, form != "text" or "%e" in place.prefix)


def _path(database: Database, place: Place) -> tuple[str, str]:
    """Return the file that the server writes into, and its form."""
    if place.collector != "on":
        version, _, name = place.cluster_name.partition("/")
        if not name or "/" in name or not version.replace(".", "").isdecimal():
            raise Unsupported("server log", "logging_collector is off: only its start script knows")
        # What Debian's start script names it.
        return _DEBIAN.format(version=version, name=name), "text"
    query = LOG_FILES_15 if database.version >= (15,) else LOG_FILES
    files = database.rows(query, Files)[0]
    for file, form in ((files.json_log, "json"), (files.csv_log, "csv"), (files.text_log, "text")):
        if file is None:
            continue
        if file.startswith("/"):
            return file, form
        if place.data_directory is None:
            raise NotPermitted("data_directory", "GRANT pg_read_all_settings")
        return f"{place.data_directory}/{file}", form
    raise Unsupported("server log", "log_destination names no file")


def _end_of(host: Host, path: str) -> str:
    # It says whether the file may be read; `tail` would only fail.
    host.read_bytes(path, limit_bytes=1)
    return host.run("tail", "-c", str(_MOST_BYTES), "--", path).text


class LogThresholds(Thresholds, frozen=True):
    """Lines within a day."""

    critical_panics: Annotated[int, limit("lines", "catalogue PG-036: PANIC")] = 1
    critical_damages: Annotated[int, limit("lines", "OWN: XX001, XX002, 58030, 53100")] = 1
    warning_shortages: Annotated[int, limit("lines", "OWN: 53200, 53300")] = 1
    critical_shortages: Annotated[int, limit("lines", "OWN: again and again")] = 100


_STATES = {
    "XX001": Text("数据损坏", "data corrupted"),
    "XX002": Text("索引损坏", "index corrupted"),
    "58030": Text("磁盘读写错误", "I/O error"),
    "53100": Text("磁盘已满", "disk full"),
    "53200": Text("内存不足", "out of memory"),
    "53300": Text("连接数已满", "too many connections"),
}
_DAMAGES = ("XX001", "XX002", "58030", "53100")
_PANICKED = Text(
    "服务器日志自 {since} 起有 {count} 条 PANIC：整个实例因此重启过。",
    "Since {since} the log has {count} lines of PANIC: the whole server restarted.",
)
_TOLD = Text(
    "服务器日志自 {since} 起有 {count} 条 {state}（{meaning}）。",
    "Since {since} the log has {count} lines of {state} ({meaning}).",
)
_ERRORS = Text(
    "服务器日志自 {since} 起有 {fatal} 条 FATAL、{error} 条 ERROR{states}。",
    "Since {since} the log has {fatal} lines of FATAL and {error} of ERROR{states}.",
)
_BY_STATE = Text("，按 SQLSTATE：{names}", "; by SQLSTATE: {names}")
_NO_STATES = Text(
    "（log_line_prefix 中没有 %e，无法按 SQLSTATE 分类）",
    " (not by SQLSTATE: log_line_prefix has no %e)",
)
_BEGINNING = Text("文件开头", "its beginning")
_ZERO = Text("0 条", "0 lines")


def classes(facts: Facts, thresholds: LogThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge panics and alarming SQLSTATEs; list the other errors."""
    since: Text | str = facts.since or _BEGINNING
    panics = _sum(facts, "PANIC")
    grave = grade(panics, thresholds.critical_panics, thresholds.critical_panics)
    message = _PANICKED.format(since=since, count=panics)
    yield _verdict("PANIC", grave, panics, message)
    for state, meaning in _STATES.items():
        number = sum(each.lines for each in facts.counts if each.state == state)
        if state in _DAMAGES:
            worst = grade(number, thresholds.critical_damages, thresholds.critical_damages)
        else:
            worst = grade(number, thresholds.warning_shortages, thresholds.critical_shortages)
        if worst is not State.OK:
            told = _TOLD.format(since=since, count=number, state=state, meaning=meaning)
            yield _verdict(state, worst, number, told)
    yield _others(facts, since)


def _others(facts: Facts, since: Text | str) -> Verdict:
    fatal, error = _sum(facts, "FATAL"), _sum(facts, "ERROR")
    current = count(fatal + error, "条", "lines")
    if not fatal + error:
        return ok("ERROR", current, _ZERO)
    names = [f"{each.state}×{each.lines}" for each in facts.counts if each.state]
    states = _BY_STATE.format(names=listing(names, 10)) if facts.states else _NO_STATES
    message = _ERRORS.format(since=since, fatal=fatal, error=error, states=states)
    return info("ERROR", current, _ZERO, message)


def _verdict(object: str, state: State, number: int, message: Text) -> Verdict:
    current = count(number, "条", "lines")
    return Verdict(object, state, current, _ZERO, None if state is State.OK else message)


def _sum(facts: Facts, level: str) -> int:
    return sum(each.lines for each in facts.counts if each.level == level)


CHECK = Check(
    title=Text("PostgreSQL 服务器日志", "PostgreSQL server log"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="postgresql",
    reads=(
        "pg_settings, pg_current_logfile()",
        "the server's log file (severities and SQLSTATEs are counted, texts are not kept)",
        "tail -c",
    ),
    privilege=Text(
        "角色 pg_monitor；对日志文件有读权限（如 adm 组）",
        "role pg_monitor; the right to read the log file (such as the group adm)",
    ),
    rules=(
        Rule(
            code="PG-036",
            title=Text("服务器日志错误分类", "Errors in the server's log"),
            why=Text(
                "日志最早说出问题：PANIC 是整个实例崩溃，数据或索引损坏、磁盘写满都先在这里出现。",
                "The log is the first to tell: a PANIC takes the whole server down; damage and a "
                "full disk show here before anywhere else.",
            ),
            remedy=Text(
                "在服务器上按时间和 SQLSTATE 打开日志看原文：XX001、XX002 停写并从备份核对恢复，"
                "58030 查磁盘，53100 腾空间，53300 查连接池。平时把 %e 写进 log_line_prefix，"
                "或改用 csvlog。",
                "Read the lines on the server by time and SQLSTATE: for XX001 and XX002 stop "
                "writing and compare with a backup, for 58030 look at the disk, for 53100 make "
                "room, for 53300 look at the pool. Put %e into log_line_prefix, or use csvlog.",
            ),
            priority=3,
            thresholds=LogThresholds,
            evaluate=classes,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
