"""PostgreSQL: extensions that were not updated, and collations that changed under their indexes."""

from collections.abc import Iterator

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
    ok,
    warning,
)
from checks.postgresql._each_database import verdicts
from checks.postgresql._extension_facts import Facts, Inside, facts_of


class VersionThresholds(Thresholds, frozen=True):
    """Nothing to set: versions are the same, or they are not."""


_SAME = Text("版本一致", "versions agree")
_SAME_15 = Text("版本一致（15 之前不记录库的排序规则）", "versions agree (before 15 in part)")
_BEHIND = Text(
    "数据库 {database} 中扩展 {name} 仍是 {installed}，服务器上的文件已是 {default}。",
    "The extension {name} in {database} is {installed}; the files on the server are {default}.",
)
_CHANGED = Text(
    "{what} 建立时的排序规则版本是 {recorded}，系统现在提供的是 {present}："
    "文本索引的顺序可能已经错乱。",
    "{what} was made with version {recorded} of its collation; the system now has {present}: "
    "indexes on text may be in a wrong order.",
)
_DATABASE = Text("数据库 {name}", "The database {name}")
_COLLATION = Text("数据库 {database} 的排序规则 {name}", "The collation {name} of {database}")


def versions(facts: Facts, _thresholds: VersionThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge every extension and collation that differs; one ok for a database without."""
    same = _SAME if facts.knows_database_collation else _SAME_15

    def judge(name: str, found: tuple[Inside, ...]) -> Iterator[Verdict]:
        inside = found[0]
        for collation in inside.collations:
            what = (
                _COLLATION.format(name=collation.name, database=name)
                if collation.name
                else _DATABASE.format(name=name)
            )
            present = collation.present or "-"
            yield critical(
                f"{name} {collation.name or 'collation'}",
                Text.same(present),
                Text.same(collation.recorded),
                _CHANGED.format(what=what, recorded=collation.recorded, present=present),
            )
        for extension in inside.extensions:
            yield warning(
                f"{name}.{extension.name}",
                Text.same(extension.installed_version),
                Text.same(extension.default_version),
                _BEHIND.format(
                    database=name,
                    name=extension.name,
                    installed=extension.installed_version,
                    default=extension.default_version,
                ),
            )
        if not inside.collations and not inside.extensions:
            yield ok(name, same, _SAME)

    yield from verdicts(facts.inside, judge)


CHECK = Check(
    title=Text("PostgreSQL 扩展与排序规则", "PostgreSQL extensions and collations"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=facts_of,
    systems=("linux", "windows"),
    target="postgresql",
    deadline_seconds=120,
    reads=(
        "pg_available_extensions",
        "pg_collation, pg_collation_actual_version()",
        "pg_database, pg_database_collation_actual_version() (15+)",
        "pg_depend",
    ),
    privilege=Text("每个数据库的 CONNECT", "CONNECT on every database"),
    rules=(
        Rule(
            code="PG-037",
            title=Text("扩展与排序规则版本", "Versions of extensions and collations"),
            why=Text(
                "操作系统升级 glibc 或 ICU 后字符排序会变，原有文本索引的顺序就错了："
                "查不到已有的数据，"
                "唯一约束也会失守；扩展不更新则带着已修复的缺陷运行。",
                "When an update of glibc or ICU changes the order of characters, indexes on text "
                "are wrong: rows are not found, unique ones let doubles in. Extensions that are "
                "not updated keep faults that are long fixed.",
            ),
            remedy=Text(
                "排序规则：先备份，在维护窗口对该库执行 REINDEX DATABASE 库名（文本索引必须重建，"
                "重复数据要先处理），"
                "完成后才执行 ALTER DATABASE 库名 REFRESH COLLATION VERSION"
                "（单个规则用 ALTER COLLATION … REFRESH VERSION）；"
                "只刷新版本号而不重建等于掩盖问题。"
                "扩展：看发行说明后执行 ALTER EXTENSION 扩展名 UPDATE。",
                "Collations: after a backup, in a maintenance window, REINDEX DATABASE name (deal "
                "with doubles first), and only then ALTER DATABASE name REFRESH COLLATION VERSION "
                "(for one: ALTER COLLATION … REFRESH VERSION); without the rebuild that only hides "
                "the fault. Extensions: read the notes, then ALTER EXTENSION name UPDATE.",
            ),
            priority=3,
            thresholds=VersionThresholds,
            evaluate=versions,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
