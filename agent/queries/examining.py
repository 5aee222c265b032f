"""Find out before it is asked whether a declared query is one SELECT that only reads.

Two readings must agree: the parser's, in the dialect of the engine, and the port's own word list
(agent.databases.reading), which knows no dialect.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from agent.databases.reading import demand_reading
from agent.queries.functions import forbidden
from checks.api import Text
from checks.databases import Engine
from checks.errors import Unsupported

if TYPE_CHECKING:
    from sqlglot import exp

_DIALECTS = {
    Engine.MSSQL: "tsql",
    Engine.POSTGRESQL: "postgres",
    Engine.KINGBASE: "postgres",
    Engine.MYSQL: "mysql",
    Engine.MARIADB: "mysql",
    Engine.ORACLE: "oracle",
    # Of Oracle's kind, and no parser knows it better.
    Engine.DAMENG: "oracle",
}
_BEGINNINGS = ("SELECT", "WITH")
_NAMES = {"lock": "FOR UPDATE", "propertyeq": ":=", "nextvaluefor": "NEXT VALUE FOR"}
"""Of the parser's nodes that no one would know by its own."""
_IN_SIGHT = {Engine.POSTGRESQL: ("pg_",), Engine.KINGBASE: ("pg_", "sys_")}
"""What tables without a schema may begin with: the session sees the catalogue alone."""
_BY_DATABASE = (Engine.MYSQL, Engine.MARIADB)

_MUST = Text("一条只读的 SELECT 语句：{why}", "one SELECT that only reads: {why}")
_NO_PARSER = Text(
    "经 sqlglot 检查过的语句：本机没有安装 sqlglot，请安装附加组件 xunjian[database] 后重试",
    "examined by sqlglot: it is not installed here, install the extra xunjian[database]",
)
_UNREADABLE = Text(
    "按 {dialect} 语法读不通（语句第 {line} 行第 {column} 列附近）",
    "it can't be read as {dialect} (near line {line}, column {column} of the query)",
)
_UNREADABLE_WHOLE = Text("按 {dialect} 语法读不通", "it can't be read as {dialect}")
_STATEMENTS = Text("这里有 {count} 条语句", "these are {count} statements")
_NOT_SELECT = Text("它以 {word} 开头", "it begins with {word}")
_HAS = Text("其中有 {word}，请去掉", "it has {word}: leave that out")
_WORD = Text(
    "其中有 {word}；不能写入、加锁，也不能带注释；作列名时请加引号",
    "it has {word}: nothing that writes or locks, no comments; quote it where it is a name",
)
_CALL = Text(
    "其中调用了 {word}，它会改动、等待或越出本库",
    "it calls {word}, which changes something, waits, or reaches beyond the server",
)
_ELSEWHERE = Text("{table} 在另一台服务器上", "{table} is on another server")
_NO_SCHEMA = Text(
    "表名 {table} 要写明所在模式，例如 public.{table}",
    "name the schema of the table {table}, such as public.{table}",
)
_NO_DATABASE = Text(
    "表名 {table} 要写明所在库，例如 erp.{table}",
    "name the database of the table {table}, such as erp.{table}",
)
_NO_COLUMN = Text(
    "结果中没有 columns 所列的 {name}，请用 AS {name} 命名",
    "its result has no column {name} of columns: name one by AS {name}",
)


def problem(query: str, engine: Engine, *, columns: Collection[str], home: str) -> Text | None:
    """Return what a query must be and is not; None: it may be asked.

    `columns` must be in its result where it names them; `home` is the database that the connection
    signs in to, empty for none.
    """
    try:
        from sqlglot import errors, exp, parse, tokenize
    except ImportError:
        return _NO_PARSER
    dialect = _DIALECTS[engine]
    # Its parser says what it does not know on standard error.
    logging.getLogger("sqlglot").disabled = True
    try:
        words = [token.text for token in tokenize(query, read=dialect) if _is_word(token)]
        if not words or words[0].upper() not in _BEGINNINGS:
            return _must(_NOT_SELECT, word=words[0].upper() if words else "''")
        trees = parse(query, read=dialect)
    except errors.ParseError as error:
        place = error.errors[0] if error.errors else {}
        line, column = place.get("line"), place.get("col")
        if line is None or column is None:
            return _must(_UNREADABLE_WHOLE, dialect=dialect)
        return _must(_UNREADABLE, dialect=dialect, line=line, column=column)
    except (errors.SqlglotError, RecursionError):
        return _must(_UNREADABLE_WHOLE, dialect=dialect)
    if len(trees) != 1:
        return _must(_STATEMENTS, count=len(trees))
    tree = trees[0]
    if not isinstance(tree, exp.Select | exp.SetOperation):
        return _must(_HAS, word=tree.key.upper() if tree else "''")
    for node in tree.walk():
        if isinstance(node, _writing()):
            return _must(_HAS, word=_NAMES.get(node.key, node.key.upper()))
    try:
        demand_reading(query)
    except Unsupported as error:
        return _must(_WORD, word=error.detail.partition(" in ")[0])
    if any("\\" in word for word in words):
        # PostgreSQL: U&"..." may spell any name without naming it.
        return _must(_WORD, word="\\")
    call = forbidden(words, engine)
    if call is not None:
        return _must(_CALL, word=call)
    return _wrong_table(tree, engine, words, home) or _missing_column(tree, columns)


def _must(why: Text, **values: str | int) -> Text:
    return _MUST.format(why=why.format(**values))


def _is_word(token: object) -> bool:
    """Return whether a token is no text between quotes: what a string says is nobody's order."""
    from sqlglot import TokenType

    strings = (
        TokenType.STRING,
        TokenType.NATIONAL_STRING,
        TokenType.RAW_STRING,
        TokenType.HEREDOC_STRING,
        TokenType.UNICODE_STRING,
        TokenType.BYTE_STRING,
        TokenType.HEX_STRING,
        TokenType.BIT_STRING,
    )
    return getattr(token, "token_type", None) not in strings


def _writing() -> "tuple[type[exp.Expr], ...]":
    from sqlglot import exp

    return (
        exp.DML,
        exp.DDL,
        exp.Merge,
        exp.Drop,
        exp.Alter,
        exp.TruncateTable,
        exp.Command,
        exp.Into,
        exp.Lock,
        exp.Set,
        exp.Use,
        exp.Kill,
        exp.Copy,
        exp.LoadData,
        exp.Transaction,
        exp.Commit,
        exp.Rollback,
        exp.Grant,
        exp.Revoke,
        exp.Analyze,
        exp.Describe,
        exp.Pragma,
        exp.NextValueFor,
        # MySQL: SELECT @a := 1
        exp.PropertyEQ,
        # A value that nobody would give.
        exp.Placeholder,
    )


def _wrong_table(tree: "exp.Expr", engine: Engine, words: Sequence[str], home: str) -> Text | None:
    for table in _tables(tree):
        if len(table.parts) > 3:
            return _must(_ELSEWHERE, table=table.sql())
        if table.db:
            continue
        if engine in _IN_SIGHT and not table.name.lower().startswith(_IN_SIGHT[engine]):
            return _must(_NO_SCHEMA, table=table.name)
        if engine in _BY_DATABASE and not home and table.name.lower() != "dual":
            return _must(_NO_DATABASE, table=table.name)
    if engine in (Engine.ORACLE, Engine.DAMENG):
        for word in words:
            if "@" in word:
                return _must(_ELSEWHERE, table=word)
    return None


def _tables(tree: "exp.Expr") -> "Iterator[exp.Table]":
    """Yield the tables that a query names, without those that it makes up itself."""
    from sqlglot import exp

    made = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if table.name and not (not table.db and table.name.lower() in made):
            yield table


def _missing_column(tree: "exp.Expr", columns: Collection[str]) -> Text | None:
    from sqlglot import exp

    assert isinstance(tree, exp.Query)
    if tree.is_star:
        return None
    given = {name.lower() for name in tree.named_selects}
    for name in columns:
        if name.lower() not in given:
            return _must(_NO_COLUMN, name=name)
    return None
