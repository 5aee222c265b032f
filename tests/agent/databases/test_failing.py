"""What a driver's error means: drivers differ in classes and words, not in states and numbers.

The words are those that the drivers gave here (psqlodbc 13.02, MariaDB 3.1.15, FreeTDS 1.3.17,
msodbcsql 18.6), but for Oracle's, which are from its documentation.
"""

import pytest

from agent.databases.failing import meaning
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

ASKING = [
    (
        "42501",
        "[42501] ERROR: permission denied for table pg_authid (1) (SQLExecDirectW)",
        NotPermitted,
    ),
    ("42P01", '[42P01] ERROR: relation "nope" does not exist; (1) (SQLExecDirectW)', Unsupported),
    ("42703", '[42703] ERROR: column "nope" does not exist; (1) (SQLExecDirectW)', Unsupported),
    ("57014", "[57014] ERROR: canceling statement due to statement timeout; (1) (SQL)", TimedOut),
    (
        "55P03",
        "[55P03] ERROR: canceling statement due to lock timeout; (1) (SQLExecDirectW)",
        TimedOut,
    ),
    ("57P01", "[57P01] FATAL: terminating connection due to administrator command", Unreachable),
    (
        "HY018",
        "[HY018] [ma-3.1.15]interrupted (max_statement_time exceeded) (1969) (SQLExecDirectW)",
        TimedOut,
    ),
    ("HY000", "[HY000] [ma-3.1.15]Lock wait timeout exceeded (1205) (SQLExecDirectW)", TimedOut),
    (
        "42000",
        "[42000] [ma-3.1.15]SELECT command denied to user (1142) (SQLExecDirectW)",
        NotPermitted,
    ),
    (
        "42000",
        "[42000] [ma-3.1.15]Access denied; you need PROCESS (1227) (SQLExecDirectW)",
        NotPermitted,
    ),
    (
        "42S02",
        "[42S02] [ma-3.1.15]Table 'mysql.nope' doesn't exist (1146) (SQLExecDirectW)",
        Unsupported,
    ),
    ("HY000", "[HY000] [ma-3.1.15]Server has gone away (2006) (SQLExecDirectW)", Unreachable),
    (
        "42000",
        "[42000] [Microsoft][SQL Server]SELECT permission was denied (229) (SQLExecDirectW)",
        NotPermitted,
    ),
    ("42S02", "[42S02] [FreeTDS]Invalid object name 'x'. (208) (SQLExecDirectW)", Unsupported),
    ("HYT00", "[HYT00] [Microsoft]Query timeout expired (0) (SQLExecDirectW)", TimedOut),
    (
        "42000",
        "[42000] [Microsoft][SQL Server]Lock request time out period exceeded. (1222) (SQL)",
        TimedOut,
    ),
    (
        "HY000",
        "[HY000] [Oracle]ORA-00942: table or view does not exist (942) (SQLExecDirectW)",
        Unsupported,
    ),
    (
        "HY000",
        "[HY000] [Oracle]ORA-01031: insufficient privileges (1031) (SQLExecDirectW)",
        NotPermitted,
    ),
    ("HY000", "[HY000] something else", UnexpectedOutput),
]
CONNECTING = [
    (
        "08001",
        '[08001] failed: FATAL: password authentication failed for user "x" (101) (SQL)',
        LoginRefused,
    ),
    (
        "08001",
        '[08001] connection failed: FATAL: role "x" is not permitted to log in (101) (SQL)',
        LoginRefused,
    ),
    (
        "08001",
        "[08001] connection failed: FATAL: the database system is starting up (101) (SQL)",
        Unreachable,
    ),
    (
        "08001",
        "[08001] connection failed: FATAL: sorry, too many clients already (101) (SQL)",
        Unreachable,
    ),
    (
        "08001",
        "[08001] connection failed: Connection refused Is the server running (101) (SQL)",
        Unreachable,
    ),
    ("08001", "[08001] timeout expired (101) (SQL)", Unreachable),
    (
        "28000",
        "[28000] [ma-3.1.15]Access denied for user 'x'@'localhost' (1045) (SQLDriverConnect)",
        LoginRefused,
    ),
    (
        "42000",
        "[42000] [ma-3.1.15]Access denied for user 'x' to database 'y' (1044) (SQL)",
        LoginRefused,
    ),
    (
        "HY000",
        "[HY000] [ma-3.1.15]Your password has expired (1862) (SQLDriverConnect)",
        LoginRefused,
    ),
    (
        "HY000",
        "[HY000] [ma-3.1.15]Can't connect to server on '127.0.0.1' (111) (2002) (SQLDriverConnect)",
        Unreachable,
    ),
    (
        "28000",
        "[28000] [Microsoft]Login failed for user 'x'. (18456) (SQLDriverConnect)",
        LoginRefused,
    ),
    (
        "42000",
        "[42000] [FreeTDS]Login failed. The password has expired. (18487) (SQLDriverConnect)",
        LoginRefused,
    ),
    ("HYT00", "[HYT00] [Microsoft]Login timeout expired (0) (SQLDriverConnect)", Unreachable),
    ("HY000", "[HY000] ORA-01017: invalid username/password; logon denied", LoginRefused),
    ("HY000", "[HY000] ORA-28001: the password has expired", LoginRefused),
    ("HY000", "[HY000] ORA-12541: TNS:no listener", Unreachable),
    ("HY000", "[HY000] ORA-01033: ORACLE initialization or shutdown in progress", Unreachable),
    ("IM002", "[IM002] Data source name not found and no default driver specified", ToolMissing),
    ("01000", "[01000] Can't open lib 'libmsodbcsql-18.so' : file not found (0)", ToolMissing),
]


@pytest.mark.parametrize(("state", "words", "kind"), ASKING)
def test_an_error_of_a_query_is_told_by_state_and_number(
    state: str, words: str, kind: type[ProbeError]
) -> None:
    assert type(meaning(Exception(state, words))) is kind


@pytest.mark.parametrize(("state", "words", "kind"), CONNECTING)
def test_an_error_of_signing_in_is_one_of_the_account_or_of_the_way(
    state: str, words: str, kind: type[ProbeError]
) -> None:
    assert type(meaning(Exception(state, words), connecting=True)) is kind


def test_a_number_in_the_words_is_not_taken_for_the_servers() -> None:
    error = Exception("22012", "[22012] division by zero in line (229) of it (1) (SQLExecDirectW)")
    assert type(meaning(error)) is UnexpectedOutput


def test_the_words_are_one_line_cut_to_what_a_person_reads() -> None:
    found = meaning(Exception("HY000", "a\nb\t" + "c" * 2000))
    assert "\n" not in found.detail
    assert len(found.detail) < 600
