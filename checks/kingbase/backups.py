"""KingbaseES: the age of the newest backup by sys_rman, which prints what pgBackRest does.

Only where the server is on this host, and by the settings file that its set-up makes. What the
schedule of sys_backup.conf promises (_crond_full_days) is not read: the age tells whether it ran.

From the manual of sys_rman; none has been run.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    warning,
)
from checks.databases import Database
from checks.errors import UnexpectedOutput, Unsupported
from checks.judging import judged
from checks.wording import duration
from wire.messages import Label, Moment

CONFIG = "/home/kingbase/kbbr_repo/sys_rman.conf"
COMMAND = ("sys_rman", f"--config={CONFIG}", "info", "--output=json")


class _Stamp(Struct):
    stop: int


class _Backup(Struct):
    type: str
    timestamp: _Stamp
    error: bool | None = False


class _State(Struct):
    code: int = 0
    message: str = ""


class _Stanza(Struct):
    name: str
    backup: tuple[_Backup, ...] = ()
    status: _State | None = None


class Stanza(Struct, frozen=True):
    """What is backed up under one name."""

    name: Label
    message: Label = ""
    """What is wrong, in the tool's own words; empty: nothing."""
    newest_at: Moment | None = None
    """When the newest backup without errors ended."""
    newest_full_at: Moment | None = None


class Facts(Struct, frozen=True):
    """All stanzas of the repository."""

    stanzas: tuple[Stanza, ...]


def probe(database: Database) -> Facts:
    """Ask sys_rman on the server's host. Raise a ProbeError."""
    if database.here is None:
        raise Unsupported("sys_rman info", "the server is on another host")
    text = database.here.run(*COMMAND, timeout_seconds=30).text
    try:
        found = msgspec.json.decode(text, type=list[_Stanza])
    except msgspec.ValidationError as error:
        raise UnexpectedOutput("sys_rman info", str(error)) from error
    except msgspec.DecodeError as error:
        raise UnexpectedOutput("sys_rman info", "no JSON") from error
    return Facts(tuple(_stanza(each) for each in found[:50]))


def _stanza(found: _Stanza) -> Stanza:
    good = [each for each in found.backup if not each.error]
    stops = [each.timestamp.stop for each in good]
    full = [each.timestamp.stop for each in good if each.type == "full"]
    wrong = found.status.message if found.status is not None and found.status.code else ""
    return Stanza(found.name[:255], wrong[:255], _newest(stops), _newest(full))


def _newest(stops: list[int]) -> datetime | None:
    return datetime.fromtimestamp(max(stops), UTC) if stops else None


class AgeThresholds(Thresholds, frozen=True):
    """Of the newest backup of any kind."""

    warning_hours: Annotated[float, limit("h", "OWN 26 h, catalogue KB-004")] = 26
    critical_hours: Annotated[float, limit("h", "OWN 50 h, catalogue KB-004")] = 50


def age(facts: Facts, thresholds: AgeThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge each stanza: its state, and the age of its newest backup."""
    recent = Text("有近期备份", "a recent backup")
    if not facts.stanzas:
        message = Text("sys_rman 没有任何备份。", "sys_rman knows no backup at all.")
        yield critical("", Text("无", "none"), recent, message)
    for stanza in facts.stanzas:
        if stanza.newest_at is None:
            message = Text(
                "{name} 没有可用的备份（{why}）。", "{name} has no good backup ({why})."
            ).format(name=stanza.name, why=stanza.message or "—")
            yield critical(stanza.name, Text("无", "none"), recent, message)
            continue
        seconds = (past.observed_at - stanza.newest_at).total_seconds()
        if seconds < -900:
            message = Text(
                f"{stanza.name} 最近一次备份的时间在将来：时钟有误。",
                f"The newest backup of {stanza.name} is dated in the future: a clock is wrong.",
            )
            yield warning(stanza.name, duration(seconds), recent, message)
            continue
        full: Text | str = "—"
        if stanza.newest_full_at is not None:
            full = duration((past.observed_at - stanza.newest_full_at).total_seconds())
        message = Text(
            "{name} 最近一次备份在 {age}前，最近一次全量备份在 {full}前。",
            "The newest backup of {name} is {age} old, the newest full one {full}.",
        ).format(name=stanza.name, age=duration(seconds), full=full)
        yield judged(
            stanza.name,
            seconds / 3600,
            thresholds.warning_hours,
            thresholds.critical_hours,
            show=lambda hours: duration(hours * 3600),
            message=message,
        )


CHECK = Check(
    title=Text("KingbaseES 物理备份", "KingbaseES backups"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux",),
    target="postgresql",
    target_kinds=("kingbase",),
    deadline_seconds=60,
    reads=(" ".join(COMMAND),),
    privilege=Text(
        "本机读取 sys_rman.conf 和备份目录（kingbase 组）",
        "reading sys_rman.conf and the repository on this host (group kingbase)",
    ),
    rules=(
        Rule(
            code="KB-004",
            title=Text("KingbaseES 备份时间", "Age of backups by sys_rman"),
            why=Text(
                "没有近期备份，数据损坏或误删后只能丢失数据。",
                "Without a recent backup, broken data and mistakes mean lost data.",
            ),
            remedy=Text(
                "检查 crontab 中的 sys_rman 任务、sys_log 目录下的日志和备份盘空间，"
                "修复后立即执行 sys_rman --type=full backup。",
                "Look at sys_rman's lines in crontab, its logs and the room on the backup disk; "
                "then run sys_rman --type=full backup.",
            ),
            priority=1,
            thresholds=AgeThresholds,
            evaluate=age,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
