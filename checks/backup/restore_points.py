"""Backup sets: what there is to restore, what was proven of it, and where else it lies."""

from collections.abc import Iterator

from checks.api import Chapter, Check, Measure, Text, Trend
from checks.backup import (
    _age,
    _engines,
    _integrity,
    _places,
    _protection,
    _restores,
    _retention,
    _room,
    _same_bytes,
    _size,
)
from checks.backup._places import OFFSITE
from checks.backup._standing import objects, points_of
from checks.backup_sets import BackupFacts, BackupSet, PointState


def probe(backup_set: BackupSet) -> BackupFacts:
    """List the set, and prove what is due within its budget."""
    return backup_set.look()


def measures(facts: BackupFacts) -> Iterator[Measure]:
    """Yield size and age of the newest restore point of every object, and the free room."""
    for name in objects(facts):
        complete = [point for point in points_of(facts, name) if point.state is PointState.COMPLETE]
        if not complete:
            continue
        if complete[0].bytes is not None:
            yield Measure("newest_bytes", name, complete[0].bytes)
        if facts.looked_at is not None:
            age = facts.looked_at - complete[0].started_at
            yield Measure("age_hours", name, age.total_seconds() / 3600)
    if facts.destination is not None and facts.destination.free_bytes is not None:
        yield Measure("free_bytes", "", facts.destination.free_bytes)
    if facts.offsite is not None and facts.offsite.free_bytes is not None:
        yield Measure("free_bytes", OFFSITE, facts.offsite.free_bytes)


CHECK = Check(
    title=Text("备份集", "Backup sets"),
    chapter=Chapter.BACKUP,
    facts=BackupFacts,
    probe=probe,
    measures=measures,
    trends=(
        Trend("newest_bytes", Text("最新备份的大小", "Size of the newest backup"), "bytes"),
        Trend("age_hours", Text("最新备份距今时间", "Age of the newest backup"), "h"),
    ),
    systems=("linux", "windows"),
    target="backup",
    deadline_seconds=3600,
    heavy=True,
    # Go and PostgreSQL reserve far more address space than they use.
    memory_mebibytes=16384,
    reads=(
        "place of each backup set in the settings: names, sizes, dates; content within its budget",
        "restic, borg, pgbackrest, barman, PowerShell: listing and verifying commands of the set",
        "SQL Server and Oracle over ODBC: the backup history",
        "the offsite place of each set: listing, digests",
    ),
    privilege=Text(
        "能读取备份目录或仓库的用户；数据库历史需只读登录",
        "a user that may read the backups; for the history of a database a login that only reads",
    ),
    rules=(
        _age.RULE,
        _size.RULE,
        _places.RULE,
        _room.RULE,
        _restores.RULE,
        _retention.RULE,
        _protection.ESCROW,
        _protection.WRITERS,
        _integrity.RULE,
        _same_bytes.RULE,
        _engines.PHYSICAL,
        _engines.LOGICAL,
        _engines.MYSQL,
    ),
)
