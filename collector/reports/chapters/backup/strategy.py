"""What was agreed for a set, as its declaration says it."""

from checks.backup_sets import Declaration, Schedule
from collector.backups.material import SetMaterial
from collector.reports.backup_terms import KINDS, OFFSITE_WAYS, WEEKDAYS
from collector.reports.blocks import Cell, Column, Table
from collector.reports.source import Source


def strategy(source: Source, shown: SetMaterial) -> Table:
    """Return the table of what was agreed."""
    words, agreed = source.voice.words, shown.declaration
    kind = words(KINDS[agreed.kind])
    what = f"{kind} · {agreed.format}" if agreed.format else kind
    rows = [
        (words("Way of backup"), what),
        (words("Objects"), source.voice.together(list(agreed.objects))),
        (words("Where"), source.place(shown.host, agreed.place)),
        (words("Pattern"), agreed.pattern),
        (words("When"), _when(source, agreed.schedule, shown.zone)),
        (words("Offsite copy"), _offsite(source, agreed)),
        (words("Retention"), _retention(source, agreed)),
        (words("RPO agreed"), words("{hours} hours", hours=f"{agreed.rpo_hours:g}")),
        (
            words("Proof"),
            words("each restore point within {days} days", days=agreed.verify_every_days),
        ),
        (words("Restore drill"), _drills(source, agreed)),
        (words("Key escrow"), agreed.key_escrow),
        (words("Agreed for"), _validity(source, agreed)),
        *_seen(source, shown),
    ]
    return Table(
        words("{set}: what was agreed", set=shown.title),
        (Column(words("Item"), 1), Column(words("Content"), 4)),
        tuple((Cell(name), Cell(value)) for name, value in rows if value),
    )


def _seen(source: Source, shown: SetMaterial) -> list[tuple[str, str]]:
    """Return what the newest look added to the agreement: the tool, and whether it encrypts."""
    words, facts = source.voice.words, shown.last_facts
    if facts is None:
        return []
    encrypted = {True: words("Yes"), False: words("No"), None: words("unknown")}
    return [(words("Tool"), facts.tool), (words("Encrypted"), encrypted[facts.encrypted])]


def _when(source: Source, schedule: Schedule, zone: str) -> str:
    words = source.voice.words
    pattern = (
        words("from {start} until {end} on the next day, {grace} minutes of grace ({zone})")
        if schedule.deadline <= schedule.window_start
        else words("from {start} until {end}, {grace} minutes of grace ({zone})")
    )
    said = pattern.format(
        start=schedule.window_start,
        end=schedule.deadline,
        grace=schedule.grace_minutes,
        zone=zone,
    )
    if set(schedule.weekdays) == set(range(7)):
        return source.voice.apart([words("every day"), said])
    days = [words(WEEKDAYS[day]) for day in sorted(set(schedule.weekdays))]
    return source.voice.apart([source.voice.together(days), said])


def _offsite(source: Source, agreed: Declaration) -> str:
    words = source.voice.words
    if agreed.offsite is None:
        return words("None agreed: one fire, flood or ransom takes the backup with the data")
    leg = agreed.offsite
    return words(
        "{place} ({way}), within {hours} hours after the deadline",
        place=leg.place or "—",
        way=words(OFFSITE_WAYS[leg.by]),
        hours=f"{leg.hours:g}",
    )


def _retention(source: Source, agreed: Declaration) -> str:
    words = source.voice.words
    parts = []
    if agreed.retention_days:
        parts.append(words("{count} days", count=agreed.retention_days))
    if agreed.retention_points:
        parts.append(words("{count} restore points", count=agreed.retention_points))
    return source.voice.together(parts) or words("None agreed")


def _drills(source: Source, agreed: Declaration) -> str:
    words = source.voice.words
    if not agreed.restore_every_days:
        return words("None agreed")
    return words("every {days} days", days=agreed.restore_every_days)


def _validity(source: Source, agreed: Declaration) -> str:
    words, day = source.voice.words, source.voice.day
    if agreed.valid_from and agreed.valid_to:
        return words("{start} to {end}", start=day(agreed.valid_from), end=day(agreed.valid_to))
    if agreed.valid_from:
        return words("from {start} on", start=day(agreed.valid_from))
    return words("until {end}", end=day(agreed.valid_to)) if agreed.valid_to else ""
