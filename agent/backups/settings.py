"""The backup sets of the agent's settings.

[backups.erp]
title = "ERP 数据库"                 # optional
kind = "files"                       # what made it: one of checks.backup_sets.Kind
place = "/backup/erp"                # folder, repository, stanza, server, ODBC connection string
pattern = "erp_*.dump"               # files: names below place; {object} stands for one of objects
format = "pg_dump"                   # files: what they must be; left out: what their bytes say
objects = ["erp", "crm"]             # each day has one of each
role = "source"                      # offsite: this host keeps copies of another one's backups
protects = ["/var/lib/postgresql"]   # data that must not lie on the same volume
minimum_size = "100 MiB"
budget = "50 GiB"                    # read at most so much in one run
rpo_hours = 26
retention_days = 30
retention_points = 7
verify_every_days = 30
restore_every_days = 180
settle_minutes = 10                  # younger files are still being written
expect_trailer = true                # false for dumps made without comments
key_escrow = "客户保险柜，2026-05-01"
user = "inspection"                  # for what signs in: ODBC
password = { file = "/etc/xunjian/erp.secret" }   # repository or database; never in here
hosts = ["db1"]                      # restic, borg: only snapshots of these hosts
tags = ["erp"]                       # restic: with one of these tags
command = "/usr/bin/restic"          # where the tool is no part of the system
configuration = "/etc/barman.conf"   # pgbackrest, barman: where it is not the usual file
scratch = "/var/tmp/xunjian"         # where test restores go; none: there are none
scratch_size = "20 GiB"              # what a test restore may take there

[backups.erp.schedule]
window_start = "18:00"
deadline = "08:00"
grace_minutes = 60
weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
time_zone = "Asia/Shanghai"          # left out: the site's

[backups.erp.offsite]
by = "sftp"                          # sftp, folder, repository, agent
hours = 24                           # after the local deadline
host = "backup.example.com"          # sftp
port = 22
user = "inspection"
host_key = "ssh-ed25519 AAAA…"       # pinned: never trusted on first use
key = { file = "/etc/xunjian/offsite.key" }       # private key
password = { file = "…" }            # or a password; of the second repository
place = "/mirror/erp"                # folder there, second repository, mount point
shell = false                        # true: digests may be made by a command there
budget = "2 GiB"                     # pulled over the line at most
"""

import re
from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct

from agent.redaction import clean
from agent.secret import SecretSource
from checks.backup_sets import Declaration, Kind, OffsiteBy, OffsiteLeg, Role, Schedule

_AbsolutePath = Annotated[str, Meta(pattern=r"^/[^\0]*$")]
_Clock = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$(?!\n)")]
_Short = Annotated[str, Meta(max_length=255)]
Size = Annotated[str, Meta(pattern=r"^\d{1,12}(\.\d{1,3})? ?(B|KiB|MiB|GiB|TiB)$(?!\n)")]
"""A number and one of B, KiB, MiB, GiB, TiB: barman's `1 MB` switched its own check off."""
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def size_bytes(text: str) -> int:
    """Return the bytes of a Size."""
    number, unit = re.fullmatch(r"([\d.]+) ?([A-Za-z]+)", text).groups()  # type: ignore[union-attr] # the settings are checked
    return int(float(number) * _UNITS[unit])


class ScheduleSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """When a restore point is expected."""

    window_start: _Clock = "18:00"
    deadline: _Clock = "08:00"
    grace_minutes: Annotated[int, Meta(ge=0, le=1440)] = 60
    weekdays: Annotated[tuple[Weekday, ...], Meta(min_length=1, max_length=7)] = WEEKDAYS
    time_zone: _Short = ""


class OffsiteSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the copy is, and how it is looked at."""

    by: OffsiteBy
    place: Annotated[str, Meta(max_length=1000)] = ""
    hours: Annotated[float, Meta(gt=0, le=8784)] = 24
    host: _Short = ""
    port: Annotated[int, Meta(ge=1, le=65535)] = 22
    user: _Short = ""
    host_key: Annotated[str, Meta(max_length=10_000)] = ""
    key: SecretSource | None = None
    password: SecretSource | None = None
    shell: bool = False
    budget: Size = "2 GiB"


class BackupSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One backup set."""

    kind: Kind
    place: Annotated[str, Meta(min_length=1, max_length=1000)]
    title: _Short = ""
    pattern: _Short = "*"
    format: _Short = ""
    objects: Annotated[tuple[_Short, ...], Meta(max_length=500)] = ()
    role: Role = Role.SOURCE
    protects: tuple[_AbsolutePath, ...] = ()
    minimum_size: Size = "0 B"
    budget: Size = "50 GiB"
    rpo_hours: Annotated[float, Meta(gt=0, le=8784)] = 26
    retention_days: Annotated[int, Meta(ge=0, le=36600)] = 0
    retention_points: Annotated[int, Meta(ge=0, le=100_000)] = 0
    verify_every_days: Annotated[int, Meta(ge=1, le=366)] = 30
    restore_every_days: Annotated[int, Meta(ge=0, le=3660)] = 0
    settle_minutes: Annotated[float, Meta(ge=0, le=1440)] = 10
    expect_trailer: bool = True
    key_escrow: _Short = ""
    user: _Short = ""
    password: SecretSource | None = None
    hosts: tuple[_Short, ...] = ()
    tags: tuple[_Short, ...] = ()
    command: _AbsolutePath | None = None
    configuration: _AbsolutePath | None = None
    scratch: _AbsolutePath | None = None
    scratch_size: Size = "20 GiB"
    schedule: ScheduleSettings = ScheduleSettings()
    offsite: OffsiteSettings | None = None
    valid_from: date | None = None
    valid_to: date | None = None


def declaration(name: str, settings: BackupSettings) -> Declaration:
    """Return what the collector is told of a set: everything expected, nothing secret."""
    schedule = settings.schedule
    offsite = settings.offsite
    return Declaration(
        name=name,
        kind=settings.kind,
        place=_shown(settings.place),
        title=settings.title,
        format=settings.format,
        pattern=settings.pattern,
        role=settings.role,
        objects=settings.objects,
        schedule=Schedule(
            window_start=schedule.window_start,
            deadline=schedule.deadline,
            grace_minutes=schedule.grace_minutes,
            weekdays=tuple(WEEKDAYS.index(day) for day in schedule.weekdays),
            time_zone=schedule.time_zone,
        ),
        offsite=OffsiteLeg(by=offsite.by, hours=offsite.hours, place=shown_offsite(offsite))
        if offsite is not None
        else None,
        rpo_hours=settings.rpo_hours,
        minimum_bytes=size_bytes(settings.minimum_size),
        retention_days=settings.retention_days,
        retention_points=settings.retention_points,
        verify_every_days=settings.verify_every_days,
        restore_every_days=settings.restore_every_days,
        key_escrow=settings.key_escrow,
        valid_from=settings.valid_from,
        valid_to=settings.valid_to,
    )


def shown_offsite(offsite: OffsiteSettings) -> str:
    """Return where the offsite copy is, as a person reads it."""
    where = _shown(offsite.place)
    return f"{offsite.host}:{where}"[:255] if offsite.host else where


def _shown(place: str) -> str:
    """Return a place without a password that somebody wrote into it."""
    return clean(place)[:255]
