"""The report's words for backups: states of a day, kinds, proofs, ways to the offsite copy."""

from checks.backup_sets import Kind, Level, OffsiteBy, Result
from collector.backups.days import Leg, LegState
from collector.reports.blocks import Mark
from collector.reports.words import to_translate

DAY_STATES = {
    LegState.OK: to_translate("Trusted"),
    LegState.LATE: to_translate("Late"),
    LegState.PENDING: to_translate("Not due yet"),
    LegState.MISSING: to_translate("Missing"),
    LegState.FAILED: to_translate("Failed"),
    LegState.MISMATCH: to_translate("Copy differs"),
    LegState.UNVERIFIED: to_translate("Not proven"),
    LegState.UNKNOWN: to_translate("Unknown"),
    LegState.EXCUSED: to_translate("Excused"),
    LegState.NOT_DUE: to_translate("Nothing agreed"),
}
DAY_MARKS = {
    LegState.OK: Mark.OK,
    LegState.LATE: Mark.WARNING,
    LegState.PENDING: Mark.INFO,
    LegState.MISSING: Mark.MISSING,
    LegState.FAILED: Mark.CRITICAL,
    LegState.MISMATCH: Mark.MISMATCH,
    LegState.UNVERIFIED: Mark.STALE,
    LegState.UNKNOWN: Mark.NOT_RUN,
    LegState.EXCUSED: Mark.WAIVED,
    LegState.NOT_DUE: Mark.NOT_APPLICABLE,
}
"""A mark of its own for each state: a day has no room for a word."""
LEGS = {
    Leg.LOCAL: to_translate("local"),
    Leg.OFFSITE: to_translate("offsite"),
    Leg.VERIFIED: to_translate("verified"),
    Leg.RESTORED: to_translate("test restore"),
}
KINDS = {
    Kind.FILES: to_translate("Files"),
    Kind.RESTIC: "restic",
    Kind.BORG: "BorgBackup",
    Kind.PGBACKREST: "pgBackRest",
    Kind.BARMAN: "Barman",
    Kind.MSSQL: "SQL Server",
    Kind.ORACLE: "Oracle RMAN",
    Kind.WINDOWS: "Windows Server Backup",
    Kind.SQLITE: "SQLite",
}
OFFSITE_WAYS = {
    OffsiteBy.SFTP: "SFTP",
    OffsiteBy.FOLDER: to_translate("mirrored folder"),
    OffsiteBy.REPOSITORY: to_translate("second repository"),
    OffsiteBy.AGENT: to_translate("agent on the offsite server"),
}
LEVELS = {
    Level.STRUCTURE: to_translate("4 Readable to the end"),
    Level.HASHED: to_translate("5 Unchanged since it was hashed"),
    Level.OFFSITE: to_translate("6 Offsite copy has the same bytes"),
    Level.RESTORED: to_translate("7 Restored as a test"),
}
RESULTS = {
    Result.PASSED: (to_translate("Passed"), Mark.OK),
    Result.FAILED: (to_translate("Failed"), Mark.CRITICAL),
    Result.SAMPLED: (to_translate("Sample passed"), Mark.INFO),
    Result.UNPROVEN: (to_translate("Could not be made"), Mark.NOT_RUN),
}
WEEKDAYS = (
    to_translate("Mon"),
    to_translate("Tue"),
    to_translate("Wed"),
    to_translate("Thu"),
    to_translate("Fri"),
    to_translate("Sat"),
    to_translate("Sun"),
)
