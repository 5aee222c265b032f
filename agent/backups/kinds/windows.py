"""Windows Server Backup: the versions that its catalogue lists, and the jobs that failed.

The catalogue alone: nothing is read of what was backed up, and Windows itself offers no proof of
it. It has not run on Windows yet; its parser is tested with JSON written from the documentation
(docs/backups.md).
"""

from agent.backups.kind import Catalogue, KindModule, Source
from agent.backups.windows_backup import JOBS, SCRIPT, odd, points, read
from checks.errors import UnexpectedOutput

_SECONDS = 180.0


def catalogue(source: Source) -> Catalogue:
    """Ask PowerShell once. Raise a ProbeError."""
    printed = source.run(
        "powershell.exe",
        "-NoProfile",
        "-NonInteractive",
        "-Command",
        SCRIPT,
        timeout_seconds=_SECONDS,
    )
    if printed.exit_code != 0:
        words = printed.error_text.strip()[:500]
        raise UnexpectedOutput("powershell.exe", f"exit code {printed.exit_code}: {words}")
    reading = read(printed.text)
    jobs = [job.started for job in reading.jobs if job.started is not None]
    # Versions are all listed; failed attempts only as far back as the list of jobs reaches.
    since = min(jobs) if len(reading.jobs) >= JOBS and jobs else None
    return Catalogue(
        points=points(reading),
        odd=odd(reading),
        listed_since=since,
        tool="Windows Server Backup",
    )


KIND = KindModule(catalogue=catalogue)
