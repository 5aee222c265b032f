"""PostgreSQL: invalid indexes; unused and redundant ones, and foreign keys without one."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    critical,
    info,
    limit,
    ok,
)
from checks.postgresql._each_database import verdicts
from checks.postgresql._index_facts import Doubtful, Facts, Indexes, Invalid, facts_of
from checks.wording import duration, listing, size


class ValidThresholds(Thresholds, frozen=True):
    """Nothing to set: an index is valid, or it is not."""


_VALID = Text("有效", "valid")
_NOT_VALID = Text("无效", "invalid")
_ALL_VALID = Text("无效索引：0", "invalid indexes: 0")
_BUILDING = Text("正在创建", "being built")
_BUILD = Text(
    "表 {table} 的索引 {name} 正在创建或重建，完成后才有效。",
    "The index {name} of {table} is being built and will be valid afterwards.",
)
_UNFINISHED = Text(
    "分区表 {table} 的索引 {name} 无效：有分区还没有挂上对应的索引。",
    "The index {name} of the partitioned table {table} is invalid: a partition lacks its index.",
)
_INVALID = Text(
    "表 {table} 的索引 {name} 无效：查询不会使用它，写入时却仍要维护它。{unique}",
    "The index {name} of {table} is invalid: no query uses it, every write keeps it up.{unique}",
)
_UNIQUE = Text(
    "它是唯一索引，唯一性目前没有保证。", " It is a unique one: nothing keeps values unique now."
)


def valid(facts: Facts, _thresholds: ValidThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge every index that is not valid; one ok for a database that has none."""

    def judge(name: str, found: tuple[Indexes, ...]) -> Iterator[Verdict]:
        invalid = [index for one in found for index in one.invalid]
        for index in invalid:
            yield _invalid(f"{name}.{index.schema}.{index.name}", index)
        if not invalid:
            yield ok(name, _ALL_VALID, _VALID)

    yield from verdicts(facts.indexes, judge)


def _invalid(object: str, index: Invalid) -> Verdict:
    if index.building:
        message = _BUILD.format(table=index.table, name=index.name)
        return info(object, _BUILDING, _VALID, message)
    message = _UNFINISHED if index.partitioned else _INVALID
    unique: Text | str = _UNIQUE if index.is_unique else ""
    told = message.format(table=index.table, name=index.name, unique=unique)
    return critical(object, _NOT_VALID, _VALID, told)


class UseThresholds(Thresholds, frozen=True):
    """How long uses must have been counted before an index is called unused."""

    least_days: Annotated[float, limit("d", "OWN: month-end reports run once a month")] = 35


_NOTHING = Text("没有需要评估的索引", "no index to look at")
_LOOKED = Text("无多余、无缺失", "none too many, none missing")
_FOUND = Text(
    "未用 {unused}，重复 {redundant}，外键缺索引 {foreign_key}",
    "unused {unused}, redundant {redundant}, foreign keys without one {foreign_key}",
)
_SENTENCES = {
    "unused": Text(
        "近 {age}内从未被使用的索引 {count} 个，共 {size}：{names}。",
        "{count} indexes ({size}) were not used within {age}: {names}.",
    ),
    "redundant": Text(
        "已被另一索引覆盖的索引 {count} 个，共 {size}：{names}。",
        "{count} indexes ({size}) are covered by another one: {names}.",
    ),
    "foreign_key": Text(
        "引用方没有索引的外键 {count} 个：{names}。",
        "{count} foreign keys have no index on their own side: {names}.",
    ),
}


def use(facts: Facts, thresholds: UseThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """List, for every database, what is worth a look; never more than an info."""

    def judge(name: str, found: tuple[Indexes, ...]) -> Iterator[Verdict]:
        counted = found[0].counted_seconds or 0
        told = counted >= thresholds.least_days * 86400
        doubtful = {
            kind: [
                each
                for each in found[0].doubtful
                if each.kind == kind and (told or kind != "unused")
            ]
            for kind in _SENTENCES
        }
        if not any(doubtful.values()):
            yield ok(name, _NOTHING, _LOOKED)
            return
        counts = {kind: len(each) for kind, each in doubtful.items()}
        sentences = [_sentence(kind, each, counted) for kind, each in doubtful.items() if each]
        message = Text(
            "".join(each.zh for each in sentences), " ".join(each.en for each in sentences)
        )
        yield info(name, _FOUND.format(**counts), _LOOKED, message)

    yield from verdicts(facts.indexes, judge)


def _sentence(kind: str, doubtful: list[Doubtful], counted: int) -> Text:
    names = [
        f"{each.schema}.{each.table}({each.name})"
        if kind == "foreign_key"
        else f"{each.schema}.{each.name}"
        for each in doubtful
    ]
    return _SENTENCES[kind].format(
        count=len(doubtful),
        size=size(sum(each.size_bytes for each in doubtful)),
        age=duration(counted),
        names=listing(names),
    )


CHECK = Check(
    title=Text("PostgreSQL 索引", "PostgreSQL indexes"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=facts_of,
    systems=("linux", "windows"),
    target="postgresql",
    deadline_seconds=120,
    reads=(
        "pg_database",
        "pg_index",
        "pg_class",
        "pg_constraint",
        "pg_stat_user_indexes",
        "pg_stat_database",
        "pg_stat_bgwriter",
        "pg_stat_progress_create_index (12+)",
        "pg_locks, pg_stat_activity (10, 11)",
    ),
    privilege=Text(
        "每个数据库的 CONNECT；角色 pg_monitor", "CONNECT on every database; pg_monitor"
    ),
    rules=(
        Rule(
            code="PG-019",
            title=Text("无效索引", "Invalid indexes"),
            why=Text(
                "CREATE INDEX CONCURRENTLY 或 REINDEX 中途失败会留下无效索引：查询用不上，"
                "写入照样变慢；若是唯一索引，重复数据可以写进来。",
                "A CREATE INDEX CONCURRENTLY or REINDEX that failed leaves an invalid index: of no "
                "use to queries, a burden to writes; where it should be unique, doubles get in.",
            ),
            remedy=Text(
                "确认没有正在执行的建索引操作后执行 REINDEX INDEX CONCURRENTLY 索引名（12 "
                "及以上），"
                "或 DROP INDEX CONCURRENTLY 后重建；名称以 _ccnew、_ccold 结尾的是重建失败的残留，"
                "直接删除即可。唯一索引先清理重复数据。",
                "Make sure that no build is running, then REINDEX INDEX CONCURRENTLY name (12 and "
                "later), or DROP INDEX CONCURRENTLY and create it again; those that end in _ccnew "
                "or _ccold are left by a failed rebuild and can be dropped. Remove doubles first "
                "where it should be unique.",
            ),
            priority=1,
            thresholds=ValidThresholds,
            evaluate=valid,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="PG-020",
            title=Text("冗余与缺失的索引", "Redundant and missing indexes"),
            why=Text(
                "用不到的索引每次写入都要维护、每次备份都要带上；外键的引用列没有索引时，"
                "删除主表一行要扫描整张子表并长时间持锁。",
                "An index without use costs every write and every backup; a foreign key without "
                "one makes each delete of a parent scan the whole child table, under locks.",
            ),
            remedy=Text(
                "与应用厂商确认后再删除（DROP INDEX CONCURRENTLY），备库上的查询和月末、年末报表"
                "也可能用到它，主库统计看不到备库的使用；外键缺索引的用 CREATE INDEX CONCURRENTLY "
                "在引用列上补建。",
                "Ask the vendor of the application before dropping one (DROP INDEX CONCURRENTLY): "
                "queries on a standby, which are not counted here, and reports at the end of a "
                "month or year may need it. Add what is missing by CREATE INDEX CONCURRENTLY.",
            ),
            priority=3,
            thresholds=UseThresholds,
            evaluate=use,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
