"""Settings that the data depend on: character sets, SQL mode, and the event scheduler."""

from collections.abc import Iterator

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Scope,
    Struct,
    Text,
    Thresholds,
    Verdict,
    info,
    not_applicable,
    ok,
    warning,
)
from checks.databases import Database
from checks.errors import part
from checks.judging import missing
from checks.mysql import TARGET
from checks.mysql._events import Events, enabled_events
from checks.mysql._server import SYSTEM_SCHEMAS, SYSTEMS, settings
from checks.mysql._table_growth import unseen
from checks.mysql._table_rows import hidden_schemas
from checks.wording import listing

VARIABLES = (
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('character_set_server', 'sql_mode', "
    "'lower_case_table_names', 'event_scheduler')"
)
SCHEMAS = (
    "SELECT schema_name AS name, default_character_set_name AS character_set "
    "FROM information_schema.schemata ORDER BY schema_name"
)
MOST_SCHEMAS = 50


class Schema(Struct, frozen=True):
    """A database and what its new tables are made with."""

    name: str
    character_set: str


class Facts(Struct, frozen=True):
    """The settings. `schemas`: those that the account may see."""

    character_set: str
    sql_mode: str
    lower_case_table_names: str
    event_scheduler: str
    schemas: tuple[Schema, ...]
    schemas_left_out: int
    hidden: int | Failure
    """Databases with InnoDB tables that the account can't see."""
    events: tuple[Events, ...] | Failure


def probe(database: Database) -> Facts:
    """Ask settings, databases and events. Raise a ProbeError."""
    variables = settings(database, VARIABLES)
    visible = [each for each in database.rows(SCHEMAS, Schema) if each.name not in SYSTEM_SCHEMAS]
    found = [each for each in visible if not database.excluded(each.name)]
    # What isn't utf8mb4 first: it is what the list is for.
    found.sort(key=lambda each: (each.character_set in GOOD, each.name))
    return Facts(
        character_set=variables.get("character_set_server", ""),
        sql_mode=variables.get("sql_mode", ""),
        lower_case_table_names=variables.get("lower_case_table_names", ""),
        event_scheduler=variables.get("event_scheduler", ""),
        schemas=tuple(found[:MOST_SCHEMAS]),
        schemas_left_out=max(0, len(found) - MOST_SCHEMAS),
        hidden=part(lambda: hidden_schemas(database, len(visible))),
        events=part(lambda: enabled_events(database)),
    )


GOOD = frozenset({"utf8mb4", "gb18030"})
"""Every Chinese character fits in; latin1, gbk and utf8mb3 lack some."""


class CharacterThresholds(Thresholds, frozen=True):
    """Nothing to set."""


class EventThresholds(Thresholds, frozen=True):
    """Nothing to set."""


_SERVER = Text(
    "服务器默认字符集为 {found}：未指定字符集的新库会沿用它，生僻字和表情存不进去。",
    "The server's character set is {found}: new databases inherit it, and rare characters and "
    "emoji don't fit in.",
)
_SCHEMA = Text(
    "数据库 {name} 的默认字符集为 {found}：新建的表会沿用它，部分汉字存不进去或变成问号。",
    "{name} makes its tables with {found}: some Chinese characters don't fit in or become ?.",
)
_LOOSE = Text(
    "sql_mode 没有 STRICT_TRANS_TABLES：超长或越界的数据会被悄悄截断后存入。",
    "sql_mode lacks STRICT_TRANS_TABLES: values too long or too large are cut in silence.",
)


def characters(
    facts: Facts, _thresholds: CharacterThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge the character sets of server and databases, and the SQL mode."""
    wanted = Text.same("utf8mb4")
    current = Text.same(facts.character_set)
    if facts.character_set in GOOD:
        yield ok("@@character_set_server", current, wanted)
    else:
        yield warning(
            "@@character_set_server", current, wanted, _SERVER.format(found=facts.character_set)
        )
    yield from unseen(facts.hidden)
    for schema in facts.schemas:
        shown, name = Text.same(schema.character_set), schema.name
        if schema.character_set in GOOD or schema.character_set == "binary":
            yield ok(name, shown, wanted)
        else:
            message = _SCHEMA.format(name=schema.name, found=schema.character_set)
            yield warning(name, shown, wanted, message)
    strict = "STRICT_TRANS_TABLES" in facts.sql_mode or "STRICT_ALL_TABLES" in facts.sql_mode
    mode = Text("严格" if strict else "不严格", "strict" if strict else "not strict")
    if strict:
        yield ok("@@sql_mode", mode, Text("严格", "strict"))
    else:
        yield info("@@sql_mode", mode, Text("严格", "strict"), _LOOSE)


_STOPPED = Text(
    "event_scheduler={state}，但有 {number} 个已启用的事件（{names}）：它们都不会执行。",
    "event_scheduler={state}, yet {number} events are enabled ({names}): none of them runs.",
)
_NO_EVENTS = Text("没有已启用的事件。", "No event is enabled.")


def scheduler(facts: Facts, _thresholds: EventThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether enabled events are run."""
    current, wanted = Text.same(facts.event_scheduler), Text.same("ON")
    if facts.event_scheduler.upper() in ("ON", "1"):
        yield ok("", current, wanted)
    elif isinstance(facts.events, Failure):
        yield from missing(facts.events)
    elif not facts.events:
        yield not_applicable("", _NO_EVENTS)
    else:
        names = listing([f"{each.schema_name}: {each.found}" for each in facts.events])
        number = sum(each.found for each in facts.events)
        message = _STOPPED.format(state=facts.event_scheduler, number=number, names=names)
        yield warning("", current, wanted, message)


CHECK: Check[Facts] = Check(
    title=Text("MySQL 字符集与事件", "MySQL character sets and events"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=SYSTEMS,
    target=TARGET,
    reads=(
        "SHOW GLOBAL VARIABLES (character_set_server, sql_mode, event_scheduler, …)",
        "information_schema.schemata",
        "information_schema.innodb_sys_tables (MySQL 8+: innodb_tables)",
        "mysql.event (MySQL 8+: information_schema.events): numbers of enabled events",
    ),
    privilege=Text(
        "PROCESS、REFERENCES ON *.*（列出数据库）；mysql.event 的 db、status 列的 SELECT，MySQL "
        "8+：EVENT",
        "PROCESS, REFERENCES ON *.* (to list databases); SELECT on db and status of mysql.event, "
        "on MySQL "
        "8+ EVENT",
    ),
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(
        Rule(
            code="MY-023",
            title=Text("字符集与 SQL 模式", "Character sets and SQL mode"),
            why=Text(
                "utf8（utf8mb3）和 latin1 存不下生僻字和表情，插入会报错或变成问号；"
                "人名、地名里的生僻字最常出问题。",
                "utf8 (utf8mb3) and latin1 can't hold rare characters and emoji: inserts fail or "
                "store ?; names of persons and places suffer first.",
            ),
            remedy=Text(
                "先与业务软件厂商确认，再在测试库演练：备份，ALTER DATABASE … CHARACTER SET "
                "utf8mb4，"
                "逐表 ALTER TABLE … CONVERT TO CHARACTER SET "
                "utf8mb4（会重建表并改变索引长度和排序规则）。"
                "新建库一律 utf8mb4。不要只改 character_set_server。",
                "With the application's vendor, rehearsed, after a backup: ALTER DATABASE … "
                "CHARACTER SET utf8mb4, then each table by ALTER TABLE … CONVERT TO CHARACTER SET "
                "utf8mb4 (it rebuilds the table; index lengths and collations change). New "
                "databases in utf8mb4; character_set_server alone changes nothing that exists.",
            ),
            priority=3,
            thresholds=CharacterThresholds,
            evaluate=characters,
            owner=Owner.APPLICATION_CONSULTANT,
        ),
        Rule(
            code="MY-026",
            title=Text("事件调度器", "Event scheduler"),
            why=Text(
                "业务靠事件做定时清理、汇总、结转；调度器没开，这些任务悄无声息地停了"
                "（常见于重启或迁移之后）。",
                "Applications clear, sum up and carry over by events; with the scheduler off they "
                "stop in silence, often after a restart or a move.",
            ),
            remedy=Text(
                "与业务方确认事件应当执行后，SET GLOBAL event_scheduler=ON 并写入配置文件"
                "（DISABLED 时需改配置并重启）；从库上应保持关闭。不再需要的事件用 ALTER EVENT … "
                "DISABLE。",
                "Once it is sure that they are to run: SET GLOBAL event_scheduler=ON, also in the "
                "configuration file (DISABLED takes a restart); on a replica it stays off. What is "
                "not needed: ALTER EVENT … DISABLE.",
            ),
            priority=2,
            thresholds=EventThresholds,
            evaluate=scheduler,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
