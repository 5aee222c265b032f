"""Transaction numbers: how far each database is from the end of them, and from a forced freeze."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Measure,
    Owner,
    Past,
    Rule,
    State,
    Text,
    Thresholds,
    Verdict,
    grade,
    info,
    limit,
    ok,
)
from checks.postgresql._age_facts import Ages, Facts, probe
from checks.wording import listing, percent

_ALL_TRANSACTIONS = 2**31


class EndThresholds(Thresholds, frozen=True):
    """Numbers used since the oldest row; at 2,147 millions the server stops."""

    info_millions: Annotated[float, limit("million", "catalogue PG-003: forced freeze, 200 M")] = (
        200
    )
    warning_millions: Annotated[float, limit("million", "CPG txn_wraparound 1.3e9")] = 1300
    critical_millions: Annotated[float, limit("million", "CPG txn_wraparound 1.4e9; PCK F002")] = (
        1400
    )


class FreezeThresholds(Thresholds, frozen=True):
    """Share of the age at which autovacuum freezes by force.

    Where autovacuum is on, the freeze begins by itself at 100 % and takes its time: up to
    `begun_percent` that is told and not judged.
    """

    warning_percent: Annotated[float, limit("%", "CPG autovac_freeze 90 %")] = 90
    critical_percent: Annotated[float, limit("%", "CPG autovac_freeze 95 %")] = 95
    begun_percent: Annotated[float, limit("%", "OWN; PGA: more than 100 %")] = 110


_FORCED = Text(
    "数据库 {name} 的事务年龄为 {age}，autovacuum 会强制冻结，属正常过程，离停库还有 {left}。",
    "{name} is {age} transactions old: autovacuum freezes it by force, which is normal; {left} are "
    "left.",
)
_ENDING = Text(
    "数据库 {name} 的事务年龄已达 {age}，再过 {left}个事务，整个实例将拒绝写入。{tables}",
    "{name} is {age} transactions old; after {left} more the whole instance refuses to write."
    "{tables}",
)
_DUE = Text(
    "数据库 {name} 的{kind}年龄为强制冻结阈值的 {share}（{age}），"
    "达到 100% 后 autovacuum 会自动冻结，属正常过程。",
    "{name}: the age of {kind} is {share} of that of a forced freeze ({age}); at 100 % autovacuum "
    "begins by itself, which is normal.",
)
_OVERDUE = Text(
    "数据库 {name} 的{kind}年龄为强制冻结阈值的 {share}（{age}），{cause}。{tables}",
    "{name}: the age of {kind} is {share} of that of a forced freeze ({age}): {cause}.{tables}",
)
_LATE = Text("强制冻结未完成", "the freeze has not been done")
_OFF = Text("且 autovacuum 已关闭", "and autovacuum is off")
_TABLES = Text("最老的表：{names}。", " Its oldest tables: {names}.")
_ROWS = Text("事务", "transactions")
_MULTIXACTS = Text("多事务（multixact）", "multixacts")


def end(facts: Facts, thresholds: EndThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge how far every database is from the end of transaction numbers."""
    reference = Text("< {limit}", "< {limit}").format(
        limit=_counted(thresholds.warning_millions * 1e6)
    )
    for each in facts.databases:
        millions = each.transactions / 1e6
        state = grade(millions, thresholds.warning_millions, thresholds.critical_millions)
        age, left = _counted(each.transactions), _counted(_ALL_TRANSACTIONS - each.transactions)
        if state is not State.OK:
            message = _ENDING.format(name=each.name, age=age, left=left, tables=_tables(each))
            yield Verdict(each.name, state, age, reference, message)
        elif millions >= thresholds.info_millions:
            yield info(
                each.name, age, reference, _FORCED.format(name=each.name, age=age, left=left)
            )
        else:
            yield ok(each.name, age, reference)


def freeze(facts: Facts, thresholds: FreezeThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether every database is frozen in time, by the worse of its two ages."""
    for each in facts.databases:
        yield _frozen(facts, each, thresholds)


def _frozen(facts: Facts, each: Ages, thresholds: FreezeThresholds) -> Verdict:
    share, age, kind = 100 * each.transactions / facts.freeze_transactions, each.transactions, _ROWS
    if each.multixacts is not None and facts.freeze_multixacts:
        other = 100 * each.multixacts / facts.freeze_multixacts
        if other > share:
            share, age, kind = other, each.multixacts, _MULTIXACTS
    reference = Text.same(f"< {thresholds.warning_percent:g}%")
    state = grade(share, thresholds.warning_percent, thresholds.critical_percent)
    if state is State.OK:
        return ok(each.name, percent(share), reference)
    told: dict[str, Text | str | float] = {
        "name": each.name,
        "kind": kind,
        "share": percent(share),
        "age": _counted(age),
    }
    if facts.autovacuum and share < thresholds.begun_percent:
        return info(each.name, percent(share), reference, _DUE.format(**told))
    cause = _LATE if facts.autovacuum else _OFF
    message = _OVERDUE.format(**told, cause=cause, tables=_tables(each))
    return Verdict(each.name, state, percent(share), reference, message)


def _tables(each: Ages) -> Text | str:
    if isinstance(each.oldest_tables, Failure) or not each.oldest_tables:
        return ""
    return _TABLES.format(names=listing(list(each.oldest_tables)))


def _counted(age: float) -> Text:
    """Return a number of transactions as people say it: in 亿, in millions."""
    return Text(f"{age / 1e8:.2f} 亿", f"{age / 1e6:.0f} million")


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield the age of every database in transactions."""
    for each in facts.databases:
        yield Measure("transactions", each.name, each.transactions)


_REMEDY = Text(
    "先排除阻止清理的原因：长事务、两阶段事务（pg_prepared_xacts）、失效的复制槽；"
    "再连接到该库执行 VACUUM (FREEZE, VERBOSE) 最老的表（用 SELECT relname, age(relfrozenxid) FROM "
    "pg_class WHERE relkind = 'r' ORDER BY 2 DESC 查找），低峰期执行，会产生较多 I/O；"
    "长期措施是调大 autovacuum_max_workers、autovacuum_vacuum_cost_limit。",
    "First remove what keeps rows from being cleaned: long or prepared transactions, dead slots. "
    "Then VACUUM (FREEZE, VERBOSE) the oldest tables of the database (SELECT relname, "
    "age(relfrozenxid) FROM pg_class WHERE relkind = 'r' ORDER BY 2 DESC) when few work: it costs "
    "much I/O. In the long run raise autovacuum_max_workers and autovacuum_vacuum_cost_limit.",
)

CHECK = Check(
    title=Text("PostgreSQL 事务号", "PostgreSQL transaction numbers"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    measures=measures,
    reads=("pg_database", "pg_settings", "pg_class (of databases that are due)"),
    privilege=Text(
        "任意登录用户；列出最老的表需要各库的 CONNECT",
        "any account; CONNECT on a database to name its oldest tables",
    ),
    systems=("linux", "windows"),
    target="postgresql",
    rules=(
        Rule(
            code="PG-003",
            title=Text("事务年龄", "Transaction age"),
            why=Text(
                "事务号约 21 亿后回卷，为避免数据丢失，PostgreSQL 会停止接受写入，"
                "要停业务长时间冻结才能恢复。",
                "Transaction numbers wrap after 2.1 thousand millions; before that PostgreSQL "
                "refuses to write, and only a long freeze without users helps.",
            ),
            remedy=_REMEDY,
            priority=1,
            thresholds=EndThresholds,
            evaluate=end,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="PG-004",
            title=Text("冻结进度（事务与 multixact）", "Freezing in time"),
            why=Text(
                "超过强制冻结阈值说明 autovacuum 跟不上或被阻止；"
                "集中的强制冻结会带来 I/O 高峰，继续拖延则走向停库。",
                "Beyond the age of a forced freeze autovacuum does not keep up or is kept from "
                "it: I/O storms follow, and in the end the server stops.",
            ),
            remedy=_REMEDY,
            priority=1,
            thresholds=FreezeThresholds,
            evaluate=freeze,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
