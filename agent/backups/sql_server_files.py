"""The files of SQL Server's backups, where the agent runs on the server's own machine.

Each is read once: it is a backup by its first bytes, not smaller than msdb says, and its digest is
kept. RESTORE VERIFYONLY would need more rights than a login that only reads has; so what was
damaged before it was first read stays unseen here, and the test restore is what finds it.
"""

import hashlib
import os
import platform
from datetime import timedelta
from pathlib import Path, PureWindowsPath

from msgspec.structs import replace

from agent.backups.kind import Budget, FileRecord, Source, unproven
from checks.backup_sets import Level, PointState, Proof, RestorePoint, Result
from checks.msdb import BackupSetRow, Server
from wire.messages import Failure, Reason

METHOD = "first bytes, size by msdb, sha256"
_MAGICS = (b"TAPE", b"MSSQLBAK")
"""Of Microsoft Tape Format, and of compressed backups (backup-verification.md §5)."""
_CHUNK_BYTES = 2**20
_ROTATION = 0.8
"""Share of verify_every_days after which a file is read again, as agent/backups/due.py has it."""


def here(server: Server) -> bool:
    """Return whether the agent runs on the machine of the server."""
    return server.machine.split(".")[0] == platform.node().lower().split(".")[0] != ""


def seen(source: Source, one: BackupSetRow, point: RestorePoint) -> RestorePoint:
    """Return a restore point with what its files here tell of it."""
    local = [name for name in one.files if _is_local(name, source.host.system)]
    if not local or point.state is not PointState.COMPLETE:
        return point
    for name in local:
        try:
            Path(name).stat()
        except (FileNotFoundError, NotADirectoryError):
            return replace(point, state=PointState.GONE, note=f"{name} is not there")
        except OSError as error:
            note = "; ".join(filter(None, (point.note, f"{name}: {error.strerror}")))
            return replace(point, note=note)
    if len(one.files) == len(local) == 1:
        record = source.records.recorded(local[0])
        if record is not None and _unchanged(record, Path(local[0]).stat()):
            return replace(point, content=f"sha256:{record.digest}")
    return point


def prove_files(
    source: Source, server: Server, sets: tuple[BackupSetRow, ...], budget: Budget
) -> tuple[Proof, ...]:
    """Read the files that are due, the newest first, as far as the budget goes."""
    if not here(server):
        what = Failure(Reason.UNSUPPORTED, "backup files", f"they are on {server.machine}")
        return (unproven("", Level.HASHED, source.now(), METHOD, what),)
    proofs: list[Proof] = []
    again = source.now() - timedelta(days=source.settings.verify_every_days * _ROTATION)
    for one in sets:
        known = source.records.proven(one.uuid, Level.HASHED)
        if known is not None and known.result is Result.PASSED and known.at > again:
            continue
        if one.damaged or one.nowhere:
            continue
        proof = _proven(source, one, budget)
        if proof is not None:
            proofs.append(proof)
    return tuple(proofs)


def _proven(source: Source, one: BackupSetRow, budget: Budget) -> Proof | None:
    """Return the proof of one backup set; None where its files are gone: the listing says so."""
    now = source.now()
    if not one.files or not all(_is_local(name, source.host.system) for name in one.files):
        where = ", ".join(one.devices) or "no device"
        what = Failure(Reason.UNSUPPORTED, "backup file", f"not a file of this host: {where}"[:500])
        return unproven(one.uuid, Level.HASHED, now, METHOD, what)
    try:
        sizes = [Path(name).stat().st_size for name in one.files]
        if sum(sizes) > budget.left_bytes() or budget.left_seconds() <= 0:
            what = Failure(Reason.INTERRUPTED, "budget", f"{sum(sizes)} bytes to read")
            return unproven(one.uuid, Level.HASHED, now, METHOD, what)
        wrong, digests = "", []
        for name in one.files:
            told, digest = _read(source, Path(name), budget)
            wrong = wrong or told
            digests.append(digest)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        what = Failure(Reason.PERMISSION, str(error.filename)[:255], error.strerror or "")
        return unproven(one.uuid, Level.HASHED, now, METHOD, what)
    except OSError as error:
        what = Failure(Reason.ERROR, str(error.filename)[:255], error.strerror or "")
        return unproven(one.uuid, Level.HASHED, now, METHOD, what)
    if one.bytes is not None and sum(sizes) < one.bytes:
        wrong = wrong or f"{sum(sizes)} bytes, the history says {one.bytes}"
    return Proof(
        point=one.uuid,
        level=Level.HASHED,
        result=Result.FAILED if wrong else Result.PASSED,
        at=source.now(),
        method=METHOD,
        digest=digests[0] if len(digests) == 1 else "",
        bytes_read=sum(sizes),
        detail=wrong,
    )


def _read(source: Source, path: Path, budget: Budget) -> tuple[str, str]:
    """Return what is wrong with a file, and its digest. Raise OSError."""
    before = path.stat()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        chunk = file.read(_CHUNK_BYTES)
        wrong = "" if chunk.startswith(_MAGICS) else f"{path}: not a backup of SQL Server"
        while chunk:
            digest.update(chunk)
            budget.spend(len(chunk))
            chunk = file.read(_CHUNK_BYTES)
    known = source.records.recorded(str(path))
    value = digest.hexdigest()
    if known is not None and _unchanged(known, before) and known.digest != value:
        return wrong or f"{path}: changed without a trace", value
    entry = FileRecord(
        str(path), before.st_size, before.st_mtime_ns, before.st_ino, value, source.now()
    )
    source.records.record(entry)
    return wrong, value


def _unchanged(known: FileRecord, status: os.stat_result) -> bool:
    now = (status.st_size, status.st_mtime_ns, status.st_ino)
    return (known.bytes, known.modified_ns, known.inode) == now


def _is_local(name: str, system: str) -> bool:
    """Return whether a device is a file of this host: no share, no path of another system."""
    if system == "windows":
        path = PureWindowsPath(name)
        return path.is_absolute() and not path.drive.startswith("\\\\")
    return name.startswith("/")
