"""The queries of a pack: one SELECT each, understood in the language of the database."""

from collections.abc import Iterator

from agent.databases.reading import demand_reading
from checks.api import Text
from checks.databases import Engine
from checks.errors import ProbeError
from checks.product_packs import Declaration

_DIALECTS = {
    Engine.MSSQL: "tsql",
    Engine.POSTGRESQL: "postgres",
    Engine.KINGBASE: "postgres",
    Engine.MYSQL: "mysql",
    Engine.MARIADB: "mysql",
    Engine.ORACLE: "oracle",
    Engine.DAMENG: "oracle",
}


def queries(declared: Declaration) -> Iterator[tuple[str, str]]:
    """Yield where each query of a pack stands, and its text."""
    sets, licence, periods = declared.account_sets, declared.licence, declared.periods
    if sets is not None:
        yield "account_sets.query", sets.query
        if sets.databases:
            yield "account_sets.databases", sets.databases
    if licence is not None and licence.query:
        yield "licence.query", licence.query
    if periods is not None:
        yield "periods.query", periods.query
    for number, metric in enumerate(declared.metrics, start=1):
        yield f"metrics[{number}].query", metric.query


def problem(query: str, engine: Engine) -> Text | None:
    """Return why a query may not be asked; None: it is one SELECT."""
    try:
        import sqlglot
        from sqlglot import exp
        from sqlglot.errors import SqlglotError
    except ImportError:
        return Text(
            "检查查询需要 sqlglot：请安装 xunjian[database]",
            "sqlglot is needed to examine queries: install xunjian[database]",
        )
    try:
        statements = [each for each in sqlglot.parse(query, dialect=_DIALECTS[engine]) if each]
    except SqlglotError as error:
        words = str(error).splitlines()[0].split(" Line ")[0][:200]
        return Text(f"不是有效的 SQL（{words}）", f"it is not valid SQL ({words})")
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        return Text("必须是单条 SELECT", "it must be a single SELECT")
    if statements[0].find(exp.Into, exp.Lock, exp.DML, exp.DDL, exp.Command):
        return Text("只能读取，不能写入或加锁", "it may only read, neither write nor lock")
    try:
        demand_reading(query)
    except ProbeError as error:
        return Text(f"不是只读查询（{error.detail}）", f"it is no reading query ({error.detail})")
    return None
