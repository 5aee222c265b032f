"""Replication slots: which nobody uses, how much WAL they hold, which are lost."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Measure,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    not_applicable,
    ok,
    warning,
)
from checks.databases import Database
from checks.errors import Unsupported
from checks.wording import duration, size
from wire.messages import Label

_COLUMNS = """
SELECT slot_name AS name, slot_type AS kind, database, active,
       greatest(age(xmin), age(catalog_xmin)) AS held_transactions,
"""
_RETAINED = """
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()
                            ELSE pg_current_wal_lsn() END, restart_lsn) AS retained_bytes
"""
SLOTS_9 = f"""{_COLUMNS}
       pg_xlog_location_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_xlog_receive_location()
                                  ELSE pg_current_xlog_location() END,
                             restart_lsn) AS retained_bytes
FROM pg_replication_slots
"""
SLOTS_12 = f"{_COLUMNS}{_RETAINED}FROM pg_replication_slots WHERE NOT temporary\n"
SLOTS_16 = f"""{_COLUMNS}{_RETAINED}, wal_status, safe_wal_size AS safe_bytes
FROM pg_replication_slots WHERE NOT temporary
"""
# Slots that a standby copies from its primary are never active there.
SLOTS = f"""{_COLUMNS}{_RETAINED}, wal_status, safe_wal_size AS safe_bytes,
       EXTRACT(epoch FROM clock_timestamp() - inactive_since) AS inactive_seconds,
       invalidation_reason AS invalid
FROM pg_replication_slots WHERE NOT temporary AND NOT synced
"""


class Slot(Struct, frozen=True, omit_defaults=True):
    """One slot that stays; temporary ones go with their session."""

    name: Label
    kind: Label
    """physical or logical."""
    database: Label | None
    """Of a logical slot."""
    active: bool
    retained_bytes: float | None
    """None where it holds no WAL: it was never used, or it is lost."""
    held_transactions: int | None = None
    """Age of the oldest row that VACUUM may not remove because of it."""
    wal_status: Label | None = None
    """From 13 on: reserved, extended, unreserved, lost."""
    safe_bytes: float | None = None
    """What may be written until it is lost; None without max_slot_wal_keep_size."""
    inactive_seconds: float | None = None
    """From 17 on."""
    invalid: Label | None = None
    """From 17 on: why it can't be used any more."""


class Facts(Struct, frozen=True):
    """All slots."""

    slots: tuple[Slot, ...]


def probe(database: Database) -> Facts:
    """Read the slots. Raise a ProbeError."""
    if database.version < (9, 4):
        raise Unsupported("pg_replication_slots")
    gates = (((17,), SLOTS), ((13,), SLOTS_16), ((10,), SLOTS_12), ((9, 4), SLOTS_9))
    query = next(query for least, query in gates if database.version >= least)
    return Facts(database.rows(query, Slot))


class SlotThresholds(Thresholds, frozen=True):
    """How long nobody may use a slot, and how much WAL it may hold."""

    inactive_hours: Annotated[float, limit("h", "catalogue PG-009")] = 1
    critical_gibibytes: Annotated[float, limit("GiB", "OWN, catalogue PG-009")] = 20


_NONE = Text("没有复制槽。", "There are no replication slots.")
_HOLDS = Text("滞留 {bytes}", "holds {bytes}")
_WANTED = Text("有消费者连接，滞留 < {limit}", "in use, holds < {limit}")
_LOST = Text(
    "复制槽 {name}（{kind}）已失效（{why}）：使用它的备库或订阅无法继续，必须重建。",
    "The slot {name} ({kind}) is lost ({why}): the standby or subscription that used it must be "
    "built anew.",
)
_FULL = Text(
    "复制槽 {name}（{kind}）滞留了 {bytes} WAL{use}，磁盘可能被写满。",
    "The slot {name} ({kind}) holds {bytes} of WAL{use}: it may fill the disk.",
)
_INACTIVE = Text(
    "复制槽 {name}（{kind}）没有消费者{since}，已滞留 {bytes} WAL 且会继续增长。",
    "Nobody uses the slot {name} ({kind}){since}; it holds {bytes} of WAL, and more and more.",
)
_SINCE = Text("，已 {time}", " for {time}")
_UNUSED = Text("，且没有消费者", ", and nobody uses it")
_SOON = Text(
    "复制槽 {name}（{kind}）需要的 WAL 即将被清理（wal_status = {status}），消费者落后太多。",
    "WAL that the slot {name} ({kind}) needs is about to go (wal_status = {status}): who uses it "
    "is too far behind.",
)


def held(facts: Facts, thresholds: SlotThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge every slot."""
    if not facts.slots:
        yield not_applicable("", _NONE)
    for slot in facts.slots:
        yield _slot(slot, thresholds, past)


def _slot(slot: Slot, thresholds: SlotThresholds, past: Past[Facts]) -> Verdict:
    retained = slot.retained_bytes or 0
    limit_bytes = thresholds.critical_gibibytes * 2**30
    current = _HOLDS.format(bytes=size(retained))
    reference = _WANTED.format(limit=size(limit_bytes))
    told: dict[str, Text | str | float] = {
        "name": slot.name,
        "kind": slot.kind,
        "bytes": size(retained),
    }
    if slot.wal_status == "lost" or slot.invalid:
        message = _LOST.format(name=slot.name, kind=slot.kind, why=slot.invalid or "lost")
        return critical(slot.name, Text("已失效", "lost"), reference, message)
    if retained >= limit_bytes:
        message = _FULL.format(**told, use="" if slot.active else _UNUSED)
        return critical(slot.name, current, reference, message)
    if slot.wal_status == "unreserved":
        message = _SOON.format(name=slot.name, kind=slot.kind, status="unreserved")
        return warning(slot.name, current, reference, message)
    if not slot.active and not _lately(slot, thresholds.inactive_hours * 3600, past):
        since: Text | str = ""
        if slot.inactive_seconds is not None:
            since = _SINCE.format(time=duration(slot.inactive_seconds))
        message = _INACTIVE.format(**told, since=since)
        return warning(slot.name, current, reference, message)
    return ok(slot.name, current, reference)


def _lately(slot: Slot, seconds: float, past: Past[Facts]) -> bool:
    """Return whether a slot is known to have been used within the time: if not, it may be left."""
    if slot.inactive_seconds is not None:
        return slot.inactive_seconds < seconds
    if past.previous is None or past.elapsed_seconds is None or past.elapsed_seconds >= seconds:
        return False
    return any(before.name == slot.name and before.active for before in past.previous.slots)


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield what every slot holds."""
    for slot in facts.slots:
        if slot.retained_bytes is not None:
            yield Measure("retained_bytes", slot.name, slot.retained_bytes)


CHECK = Check(
    title=Text("PostgreSQL 复制槽", "PostgreSQL replication slots"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    measures=measures,
    reads=("pg_replication_slots", "pg_current_wal_lsn()"),
    privilege=Text("任意登录用户", "any account"),
    systems=("linux", "windows"),
    target="postgresql",
    rules=(
        Rule(
            code="PG-009",
            title=Text("复制槽", "Replication slots"),
            why=Text(
                "没有消费者的复制槽会让主库一直保留 WAL，直到写满磁盘、数据库停止；"
                "还会阻止 VACUUM 清理。",
                "A slot that nobody uses makes the server keep its WAL until the disk is full and "
                "it stops; it also keeps VACUUM from cleaning.",
            ),
            remedy=Text(
                "先确认对应的备库、订阅或同步工具（CDC）是否还要用：要用的尽快恢复连接；"
                "确认废弃后执行 SELECT pg_drop_replication_slot('名称')，"
                "删除后该备库或订阅只能重建。"
                "并设置 max_slot_wal_keep_size（13 起）限制滞留量。",
                "Find out whether its standby, subscription or CDC tool is still wanted: then get "
                "it to connect. Only what is certainly abandoned: SELECT "
                "pg_drop_replication_slot('NAME'), after which that standby must be built anew. "
                "Set max_slot_wal_keep_size (from 13 on) as a bound.",
            ),
            priority=1,
            thresholds=SlotThresholds,
            evaluate=held,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
