"""What Windows Server Backup says of itself, and the restore points in it. Pure but for the script.

The script asks the three cmdlets once and prints JSON: dates in ISO form and UTC (PowerShell's own
form is `/Date(…)/`), numbers as numbers, no text that is translated. Written from Microsoft's
documentation of the module WindowsServerBackup; it has not run on Windows yet.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct, field

from checks.backup_sets import PointState, RestorePoint
from checks.errors import NotPermitted, ProbeError, ToolMissing, UnexpectedOutput

JOBS = 400
SCRIPT = r"""
$ErrorActionPreference = 'Stop'
[Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false
function When($date) {
  if ($null -eq $date -or $date.Year -lt 1980) { return $null }
  return $date.ToUniversalTime().ToString('o')
}
if (-not (Get-Command Get-WBSummary -ErrorAction SilentlyContinue)) {
  '{"missing": "Get-WBSummary"}'
  exit 0
}
try {
  $summary = Get-WBSummary
  $jobs = @(Get-WBJob -Previous JOBS)
  $sets = @(Get-WBBackupSet)
  @{
    summary = @{
      last_backup = When $summary.LastBackupTime
      last_success = When $summary.LastSuccessfulBackupTime
      result = $summary.LastBackupResultHR
      detailed_result = $summary.LastBackupResultDetailedHR
      versions = $summary.NumberOfVersions
      target = [string]$summary.LastSuccessfulBackupTargetPath
    }
    jobs = @($jobs | Where-Object { $_ } | ForEach-Object {
      @{ started = When $_.StartTime; ended = When $_.EndTime; state = [string]$_.JobState
         result = $_.HResult; detailed_result = $_.DetailedHResult; type = [string]$_.JobType }
    })
    sets = @($sets | Where-Object { $_ } | ForEach-Object {
      @{ id = [string]$_.VersionId; made = When $_.BackupTime
         target = [string]$_.BackupTarget.TargetPath; label = [string]$_.BackupTarget.Label }
    })
  } | ConvertTo-Json -Depth 4 -Compress
} catch {
  @{ failed = @{ kind = $_.Exception.GetType().FullName; result = $_.Exception.HResult
                 words = $_.Exception.Message } } | ConvertTo-Json -Depth 4 -Compress
}
""".replace("JOBS", str(JOBS))

_ACCESS_DENIED = 0x80070005
_RUNNING = frozenset({"Running", "InProgress", "Unknown"})
_SAME_TIME = timedelta(minutes=5)
"""A job and the version that it made are not dated to the second."""
_BACKUP = "Backup"


class Summary(Struct, frozen=True):
    """Get-WBSummary."""

    last_backup: datetime | None = None
    last_success: datetime | None = None
    result: int = 0
    """HRESULT. As PowerShell gives it: 2155348165, or the same as a negative number."""
    detailed_result: int = 0
    versions: int | None = None
    target: str = ""


class Job(Struct, frozen=True):
    """Get-WBJob."""

    started: datetime | None = None
    ended: datetime | None = None
    state: str = ""
    result: int = 0
    detailed_result: int = 0
    type: str = _BACKUP


class Version(Struct, frozen=True):
    """Get-WBBackupSet."""

    id: str
    made: datetime | None = None
    target: str = ""
    label: str = ""


class Refused(Struct, frozen=True):
    """What a cmdlet threw."""

    kind: str = ""
    result: int = 0
    words: str = ""


class Reading(Struct, frozen=True):
    """All that the script prints."""

    summary: Summary | None = None
    jobs: list[Job] = field(default_factory=list)
    sets: list[Version] = field(default_factory=list)
    missing: str = ""
    failed: Refused | None = None


def read(text: str) -> Reading:
    """Read what the script printed. Raise ToolMissing, NotPermitted or UnexpectedOutput."""
    start = text.find("{")
    if start < 0:
        raise UnexpectedOutput("Get-WBSummary", f"no JSON: {text.strip()[:200]}")
    try:
        plain = msgspec.json.decode(text[start:].strip())
        reading = msgspec.convert(_tidied(plain), Reading)
    except msgspec.MsgspecError as error:
        raise UnexpectedOutput("Get-WBSummary", str(error)) from error
    if reading.missing:
        raise ToolMissing(reading.missing, "the feature Windows Server Backup is not installed")
    if reading.failed is not None:
        raise _refusal(reading.failed)
    if reading.summary is None:
        raise UnexpectedOutput("Get-WBSummary", "no summary")
    return reading


def points(reading: Reading) -> tuple[RestorePoint, ...]:
    """Return the versions that are there, and the attempts that came to nothing."""
    assert reading.summary is not None
    found = [
        RestorePoint(id=version.id[:255], started_at=_utc(version.made), note=version.label[:255])
        for version in reading.sets
        if version.made is not None
    ]
    for job in reading.jobs:
        if job.started is None or job.type != _BACKUP:
            continue
        trouble = unsigned(job.result) or unsigned(job.detailed_result)
        if job.state in _RUNNING and job.ended is None:
            found.append(_attempt(job.started, None, PointState.GROWING, "running"))
        elif trouble:
            _spoil(found, job.started, job.ended, f"HRESULT 0x{trouble:08X}")
    summary = reading.summary
    trouble = unsigned(summary.result) or unsigned(summary.detailed_result)
    last, success = summary.last_backup, summary.last_success
    if last is not None and trouble:
        _spoil(found, last, None, f"HRESULT 0x{trouble:08X}")
    elif last is not None and (success is None or last - success > _SAME_TIME):
        growing = any(point.state is PointState.GROWING for point in found)
        if not growing:
            _spoil(found, last, None, "the last backup is not the last that succeeded")
    return tuple(found)


def odd(reading: Reading) -> tuple[str, ...]:
    """Return what of the reading does not fit together, and what limits these backups."""
    assert reading.summary is not None
    said = []
    versions = reading.summary.versions
    if versions is not None and versions != len(reading.sets):
        said.append(f"the summary counts {versions} versions, {len(reading.sets)} are listed")
    if any(version.made is None for version in reading.sets):
        said.append("a version has no date")
    if any(version.target.startswith("\\\\") for version in reading.sets):
        said.append("on a network share only the last version is kept")
    return tuple(said)


def unsigned(result: int) -> int:
    """Return an HRESULT as it is written: 32 bits without a sign."""
    return result & 0xFFFFFFFF


def _spoil(found: list[RestorePoint], started: datetime, ended: datetime | None, note: str) -> None:
    """Note a failed attempt; a version that it left behind is not whole."""
    at = _utc(started)
    spoilt = [
        point
        for point in found
        if point.state is PointState.COMPLETE and abs(point.started_at - at) <= _SAME_TIME
    ]
    for point in spoilt:
        found[found.index(point)] = msgspec.structs.replace(
            point, state=PointState.FAILED, note=note
        )
    known = any(
        point.state is PointState.FAILED and abs(point.started_at - at) <= _SAME_TIME
        for point in found
    )
    if not spoilt and not known:
        found.append(_attempt(started, ended, PointState.FAILED, note))


def _attempt(
    started: datetime, ended: datetime | None, state: PointState, note: str
) -> RestorePoint:
    at = _utc(started)
    done = max(_utc(ended), at) if ended is not None else None
    return RestorePoint(
        id=f"job {at:%Y-%m-%d %H:%M}", started_at=at, ended_at=done, state=state, note=note
    )


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _tidied(plain: Any) -> Any:  # noqa: ANN401 - JSON as it comes
    """Return the JSON with lists where PowerShell made a single entry of them, or nothing."""
    if not isinstance(plain, dict):
        return plain
    result = {name: value for name, value in plain.items() if value is not None}
    for name in ("jobs", "sets"):
        entries = result.get(name, [])
        entries = entries if isinstance(entries, list) else [entries]
        result[name] = [
            {key: value for key, value in entry.items() if value is not None}
            if isinstance(entry, dict)
            else entry
            for entry in entries
        ]
    if isinstance(result.get("summary"), dict):
        result["summary"] = {
            key: value for key, value in result["summary"].items() if value is not None
        }
    return result


def _refusal(failed: Refused) -> ProbeError:
    denied = unsigned(failed.result) == _ACCESS_DENIED
    if denied or failed.kind.endswith("UnauthorizedAccessException"):
        return NotPermitted("Windows Server Backup", failed.words)
    return UnexpectedOutput("Windows Server Backup", f"{failed.kind}: {failed.words}")
