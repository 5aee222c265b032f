"""Restore a backup of pgBackRest into a private server, up to where it is consistent."""

import re
import shutil
import time
from pathlib import Path

from agent.backups.kind import Budget, Source, unproven
from agent.backups.pgbackrest import asking
from agent.backups.pgbackrest.asking import Backup, Stanza
from agent.backups.restoring.private_server import PrivateServer, hand_over, running
from agent.backups.settings import size_bytes
from checks.api import Output
from checks.backup_sets import Evidence, Level, Proof, RestorePoint, Result
from checks.errors import (
    NotPermitted,
    ProbeError,
    ToolMissing,
    UnexpectedOutput,
    Unreachable,
)

_METHOD = "pgbackrest restore, recovery in a private server, pg_amcheck"
_PROGRAMS = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin")
_ARCHIVE_MODE_SINCE = 12
_AMCHECK_SINCE = 14
_DAMAGE = re.compile(
    r"could not locate|checkpoint record|recovery ended before|invalid page|checksum|corrupt|"
    r"could not open file|could not read file|WAL ends before|invalid record|incorrect",
    re.IGNORECASE,
)
_SETTINGS = (
    "listen_addresses=",
    "port=5432",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "autovacuum=off",
    "archive_mode=off",
    "hot_standby=off",
    "ssl=off",
    "shared_preload_libraries=",
    "session_preload_libraries=",
    "local_preload_libraries=",
    "primary_conninfo=",
    "recovery_end_command=",
    "archive_cleanup_command=",
    "external_pid_file=",
    "shared_buffers=64MB",
    "huge_pages=off",
    "max_connections=10",
    "max_wal_senders=0",
    "logging_collector=off",
    "log_destination=stderr",
    "restart_after_crash=off",
)
"""The customer's own may name libraries, files and ports that are none of a test's business."""
_TABLES = "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'm') AND oid >= 16384"
_DATABASES = "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate"


def restore(source: Source, point: RestorePoint, scratch: Path, budget: Budget) -> Proof:
    """Restore, recover, count and check; whatever comes of it, no server is left."""
    started = time.monotonic()

    def proof(result: Result, detail: str, evidence: tuple[Evidence, ...] = ()) -> Proof:
        return Proof(
            point=point.id,
            level=Level.RESTORED,
            result=result,
            at=source.now(),
            method=_METHOD,
            bytes_read=point.bytes or 0,
            seconds=time.monotonic() - started,
            detail=detail[:2000],
            evidence=evidence,
        )

    try:
        found = asking.stanza(source)
        backup = next((entry for entry in found.backup if entry.label == point.id), None)
        if backup is None:
            raise UnexpectedOutput(point.id, "pgBackRest lists it no more")
        version = _version(found, backup)
        programs = _programs(version)
        _demand_room(source, backup, scratch, budget)
        user = asking.owner(source)
        hand_over(scratch, user=user)
        output = _unpack(source, backup, scratch, version, budget)
        if output.exit_code != 0:
            refusal = asking.refusal(source, output)
            if isinstance(refusal, (NotPermitted, Unreachable)) or "locked" in refusal.detail:
                raise refusal
            return proof(Result.FAILED, refusal.detail)
        budget.spend(backup.info.repository.size)
        (scratch / "postgresql.conf").write_text("", encoding="utf-8")
        (scratch / "pg_hba.conf").write_text("local all all trust\n", encoding="utf-8")
        files = (
            f"config_file={scratch}/postgresql.conf",
            f"hba_file={scratch}/pg_hba.conf",
            f"ident_file={scratch}/postgresql.conf",
        )
        for name in ("postgresql.conf", "pg_hba.conf"):
            (scratch / name).chmod(0o644)
        try:
            with running(programs, scratch / "data", (*_SETTINGS, *files), user=user) as server:
                evidence = _look(source, server, version, budget)
        except UnexpectedOutput as error:
            if error.subject == "postgres" and _DAMAGE.search(error.detail):
                return proof(Result.FAILED, error.detail)
            raise
        equal = all(entry.expected in ("-", entry.actual) for entry in evidence)
        return proof(Result.PASSED if equal else Result.FAILED, "", evidence)
    except ProbeError as error:
        return unproven(point.id, Level.RESTORED, source.now(), _METHOD, error.failure())


def _version(found: Stanza, backup: Backup) -> str:
    """Return the major version of the cluster that was backed up."""
    for cluster in found.db:
        same = (cluster.id, cluster.repo_key) == (backup.database.id, backup.database.repo_key)
        if same and cluster.version:
            return cluster.version
    raise UnexpectedOutput(backup.label, "its PostgreSQL version is not told")


def _programs(version: str) -> Path:
    """Return the programs of just this version: no other one reads its files."""
    for pattern in _PROGRAMS:
        place = Path(pattern.format(version))
        if (place / "postgres").exists():
            return place
    raise ToolMissing(f"PostgreSQL server {version}")


def _demand_room(source: Source, backup: Backup, scratch: Path, budget: Budget) -> None:
    needed = backup.info.size
    allowed = min(size_bytes(source.settings.scratch_size), shutil.disk_usage(scratch).free)
    if needed > allowed:
        raise UnexpectedOutput("scratch_size", f"{needed} bytes are needed, {allowed} are there")
    if backup.info.repository.size > budget.left_bytes():
        raise UnexpectedOutput("budget", f"{backup.info.repository.size} bytes are to be read")


def _unpack(source: Source, backup: Backup, scratch: Path, version: str, budget: Budget) -> Output:
    newer = float(version) >= _ARCHIVE_MODE_SINCE
    return asking.ask(
        source,
        f"--repo={backup.database.repo_key}",
        f"--set={backup.label}",
        f"--pg1-path={scratch}/data",
        f"--lock-path={scratch}/lock",
        f"--tablespace-map-all={scratch}/tablespaces",
        "--type=immediate",
        "--target-action=promote",
        *(("--archive-mode=off",) if newer else ()),
        "--log-level-stderr=warn",
        "restore",
        timeout_seconds=max(1.0, budget.left_seconds()),
    )


def _look(
    source: Source, server: PrivateServer, version: str, budget: Budget
) -> tuple[Evidence, ...]:
    evidence = [
        Evidence("in recovery", "f", _ask(source, server, "SELECT pg_is_in_recovery()", budget))
    ]
    databases = _ask(source, server, _DATABASES, budget).splitlines()
    tables = [int(_ask(source, server, _TABLES, budget, name)) for name in databases]
    evidence.append(Evidence("databases", "-", str(len(databases))))
    evidence.append(Evidence("tables", "-", str(sum(tables))))
    if float(version) >= _AMCHECK_SINCE:
        checked = source.run(
            server.program("pg_amcheck"),
            *("--all", "--install-missing"),
            *server.arguments("postgres")[:4],
            timeout_seconds=max(1.0, budget.left_seconds()),
        )
        evidence.append(Evidence("pg_amcheck", "0", str(checked.exit_code)))
        if checked.exit_code != 0:
            words = " ".join((checked.text or checked.error_text).split())
            evidence.append(Evidence("pg_amcheck says", "", words[:255]))
    return tuple(evidence)


def _ask(
    source: Source, server: PrivateServer, query: str, budget: Budget, database: str = "postgres"
) -> str:
    output = source.run(
        server.program("psql"),
        *("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"),
        *server.arguments(database),
        *("-c", query),
        timeout_seconds=max(1.0, budget.left_seconds()),
    )
    if output.exit_code != 0:
        raise UnexpectedOutput("psql", " ".join(output.error_text.split())[:500])
    return output.text.strip()
