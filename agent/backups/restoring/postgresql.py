"""Test restore of a PostgreSQL dump: into a private server, counted, checked by pg_amcheck.

What is restored is somebody else's SQL, perhaps tampered with. It runs as a role that is no
superuser, so that COPY … PROGRAM and untrusted languages are refused, and psql gets a plain dump
inside `\\restrict`, so that no line of it can be a command of psql's. A dump that needs more than
that (an extension for superusers) is unproven, not failed.
"""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.backups.damage import Damaged
from agent.backups.kind import Budget, Source, unproven
from agent.backups.piping import piped
from agent.backups.restoring.private_server import PrivateServer, private_server
from checks.backup_sets import Evidence, Level, Proof, RestorePoint, Result
from checks.errors import UnexpectedOutput
from wire.messages import Failure, Reason

_ROLE = "xunjian_restore"
_DATABASE = "xunjian_restore"
_METHOD = "pg_restore, row counts, pg_amcheck"
_OWN_RESTRICTION = re.compile(rb"^\\(?:un)?restrict [A-Za-z0-9]+\r?\n?$")
_OWNERSHIP = re.compile(
    rb"^(?:ALTER [^;\n]* OWNER TO [^;\n]*|(?:GRANT|REVOKE) [^;\n]*|"
    rb"SET SESSION AUTHORIZATION [^;\n]*|ALTER DEFAULT PRIVILEGES [^;\n]*);\r?\n?$"
)
_COPY = re.compile(rb"^COPY [^;\n]* FROM stdin;\r?\n?$")
_NEEDS_MORE = re.compile(
    r"must be superuser|permission denied to create extension|permission denied for language|"
    r"could not open extension control file|extension .* is not available|"
    r"unsupported version|backslash commands are restricted|"
    r"must have privileges of|not permitted|unrecognized configuration",
    re.IGNORECASE,
)
_COUNT = """\
SELECT count(*), coalesce(sum((xpath('/row/c/text()',
    query_to_xml(format('SELECT count(*) AS c FROM %s', oid::regclass), false, true, '')))[1]
    ::text::bigint), 0)
FROM pg_class
WHERE relkind IN ('r', 'm') AND relnamespace NOT IN (SELECT oid FROM pg_namespace
    WHERE nspname LIKE 'pg\\_%' OR nspname = 'information_schema')"""

Chunks = Callable[[], Iterator[bytes]]


def restore_archive(
    source: Source, point: RestorePoint, archive: Path, folder: Path, budget: Budget
) -> Proof:
    """Restore a dump of pg_dump -Fc, -Fd or -Ft. Raise a ProbeError where it can't be tried."""
    began = time.monotonic()
    with private_server(source, folder, budget) as server:
        _prepare(source, server, budget)
        listed = source.run(
            server.program("pg_restore"),
            "--list",
            str(archive),
            timeout_seconds=budget.left_seconds(),
        )
        tables = len(re.findall(r"^\d+; \d+ \d+ TABLE (?!DATA )", listed.text, re.MULTILINE))
        restored = source.run(
            server.program("pg_restore"),
            *("--exit-on-error", "--no-owner", "--no-privileges"),
            *server.arguments(_DATABASE, _ROLE),
            str(archive),
            timeout_seconds=budget.left_seconds(),
        )
        problem = restored.error_text if restored.exit_code else ""
        return _concluded(source, server, point, budget, began, problem, tables or None)


def restore_plain(
    source: Source, point: RestorePoint, chunks: Chunks, folder: Path, budget: Budget
) -> Proof:
    """Restore a plain dump, decompressed as `chunks` gives it. Raise as restore_archive does."""
    began = time.monotonic()
    tables = 0

    def counted() -> Iterator[bytes]:
        nonlocal tables
        for line in _restorable(chunks()):
            tables += line.startswith(b"CREATE TABLE ")
            yield line

    with private_server(source, folder, budget) as server:
        _prepare(source, server, budget)
        word = secrets.token_hex(16).encode()

        def fed() -> Iterator[bytes]:
            yield b"\\restrict " + word + b"\n"
            yield from _joined(counted())

        problem = ""
        try:
            for _ in piped(
                (
                    server.program("psql"),
                    *("-X", "-q", "-v", "ON_ERROR_STOP=1", "--single-transaction"),
                    *server.arguments(_DATABASE, _ROLE),
                ),
                fed(),
                budget.left_seconds,
            ):
                pass
        except Damaged as error:
            problem = str(error)
        if "invalid command \\restrict" in problem:
            raise UnexpectedOutput("psql", "too old to restrict what a dump may do")
        return _concluded(source, server, point, budget, began, problem, tables or None)


def _prepare(source: Source, server: PrivateServer, budget: Budget) -> None:
    for statement in (
        f"CREATE ROLE {_ROLE} LOGIN NOSUPERUSER",
        f"CREATE DATABASE {_DATABASE} OWNER {_ROLE} TEMPLATE template0",
    ):
        _ask(source, server, "postgres", statement, budget)
    # Of the owner since PostgreSQL 15; before, everybody may make tables there.
    _ask(source, server, _DATABASE, f"ALTER SCHEMA public OWNER TO {_ROLE}", budget)


def _concluded(
    source: Source,
    server: PrivateServer,
    point: RestorePoint,
    budget: Budget,
    began: float,
    problem: str,
    tables_expected: int | None,
) -> Proof:
    def proof(result: Result, detail: str, evidence: tuple[Evidence, ...] = ()) -> Proof:
        return Proof(
            point=point.id,
            level=Level.RESTORED,
            result=result,
            at=source.now(),
            method=f"{_METHOD} (PostgreSQL {server.version})",
            digest=point.content.removeprefix("sha256:"),
            bytes_read=point.bytes or 0,
            seconds=time.monotonic() - began,
            detail=detail[:2000],
            evidence=evidence,
        )

    if problem:
        words = " ".join(problem.split())
        if _NEEDS_MORE.search(words):
            failure = Failure(Reason.UNSUPPORTED, "restore", words[:2000])
            return unproven(point.id, Level.RESTORED, source.now(), _METHOD, failure)
        return proof(Result.FAILED, words)
    took = time.monotonic() - began
    counted = _ask(source, server, _DATABASE, _COUNT, budget).split("|")
    tables, rows = int(counted[0]), int(counted[1])
    checked = source.run(
        server.program("pg_amcheck"),
        *("--install-missing", "--no-strict-names"),
        *server.arguments(_DATABASE),
        timeout_seconds=budget.left_seconds(),
    )
    evidence = (
        Evidence("tables", str(tables_expected or "-"), str(tables)),
        Evidence("rows", "-", str(rows)),
        Evidence("pg_amcheck", "0", str(checked.exit_code)),
        Evidence("restore seconds", "-", f"{took:.1f}"),
    )
    if checked.exit_code != 0:
        return proof(Result.FAILED, f"pg_amcheck: {checked.text or checked.error_text}", evidence)
    if tables == 0:
        return proof(Result.FAILED, "no table was restored", evidence)
    if tables_expected is not None and tables < tables_expected:
        return proof(Result.FAILED, f"{tables} of {tables_expected} tables", evidence)
    return proof(Result.PASSED, "", evidence)


def _ask(
    source: Source, server: PrivateServer, database: str, statement: str, budget: Budget
) -> str:
    output = source.run(
        server.program("psql"),
        *("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"),
        *server.arguments(database),
        *("-c", statement),
        timeout_seconds=budget.left_seconds(),
    )
    if output.exit_code != 0:
        raise UnexpectedOutput("psql", " ".join(output.error_text.split())[:500])
    return output.text.strip()


def _restorable(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Leave out the dump's own restriction, which stands inside ours, and who owns what.

    Roles are not part of a dump of one database; pg_restore leaves them out by --no-owner.
    """
    in_rows = False
    for line in _lines(chunks):
        if in_rows:
            in_rows = line.rstrip(b"\r\n") != b"\\."
        elif _COPY.match(line):
            in_rows = True
        elif _OWN_RESTRICTION.match(line) or _OWNERSHIP.match(line):
            continue
        yield line


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines with their ends; a line without one in reasonable length comes in parts."""
    waiting = b""
    for chunk in chunks:
        *whole, waiting = (waiting + chunk).splitlines(keepends=True) or [b""]
        if waiting.endswith(b"\n") or len(waiting) > 2**22:
            whole.append(waiting)
            waiting = b""
        yield from whole
    if waiting:
        yield waiting


def _joined(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield larger pieces: a write for each line would take longer than the restore."""
    parts: list[bytes] = []
    size = 0
    for line in lines:
        parts.append(line)
        size += len(line)
        if size >= 2**18:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)
