"""The report's words for states, severities, changes, owners, categories and grades."""

from checks.api import Chapter, Owner, State
from collector.assessment.score import Category, Grade
from collector.reports.blocks import Mark
from collector.reports.material import Severity
from collector.reports.words import to_translate

STATES = {
    State.OK: to_translate("OK"),
    State.INFO: to_translate("Information"),
    State.WARNING: to_translate("Warning"),
    State.CRITICAL: to_translate("Critical"),
    State.NOT_APPLICABLE: to_translate("Not applicable"),
    State.NOT_RUN: to_translate("Not run"),
    State.STALE: to_translate("Out of date"),
    State.WAIVED: to_translate("Waived"),
}
WORST_FIRST = (
    State.CRITICAL,
    State.WARNING,
    State.NOT_RUN,
    State.STALE,
    State.WAIVED,
    State.INFO,
    State.OK,
    State.NOT_APPLICABLE,
)
SEVERITIES = {
    Severity.S1: to_translate("S1"),
    Severity.S2: to_translate("S2"),
    Severity.S3: to_translate("S3"),
    Severity.S4: to_translate("S4"),
}
SEVERITY_MEANINGS = {
    Severity.S1: to_translate("Data or operation are at risk now"),
    Severity.S2: to_translate("A failure is to be expected"),
    Severity.S3: to_translate("A weakness that grows with time"),
    Severity.S4: to_translate("An improvement"),
}
SEVERITY_MARKS = {
    Severity.S1: Mark.CRITICAL,
    Severity.S2: Mark.CRITICAL,
    Severity.S3: Mark.WARNING,
    Severity.S4: Mark.WARNING,
}
DEADLINE_DAYS = {Severity.S1: 1, Severity.S2: 7, Severity.S3: 30, Severity.S4: 90}
"""Suggested days from the date of the report. Our proposal: no anchor gives a number."""
CHANGES = {
    "new": to_translate("New"),
    "recurring": to_translate("Recurring"),
    "improved": to_translate("Improved"),
    "worsened": to_translate("Worsened"),
    "resolved": to_translate("Resolved"),
    "waived": to_translate("Waived"),
}
FOLLOW_UPS = {
    "recurring": to_translate("Not improved"),
    "improved": to_translate("Improved"),
    "worsened": to_translate("Worsened"),
    "resolved": to_translate("Resolved"),
    "waived": to_translate("Waived"),
}
CHANGE_MARKS = {
    "new": Mark.INFO,
    "recurring": Mark.WARNING,
    "improved": Mark.INFO,
    "worsened": Mark.CRITICAL,
    "resolved": Mark.OK,
    "waived": Mark.WAIVED,
}
OWNERS = {
    Owner.SYSTEM_ADMINISTRATOR: to_translate("System administrator"),
    Owner.DATABASE_ADMINISTRATOR: to_translate("Database administrator"),
    Owner.APPLICATION_CONSULTANT: to_translate("Application consultant"),
    Owner.SERVICE_ENGINEER: to_translate("Service engineer"),
}
CATEGORIES = {
    Category.BACKUP: to_translate("Backup and recovery"),
    Category.DATABASE: to_translate("Database"),
    Category.HOST: to_translate("Operating system"),
    Category.SECURITY: to_translate("Patches and security"),
    Category.PRODUCT: to_translate("Application"),
}
CATEGORY_OF = {
    Chapter.BACKUP: Category.BACKUP,
    Chapter.DATABASE: Category.DATABASE,
    Chapter.HOST: Category.HOST,
    Chapter.PATCH: Category.SECURITY,
    Chapter.SECURITY: Category.SECURITY,
    Chapter.PRODUCT: Category.PRODUCT,
}
"""Chapter → the category that it counts for; the agent's own checks have none."""
CHAPTERS = {
    Chapter.HOST: (to_translate("Hardware and operating system"), "5"),
    Chapter.PATCH: (to_translate("Patches and life cycle"), "6"),
    Chapter.DATABASE: (to_translate("Databases"), "7"),
    Chapter.BACKUP: (to_translate("Backup and recovery"), "8"),
    Chapter.PRODUCT: (to_translate("Application and account sets"), "9"),
    Chapter.SECURITY: (to_translate("Security"), "10"),
    Chapter.AGENT: (to_translate("Limits of the evidence"), "13"),
}
"""Chapter → its title and number in the report."""
GRADES = {
    Grade.EXCELLENT: to_translate("Excellent"),
    Grade.GOOD: to_translate("Good"),
    Grade.FAIR: to_translate("Fair"),
    Grade.POOR: to_translate("Needs action"),
}
GRADE_MARKS = {
    Grade.EXCELLENT: Mark.OK,
    Grade.GOOD: Mark.OK,
    Grade.FAIR: Mark.WARNING,
    Grade.POOR: Mark.CRITICAL,
}
ENGINES = {
    "mssql": to_translate("SQL Server"),
    "postgresql": to_translate("PostgreSQL"),
    "kingbase": to_translate("KingbaseES"),
    "mysql": to_translate("MySQL"),
    "mariadb": to_translate("MariaDB"),
    "oracle": to_translate("Oracle"),
    "dameng": to_translate("Dameng DM"),
}
"""checks.databases.Engine → its name; any other (a newer agent's) stands as it is."""
UNITS = {
    "% per month": to_translate("% per month"),
    "%/30 d": to_translate("% in 30 days"),
    "%/month": to_translate("% per month"),
    "/d": to_translate("per day"),
    "1/d": to_translate("per day"),
    "per day": to_translate("per day"),
    "CPUs": to_translate("processors"),
    "GiB": to_translate("GiB"),
    "MB": to_translate("MB"),
    "ms": to_translate("ms"),
    "I/Os": to_translate("reads or writes"),
    "PWD_POLICY": to_translate("(PWD_POLICY)"),
    "VLFs": to_translate("VLFs"),
    "blocks": to_translate("blocks"),
    "bytes per day": to_translate("bytes per day"),
    "connections": to_translate("connections"),
    "cost": to_translate("(cost)"),
    "count": to_translate("times"),
    "dumps": to_translate("dumps"),
    "error numbers": to_translate("(error numbers)"),
    "failures in 7 d": to_translate("failures in 7 days"),
    "files": to_translate("files"),
    "in 7 d": to_translate("in 7 days"),
    "locks": to_translate("locks"),
    "login": to_translate("(login)"),
    "logins": to_translate("logins"),
    "million": to_translate("million"),
    "months": to_translate("months"),
    "objects": to_translate("objects"),
    "parts of ID_CODE": to_translate("(parts of ID_CODE)"),
    "reads": to_translate("reads"),
    "records": to_translate("records"),
    "releases": to_translate("releases"),
    "roles": to_translate("roles"),
    "rows": to_translate("rows"),
    "s/h": to_translate("seconds per hour"),
    "settings and databases": to_translate("(settings and databases)"),
    "severity": to_translate("(severity)"),
    "standbys": to_translate("standbys"),
    "statements": to_translate("statements"),
    "tables": to_translate("tables"),
    "times in 30 d": to_translate("times in 30 days"),
    "transactions": to_translate("transactions"),
    "updates": to_translate("updates"),
    "yyyymmdd": to_translate("(yyyymmdd)"),
    "×": to_translate("times (×)"),
    "× data": to_translate("× the data"),
    "× max_wal_size": to_translate("× max_wal_size"),
    "% of one CPU": to_translate("% of one CPU"),
    "1/7 d": to_translate("in 7 days"),
    "TCP ports": to_translate("(TCP ports)"),
    "account names": to_translate("(account names)"),
    "advisories": to_translate("advisories"),
    "d": to_translate("days"),
    "day of December": to_translate("(day of December)"),
    "days": to_translate("days"),
    "errors": to_translate("errors"),
    "errors/10 min": to_translate("errors in 10 minutes"),
    "h": to_translate("hours"),
    "hours": to_translate("hours"),
    "intervals": to_translate("intervals"),
    "kills": to_translate("kills"),
    "lines": to_translate("lines"),
    "load/core": to_translate("per core"),
    "packages": to_translate("packages"),
    "packets": to_translate("packets"),
    "min": to_translate("minutes"),
    "points": to_translate("restore points"),
    "r²": to_translate("(r²)"),
    "s": to_translate("seconds"),
    "stratum": to_translate("(stratum)"),
    "unit names": to_translate("(unit names)"),
    "version": to_translate("(version)"),
    "yes/no": "",
    "×RPO": to_translate("× the RPO"),
    "×full": to_translate("× a full backup"),
    "×median": to_translate("× the median"),
}
"""Units of thresholds in words, as they stand after the value; any other stands as it is."""
