"""The real port over Microsoft's driver and FreeTDS, to a server of our own (tests/tds_server.py).

No SQL Server runs here: what is shown is that both drivers sign in, read every type, tell errors
and give up in time, not that a query would run on one.
"""

import platform
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent.databases.reading import demand_reading
from agent.databases.settings import DatabaseSettings
from agent.databases.subject import ConfiguredDatabase
from checks.api import Struct
from checks.databases import Engine
from checks.errors import (
    LoginRefused,
    NotPermitted,
    ProbeError,
    TimedOut,
    UnexpectedOutput,
    Unreachable,
    Unsupported,
)
from tests.databases import secret_file, settings, signed_in
from tests.tds_server import PASSWORD, USER, Answer, Hang, Refusal, Server, Table, serving

RELEASE = "Microsoft SQL Server 2022 (RTM-CU14) - 16.0.4135.4 (X64) 中文版"
QUERY = "SELECT 1 AS one"


def microsoft() -> str:
    """Return the path of Microsoft's driver in its wheel."""
    folder = files("mssql_python_odbc") / "libs" / "linux" / "debian_ubuntu" / platform.machine()
    [library] = Path(str(folder)).glob("lib/libmsodbcsql-*.so*")
    return str(library)


DRIVERS: dict[str, Callable[[], dict[str, Any]]] = {
    "microsoft": lambda: {"driver": microsoft(), "options": "Encrypt=no"},
    "freetds": lambda: {"driver": "FreeTDS", "options": "Encryption=off"},
}


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    answers(running, lambda _query: [{"one": 1}])
    running.asked.clear()
    running.inside.clear()
    running.closed.clear()
    running.refused_login = None
    return running


@pytest.fixture(params=list(DRIVERS))
def given(request: pytest.FixtureRequest, server: Server) -> Iterator[DatabaseSettings]:
    with secret_file(PASSWORD) as secret:
        yield settings(
            kind="mssql",
            port=server.port,
            user=USER,
            password={"file": secret},
            login_seconds=2,
            query_seconds=1,
            exclude=["test_*"],
            **DRIVERS[request.param](),
        )


@pytest.fixture
def database(given: DatabaseSettings) -> Iterator[ConfiguredDatabase]:
    with signed_in(given) as found:
        yield found


def answers(server: Server, answer: Answer) -> None:
    """Answer the port's own question for the version, and let the test answer all others."""

    def all_of_it(query: str) -> Any:
        if "@@VERSION" in query:
            return [{"number": "16.0.4135.4", "release": RELEASE}]
        return answer(query)

    server.answer = all_of_it


def refusal(kind: type[ProbeError], database: ConfiguredDatabase) -> ProbeError:
    """Return how a query fails."""
    with pytest.raises(ProbeError) as caught:
        database.rows(QUERY)
    assert type(caught.value) is kind, caught.value
    return caught.value


def test_it_signs_in_and_tells_the_version(server: Server, database: ConfiguredDatabase) -> None:
    assert database.engine is Engine.MSSQL
    assert database.version == (16, 0, 4135, 4)
    assert database.release == RELEASE
    assert 0 < database.login_seconds < 2
    assert database.here is not None


def test_a_session_waits_shortly_for_locks_and_reads_alone(
    server: Server, database: ConfiguredDatabase
) -> None:
    database.rows(QUERY)
    sent = " ".join(server.asked).upper()
    for words in ("LOCK_TIMEOUT 1000", "DEADLOCK_PRIORITY LOW", "READ UNCOMMITTED"):
        assert words in sent


MOMENT = datetime(2026, 11, 21, 8, 15, 30, 123000)  # noqa: DTZ001 - columns without a zone
COLUMNS: dict[str, tuple[str, Any, Any]] = {
    "small": ("int", -7, -7),
    "large": ("bigint", 2**40, 2**40),
    "flag": ("bit", True, True),
    "share": ("float", 12.5, 12.5),
    "part": ("decimal", Decimal("3.25"), 3.25),
    "whole": ("decimal", Decimal(12), 12),
    "older": ("datetime", MOMENT.replace(microsecond=0), MOMENT.replace(microsecond=0, tzinfo=UTC)),
    "newer": ("datetime2", MOMENT, MOMENT.replace(tzinfo=UTC)),
    "账套": ("nvarchar", "某公司 001 😀", "某公司 001 😀"),
    "text": ("nvarchar(max)", "长文本" * 5000, "长文本" * 5000),
    "octets": ("varbinary", b"\x01\x02", "0102"),
    "guid": (
        "guid",
        UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff"),
        "6f9619ff-8b86-d011-b42d-00c04fc964ff",
    ),
}


def test_every_type_comes_as_a_plain_value(server: Server, database: ConfiguredDatabase) -> None:
    kinds = {name: kind for name, (kind, _, _) in COLUMNS.items()}
    row = [value for _, value, _ in COLUMNS.values()]
    answers(server, lambda _query: Table(kinds, [row, [None] * len(kinds)]))
    first, second = database.rows(QUERY)
    found = {name: str(v).lower() if name == "guid" else v for name, v in first.items()}
    assert found == {name: wanted for name, (_, _, wanted) in COLUMNS.items()}
    assert set(second.values()) == {None}


def test_a_variant_is_what_queries_must_cast(server: Server, given: DatabaseSettings) -> None:
    answers(server, lambda _query: Table({"edition": "sql_variant"}, [["Express Edition"]]))
    with signed_in(given) as database:
        if given.driver == "FreeTDS":
            with pytest.raises(ProbeError):
                database.rows(QUERY)
        else:
            assert database.rows(QUERY) == [{"edition": "Express Edition"}]


class Row(Struct, frozen=True):
    name: str
    accessible: bool | None


def test_rows_become_structs(server: Server, database: ConfiguredDatabase) -> None:
    columns = {"Name": "nvarchar", "accessible": "int"}
    answers(server, lambda _query: Table(columns, [["erp", 1], ["crm", None]]))
    assert database.rows(QUERY, Row) == (Row("erp", True), Row("crm", None))
    answers(server, lambda _query: [{"name": "erp"}])
    with pytest.raises(UnexpectedOutput, match="accessible"):
        database.rows(QUERY, Row)


def test_many_rows_come_whole_and_too_many_not_at_all(
    server: Server, database: ConfiguredDatabase
) -> None:
    answers(server, lambda _query: [{"n": n, "t": "x" * 200} for n in range(3000)])
    assert [row["n"] for row in database.rows(QUERY)] == list(range(3000))
    with pytest.raises(UnexpectedOutput, match="more than 100 rows"):
        database.rows(QUERY, Number, most=100)
    answers(server, lambda _query: [{"one": 1}])
    assert database.rows(QUERY) == [{"one": 1}]


class Number(Struct, frozen=True):
    n: int


@pytest.mark.parametrize(
    ("number", "words", "severity", "kind"),
    [
        (229, "The SELECT permission was denied on the object 'sysjobs'.", 14, NotPermitted),
        (300, "VIEW SERVER STATE permission was denied on object 'server'.", 14, NotPermitted),
        (297, "The user does not have permission to perform this action.", 16, NotPermitted),
        (262, "VIEW DATABASE STATE permission denied in database 'erp'.", 14, NotPermitted),
        (916, "The server principal is not able to access the database.", 14, NotPermitted),
        (208, "Invalid object name 'sys.dm_db_log_info'.", 16, Unsupported),
        (207, "Invalid column name 'is_suspended'.", 16, Unsupported),
        (2812, "Could not find stored procedure 'sys.sp_readerrorlog'.", 16, Unsupported),
        (1222, "Lock request time out period exceeded.", 16, TimedOut),
        (1205, "Transaction was deadlocked and has been chosen as the victim.", 13, TimedOut),
        (976, "The target database is participating in an availability group.", 14, Unreachable),
        (8134, "Divide by zero error encountered.", 16, UnexpectedOutput),
    ],
)
def test_an_error_is_told_by_its_number_and_the_connection_goes_on(
    server: Server,
    database: ConfiguredDatabase,
    number: int,
    words: str,
    severity: int,
    kind: type[ProbeError],
) -> None:
    answers(server, lambda _query: Refusal(number, words, severity))
    assert words in refusal(kind, database).detail
    answers(server, lambda _query: [{"one": 1}])
    assert database.rows(QUERY) == [{"one": 1}]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (18456, "Login failed for user 'inspection'."),
        (18470, "Login failed for user 'inspection'. Reason: The account is disabled."),
        (18486, "Login failed for user 'inspection' because the account is currently locked out."),
        (18487, "Login failed for user 'inspection'. Reason: The password has expired."),
        (18488, "Login failed. Reason: The password of the account must be changed."),
        (18452, "Login failed. The login is from an untrusted domain."),
        (4060, 'Cannot open database "erp" requested by the login. The login failed.'),
    ],
)
def test_a_refused_login_is_no_missing_server_and_is_tried_once(
    server: Server, database: ConfiguredDatabase, number: int, words: str
) -> None:
    server.refused_login = Refusal(number, words, 14)
    first = refusal(LoginRefused, database)
    server.refused_login = None
    assert refusal(LoginRefused, database) is first  # no second try, which might lock the account
    assert PASSWORD not in f"{first} {first.detail}"


def test_a_wrong_password_is_a_refused_login_and_stays_secret(
    server: Server, given: DatabaseSettings
) -> None:
    with secret_file("Not-This-One-77") as wrong:
        changed = msgspec.structs.replace(
            given, password=settings(kind="mssql", user="x", password={"file": wrong}).password
        )
        with signed_in(changed) as database:
            error = refusal(LoginRefused, database)
    assert "18456" in error.detail
    assert "Not-This-One-77" not in f"{error} {error.detail}"


def test_a_query_that_hangs_is_broken_off_and_the_connection_goes_on(
    server: Server, database: ConfiguredDatabase
) -> None:
    database.rows(QUERY)
    before = server.broken_off
    answers(server, lambda _query: Hang())
    refusal(TimedOut, database)
    assert server.broken_off == before + 1
    answers(server, lambda _query: [{"one": 1}])
    assert database.rows(QUERY) == [{"one": 1}]


def test_a_server_that_says_nothing_is_not_reached(given: DatabaseSettings) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        signed_in(at(given, silent.getsockname()[1])) as database,
    ):
        refusal(Unreachable, database)


def test_a_server_that_goes_away_in_the_middle_is_not_reached(
    server: Server, database: ConfiguredDatabase
) -> None:
    def gone(_query: str) -> Any:
        raise EOFError

    database.rows(QUERY)
    answers(server, gone)
    refusal(Unreachable, database)
    refusal(Unreachable, database)


def test_a_port_that_is_closed_is_not_reached(given: DatabaseSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with signed_in(at(given, port)) as database:
        refusal(Unreachable, database)


def at(given: DatabaseSettings, port: int) -> DatabaseSettings:
    return msgspec.structs.replace(given, port=port, login_seconds=1)


def test_a_query_runs_within_a_database_and_back_at_home(
    server: Server, database: ConfiguredDatabase
) -> None:
    server.closed["secondary"] = Refusal(976, "It is not accessible for queries.", 14)
    for name in ("UFDATA_001_2026", "odd]name", "账套"):
        database.within(name).rows(QUERY)
        assert server.inside[-1] == name
    database.rows(QUERY)
    assert server.inside[-1] == "master"
    refusal(Unreachable, database.within("secondary"))
    database.rows(QUERY)
    assert server.inside[-1] == "master"
    assert database.excluded("test_1")
    assert not database.excluded("UFDATA_001_2026")


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM msdb.dbo.backupset",
        "EXEC xp_cmdshell 'dir'",
        "EXEC sys.sp_readerrorlog 0, 1, N'a'; DROP TABLE t",
        "EXEC sys.sp_readerrorlog 0, 1, N'a', N'b''; --'",
        "EXEC sys.sp_cycle_errorlog",
    ],
)
def test_what_writes_is_not_even_sent(
    server: Server, database: ConfiguredDatabase, query: str
) -> None:
    database.rows(QUERY)
    server.asked.clear()
    with pytest.raises(Unsupported):
        database.rows(query)
    assert server.asked == []


def test_the_error_log_may_be_read_and_searched() -> None:
    for query in (
        "EXEC sys.sp_readerrorlog 0, 1",
        "EXEC sys.sp_readerrorlog 1, 1, N'Severity: '",
        "EXEC sys.sp_readerrorlog 0, 1, N'严重性: '",
    ):
        demand_reading(query)


def self_signed(folder: Path) -> ssl.SSLContext:
    """Return a server's side of TLS, as SQL Server makes a certificate for itself at its start."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "SSL_Self_Signed_Fallback")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    # In TDS 7.4 the handshake travels in messages; a ticket behind it would have no place there.
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


ENCRYPTED: Sequence[tuple[str, str]] = (
    ("microsoft", "Encrypt=yes;TrustServerCertificate=yes"),
    ("microsoft", "TrustServerCertificate=yes"),
    ("freetds", "Encryption=require"),
    ("freetds", ""),
)


@pytest.mark.parametrize(("driver", "options"), ENCRYPTED)
def test_both_drivers_speak_over_tls(tmp_path: Path, driver: str, options: str) -> None:
    with serving(self_signed(tmp_path)) as server, secret_file(PASSWORD) as secret:
        answers(server, lambda _query: [{"name": "账套", "t": "x" * 9000}])
        chosen = {**DRIVERS[driver](), "options": options}
        given = settings(
            kind="mssql", port=server.port, user=USER, password={"file": secret}, **chosen
        )
        with signed_in(given) as database:
            assert database.rows(QUERY) == [{"name": "账套", "t": "x" * 9000}]


def test_a_certificate_that_nobody_signed_is_refused_by_default(tmp_path: Path) -> None:
    with serving(self_signed(tmp_path)) as server, secret_file(PASSWORD) as secret:
        answers(server, lambda _query: [{"one": 1}])
        given = settings(
            kind="mssql",
            port=server.port,
            user=USER,
            password={"file": secret},
            login_seconds=2,
            driver=microsoft(),
        )
        with signed_in(given) as database, pytest.raises(ProbeError) as caught:
            database.rows(QUERY)
    assert "certificate" in caught.value.detail
