"""Oracle: data files that are offline, need recovery, or hold blocks found corrupt.

v$database_block_corruption knows what RMAN or ANALYZE met; blocks nobody read stay unknown.

From the reference (11.2 to 23ai); no Oracle has run these queries for us yet.
"""

from collections.abc import Iterator

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
    critical,
    ok,
)
from checks.databases import Database
from checks.errors import UnexpectedOutput, part
from checks.judging import missing
from checks.wording import count

FILES = "SELECT COUNT(*) AS files FROM v$datafile"
OFFLINE = """
SELECT name AS name, status AS status FROM v$datafile
WHERE status NOT IN ('ONLINE', 'SYSTEM')
"""
RECOVER = """
SELECT d.name AS name, r.error AS status
FROM v$recover_file r JOIN v$datafile d ON d.file# = r.file#
WHERE r.error IS NULL OR r.error <> 'OFFLINE NORMAL'
"""
CORRUPT = """
SELECT NVL(d.name, TO_CHAR(c.file#)) AS name, SUM(c.blocks) AS blocks
FROM v$database_block_corruption c LEFT JOIN v$datafile d ON d.file# = c.file#
GROUP BY NVL(d.name, TO_CHAR(c.file#))
"""
_MOST = 100


class CountRow(Struct, frozen=True):
    """All data files."""

    files: int


class FileRow(Struct, frozen=True):
    """A data file and what is wrong with it."""

    name: str
    status: str | None = None


class CorruptRow(Struct, frozen=True):
    """A data file and how many of its blocks are known to be corrupt."""

    name: str
    blocks: int


class Facts(Struct, frozen=True):
    """Data files that are not as they should be."""

    files: int
    offline: tuple[FileRow, ...] | Failure
    recover: tuple[FileRow, ...] | Failure
    corrupt: tuple[CorruptRow, ...] | Failure


def probe(database: Database) -> Facts:
    """Ask the control file. Raise a ProbeError."""
    counted = database.rows(FILES, CountRow)
    if not counted:
        raise UnexpectedOutput("v$datafile", "no row")
    return Facts(
        counted[0].files,
        part(lambda: database.rows(OFFLINE, FileRow)[:_MOST]),
        part(lambda: database.rows(RECOVER, FileRow)[:_MOST]),
        part(lambda: database.rows(CORRUPT, CorruptRow)[:_MOST]),
    )


class StateThresholds(Thresholds, frozen=True):
    """Nothing to set: one is too many (COH)."""


def files(facts: Facts, _thresholds: StateThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge what is offline, needs recovery, and is corrupt."""
    all_files = count(facts.files, "个数据文件", "data files")
    for kind, found, fine, wrong in (
        (
            "offline",
            facts.offline,
            Text("全部联机", "all online"),
            Text("数据文件 {name} 的状态是 {status}。", "Data file {name} is {status}."),
        ),
        (
            "recover",
            facts.recover,
            Text("无需恢复", "none needs recovery"),
            Text("数据文件 {name} 需要恢复（{status}）。", "{name} needs recovery ({status})."),
        ),
    ):
        if isinstance(found, Failure):
            yield from missing(found, kind)
            continue
        if not found:
            yield ok(kind, all_files, fine)
        for each in found:
            message = wrong.format(name=each.name, status=each.status or "—")
            yield critical(f"{kind}:{each.name}", Text.same(each.status or "—"), fine, message)
    yield from _corrupt(facts.corrupt)


def _corrupt(found: tuple[CorruptRow, ...] | Failure) -> Iterator[Verdict]:
    if isinstance(found, Failure):
        yield from missing(found, "corrupt")
        return
    fine = Text("无已知坏块", "no corrupt block known")
    if not found:
        yield ok("corrupt", fine, fine)
    for each in found:
        message = Text(
            f"数据文件 {each.name} 有 {each.blocks} 个坏块。",
            f"{each.blocks} blocks of data file {each.name} are corrupt.",
        )
        yield critical(
            f"corrupt:{each.name}", count(each.blocks, "个坏块", "blocks"), fine, message
        )


CHECK = Check(
    title=Text("Oracle 数据文件", "Oracle data files"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="oracle",
    reads=("v$datafile, v$recover_file, v$database_block_corruption",),
    privilege=Text(
        "CREATE SESSION，以及对上述视图（V_$…）的 SELECT",
        "CREATE SESSION, and SELECT on these views (V_$…)",
    ),
    rules=(
        Rule(
            code="ORA-008",
            title=Text("数据文件状态与坏块", "State of data files, corrupt blocks"),
            why=Text(
                "离线或需要恢复的数据文件中的表不能访问；坏块会在读取时报 ORA-01578，"
                "拖得越久可用的好备份越少。",
                "Tables in files that are offline or need recovery can't be used; corrupt blocks "
                "fail with ORA-01578, and good backups grow fewer every day.",
            ),
            remedy=Text(
                "先保留现有备份，不要删除；RECOVER DATAFILE 后联机；坏块用 RMAN 的 "
                "RECOVER CORRUPTION LIST 修复，并检查存储和内存硬件。",
                "Keep the backups there are; RECOVER DATAFILE and bring it online; mend blocks "
                "with RMAN's RECOVER CORRUPTION LIST and look at storage and memory.",
            ),
            priority=1,
            thresholds=StateThresholds,
            evaluate=files,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
