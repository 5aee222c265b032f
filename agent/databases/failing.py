"""What a driver's error means: by SQLSTATE and native number, as classes and words differ."""

import re

from agent import redaction
from checks.errors import (
    LoginRefused,
    NotPermitted,
    ProbeError,
    TimedOut,
    ToolMissing,
    UnexpectedOutput,
    Unreachable,
    Unsupported,
)

_NATIVE = re.compile(r"\((-?\d+)\)(?= \(SQL|; \[|$)")
"""Where pyodbc puts it: behind the words of each message, before the call that failed."""
_ORACLE = re.compile(r"(?:ORA|DPY|TNS)-(\d{5})")
_MOST_CHARACTERS = 500

_NO_DRIVER = ("IM002", "IM003", "IM004")
_TIMEOUT = ("HYT00", "HYT01", "S1T00", "57014", "55P03")
_LOGIN = ("28000", "28P01")
_REFUSED = ("42501",)
_UNKNOWN = ("42S02", "42S22", "42P01", "42703", "42883", "0A000")
_BUSY = ("57P01", "57P02", "57P03", "53300")

_NUMBERS: dict[type[ProbeError], frozenset[int]] = {
    LoginRefused: frozenset(
        # SQL Server: login failed, disabled, locked, password expired, must change, no such
        # database for this login. MySQL and MariaDB: 1045, 1044 at connecting, 1820, 1862, 3118,
        # 4151. 达梦: wrong user or password. KingbaseES and PostgreSQL have states.
        {18452, 18456, 18470, 18486, 18487, 18488, 4060, 4062, 1045, 1820, 1862, 3118, 4151, -2501}
    ),
    NotPermitted: frozenset(
        {229, 230, 262, 297, 300, 371, 916, 8189, 15151, 15247}
        | {1044, 1142, 1143, 1227, 1370, 1698}
        | {-5504}  # 达梦: no right to select
    ),
    TimedOut: frozenset({1222, 1205, 3024, 1969, 1317, 20003}),
    # 达梦: no such table or view, syntax that the build doesn't know.
    Unsupported: frozenset(
        {207, 208, 2812, 1054, 1109, 1146, 1193, 1305, 1064, 1289} | {-2106, -2007}
    ),
    Unreachable: frozenset(
        {2002, 2003, 2005, 2006, 2013, 1040, 20002, 20009, 10054, 10060, 10061}
        # FreeTDS: the connection broke in the middle of an answer.
        | {20004, 20006, 20017, 20047}
        # SQL Server: one database is offline, in single-user mode, a mirror, or on a secondary
        # replica that nobody may read.
        | {904, 921, 922, 924, 927, 942, 945, 954, 976, 978, 982, 983}
    ),
}
_ORACLE_NUMBERS: dict[type[ProbeError], frozenset[str]] = {
    LoginRefused: frozenset({"01017", "01045", "28000", "28001", "28002", "28009"}),
    NotPermitted: frozenset({"01031", "00990"}),
    # A view that was not granted looks like one that isn't there.
    Unsupported: frozenset({"00904", "00942", "00900"}),
    TimedOut: frozenset({"01013", "00054", "30006", "04021"}),
    Unreachable: frozenset(
        {"12154", "12170", "12505", "12514", "12537", "12541", "12543", "12545", "01033", "01034"}
        | {"01089", "01109", "03113", "03114", "03135", "12528"}
    ),
}
_WORDS: tuple[tuple[type[ProbeError], re.Pattern[str]], ...] = (
    # psqlodbc gives 08001 for whatever happens while connecting.
    (
        LoginRefused,
        re.compile(
            "password authentication failed|no password supplied|is not permitted to log in|"
            "role .* does not exist|no pg_hba.conf entry|permission denied for database|"
            "password has expired|authentication failed|database .* does not exist|"
            "Login failed|account is locked|用户名或密码错误",
            re.IGNORECASE,
        ),
    ),
    (ToolMissing, re.compile("Can't open lib|Data source name not found", re.IGNORECASE)),
    # 达梦 speaks the language of its client.
    (NotPermitted, re.compile("没有.*权限")),
    (Unsupported, re.compile("无效的(?:表或视图名|列名|模式名|方法名)")),
    (
        TimedOut,
        re.compile("timeout expired|timed out|statement timeout|lock timeout", re.IGNORECASE),
    ),
    (
        Unreachable,
        re.compile(
            "starting up|shutting down|in recovery mode|too many clients|Connection refused|"
            "could not translate host name|connection (reset|was closed)|server closed|"
            "网络通信异常",
            re.IGNORECASE,
        ),
    ),
)


def meaning(error: Exception, subject: str = "database", *, connecting: bool = False) -> ProbeError:
    """Return what an error of a driver says, with the driver's own words, cut and without secrets.

    `connecting`: it came before anything was asked, so that a refusal is one of the account and
    a time-out is a server that does not answer.
    """
    state = str(error.args[0]) if error.args else ""
    words = " ".join(redaction.clean(str(error.args[1] if len(error.args) > 1 else error)).split())
    kind = _kind(state, words)
    if connecting:
        if kind is NotPermitted:
            kind = LoginRefused
        elif kind in (TimedOut, UnexpectedOutput) and not state.startswith(("HYC", "IM")):
            kind = Unreachable
    if kind is ToolMissing:
        subject = "ODBC driver"
    detail = words[:_MOST_CHARACTERS]
    return kind(subject, f"{state} {detail}" if kind is UnexpectedOutput else detail)


def _kind(state: str, words: str) -> type[ProbeError]:
    by_words = [kind for kind, pattern in _WORDS if pattern.search(words)]
    if state in _NO_DRIVER or by_words[:1] == [ToolMissing]:
        return ToolMissing
    oracle = set(_ORACLE.findall(words))
    for kind, names in _ORACLE_NUMBERS.items():
        if oracle & names:
            return kind
    native = {int(number) for number in _NATIVE.findall(words.strip())}
    for kind, numbers in _NUMBERS.items():
        if native & numbers:
            return kind
    for kind, states in (
        (LoginRefused, _LOGIN),
        (NotPermitted, _REFUSED),
        (TimedOut, _TIMEOUT),
        (Unsupported, _UNKNOWN),
        (Unreachable, _BUSY),
    ):
        if state in states:
            return kind
    if by_words:
        return by_words[0]
    return Unreachable if state.startswith("08") else UnexpectedOutput
