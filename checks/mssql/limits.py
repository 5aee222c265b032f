"""SQL Server: what the edition allows: the size of databases, and how long it runs."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    limit,
    not_applicable,
    not_run,
    ok,
)
from checks.databases import Database
from checks.errors import part
from checks.judging import judged, missing
from checks.mssql._job_facts import EDITION, EXPRESS, EditionRow
from checks.mssql._rights import demand_definitions
from checks.wording import days, percent, size
from wire.messages import Count, Label, Reason

EVALUATION_DAYS = 180
_GIBIBYTE = 2**30
_EXPRESS_BYTES = 10 * _GIBIBYTE
_EXPRESS_BYTES_2025 = 50 * _GIBIBYTE
INSTALLED = """
SELECT DATEDIFF(second, p.create_date, SYSDATETIME()) AS installed_seconds
FROM sys.server_principals AS p
WHERE p.sid = 0x010100000000000512000000
"""
"""Setup makes the login of NT AUTHORITY\\SYSTEM (S-1-5-18): its date is that of the set-up."""
DATA_SIZES = """
SELECT d.name AS name, SUM(CAST(f.size AS bigint)) * 8192 AS data_bytes
FROM sys.master_files AS f
JOIN sys.databases AS d ON d.database_id = f.database_id
WHERE f.type = 0 AND d.database_id > 4 AND d.source_database_id IS NULL
GROUP BY d.name
ORDER BY SUM(CAST(f.size AS bigint)) DESC
"""


class InstalledRow(Struct, frozen=True):
    """The answer to INSTALLED; no row where the login was dropped."""

    installed_seconds: float


class DataSize(Struct, frozen=True):
    """How large the data files of a database are; the log does not count."""

    name: Label
    data_bytes: Count


class Facts(Struct, frozen=True):
    """The edition and what it limits."""

    edition: Label
    express: bool
    express_bytes: Count
    """What Express lets the data files of one database have in this version."""
    evaluation: bool
    installed_seconds: float | Failure | None
    databases: tuple[DataSize, ...] | Failure


class EditionThresholds(Thresholds, frozen=True):
    """Of Express the share of its limit, of Evaluation the days left."""

    warning_percent: Annotated[float, limit("%", "OWN")] = 80
    critical_percent: Annotated[float, limit("%", "OWN")] = 90
    warning_days: Annotated[float, limit("d", "catalogue MSSQL-053; FRK#229")] = 30
    critical_days: Annotated[float, limit("d", "catalogue MSSQL-053")] = 7


def probe(database: Database) -> Facts:
    """Ask for the edition, the day of the set-up and the sizes. Raise a ProbeError."""
    edition = database.rows(EDITION, EditionRow)[0]
    express = edition.engine_edition == EXPRESS
    evaluation = "evaluation" in edition.edition.lower()
    return Facts(
        edition=edition.edition,
        express=express,
        express_bytes=_EXPRESS_BYTES_2025 if database.version >= (17,) else _EXPRESS_BYTES,
        evaluation=evaluation,
        installed_seconds=part(lambda: _installed(database)) if evaluation else None,
        databases=part(lambda: _sizes(database)) if express else (),
    )


def _installed(database: Database) -> float | None:
    rows = database.rows(INSTALLED, InstalledRow)
    if rows:
        return rows[0].installed_seconds
    demand_definitions(database)
    return None


def _sizes(database: Database) -> tuple[DataSize, ...]:
    demand_definitions(database)
    found = database.rows(DATA_SIZES, DataSize)
    return tuple(each for each in found if not database.excluded(each.name))


def edition(facts: Facts, thresholds: EditionThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge how near a free edition is to its end."""
    if facts.evaluation:
        yield _evaluation(facts, thresholds)
    if facts.express:
        yield from _express(facts, thresholds)
    if not facts.evaluation and not facts.express:
        yield not_applicable(
            "",
            Text("{edition} 没有容量和期限限制。", "{edition} has neither limit.").format(
                edition=facts.edition
            ),
        )


def _evaluation(facts: Facts, thresholds: EditionThresholds) -> Verdict:
    installed = facts.installed_seconds
    if isinstance(installed, Failure):
        return not_run("evaluation", installed)
    if installed is None:
        return not_run("evaluation", Failure(Reason.UNSUPPORTED, "NT AUTHORITY\\SYSTEM"))
    left = EVALUATION_DAYS - installed / 86400
    if left <= 0:
        words = Text(
            "评估版已到期，SQL Server 服务下次启动会失败。",
            "The evaluation is over: the service will not start again.",
        )
    else:
        words = Text(
            "评估版还有 {left}到期，到期后 SQL Server 服务无法启动。",
            "The evaluation ends in {left}; after that the service does not start.",
        ).format(left=days(left))
    return judged(
        "evaluation",
        left,
        thresholds.warning_days,
        thresholds.critical_days,
        show=lambda value: days(max(0.0, value)),
        message=words,
        lower_is_worse=True,
    )


def _express(facts: Facts, thresholds: EditionThresholds) -> Iterator[Verdict]:
    if isinstance(facts.databases, Failure):
        yield from missing(facts.databases)
        return
    for each in facts.databases:
        yield judged(
            each.name,
            each.data_bytes / facts.express_bytes * 100,
            thresholds.warning_percent,
            thresholds.critical_percent,
            show=percent,
            message=Text(
                "数据库 {name} 的数据文件已有 {size}，{edition} 的上限是 {most}，"
                "到达后无法再写入。",
                "The data files of {name} have {size}; {edition} stops writing at {most}.",
            ).format(
                name=each.name,
                size=size(each.data_bytes),
                edition=facts.edition,
                most=size(facts.express_bytes),
            ),
        )
    if not facts.databases:
        yield ok("", Text("没有用户数据库", "no users' database"), size(facts.express_bytes))


CHECK = Check(
    title=Text("SQL Server 版本限制", "SQL Server edition limits"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    reads=("SERVERPROPERTY", "sys.server_principals", "sys.master_files, sys.databases"),
    privilege=Text.same("VIEW ANY DEFINITION"),
    rules=(
        Rule(
            code="MSSQL-053",
            title=Text("版本容量与期限", "Edition limits"),
            why=Text(
                "Express 单库数据文件到上限（2022 及以下 10 GB，2025 为 50 GB）后所有单据无法保存；"
                "评估版 180 天到期后服务无法启动。",
                "At its limit (10 GB a database, 50 GB with 2025) Express saves nothing any more; "
                "Evaluation does not start after 180 days.",
            ),
            remedy=Text(
                "尽早购买并升级为标准版（版本升级可原地进行，须停机，先做完整备份）；"
                "过渡期可归档历史数据、清理日志表，收缩数据文件只作应急，会造成索引碎片。",
                "Buy Standard and upgrade the edition in time (in place, with a stop; back up "
                "first). Until then archive old data and empty log tables; shrinking data files "
                "is for emergencies only: it fragments the indexes.",
            ),
            priority=1,
            thresholds=EditionThresholds,
            evaluate=edition,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
