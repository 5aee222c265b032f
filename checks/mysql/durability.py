"""Durability: does a commit survive a crash, and was the server started in recovery mode?"""

from collections.abc import Iterator

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    Scope,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    not_applicable,
    ok,
    warning,
)
from checks.databases import Database, Engine
from checks.mysql import TARGET
from checks.mysql._server import ANY_ACCOUNT, SYSTEMS, number, settings, switched_on

VARIABLES = (
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('innodb_flush_log_at_trx_commit', "
    "'sync_binlog', 'log_bin', 'innodb_doublewrite', 'innodb_checksums', "
    "'innodb_checksum_algorithm', 'innodb_force_recovery', 'wsrep_on')"
)


class Facts(Struct, frozen=True):
    """Settings that decide what is left after a crash. None: this version doesn't have it."""

    engine: Engine
    flush_log_at_commit: int | None
    sync_binlog: int | None
    binary_log: bool
    doublewrite: str | None
    checksums: str | None
    """Name of the algorithm; `none`: off."""
    force_recovery: int | None
    galera: bool


def probe(database: Database) -> Facts:
    """Ask the settings. Raise a ProbeError."""
    variables = settings(database, VARIABLES)
    checksums = variables.get("innodb_checksum_algorithm")
    if switched_on(variables, "innodb_checksums") is False:
        checksums = "none"
    return Facts(
        engine=database.engine,
        flush_log_at_commit=number(variables, "innodb_flush_log_at_trx_commit"),
        sync_binlog=number(variables, "sync_binlog"),
        binary_log=bool(switched_on(variables, "log_bin")),
        doublewrite=variables.get("innodb_doublewrite"),
        checksums=checksums,
        force_recovery=number(variables, "innodb_force_recovery"),
        galera=bool(switched_on(variables, "wsrep_on")),
    )


class DurabilityThresholds(Thresholds, frozen=True):
    """Nothing to set: full durability, or somebody has decided otherwise and waives it."""


class RecoveryThresholds(Thresholds, frozen=True):
    """Nothing to set: any force is too much."""


_NO_INNODB = Text("没有启用 InnoDB。", "InnoDB is not enabled.")
_FLUSH_0 = Text(
    "innodb_flush_log_at_trx_commit=0：mysqld 一崩溃，最近约 1 秒已提交的事务就会丢失。",
    "innodb_flush_log_at_trx_commit=0: a crash of the server loses about the last second of "
    "commits.",
)
_FLUSH_2 = Text(
    "innodb_flush_log_at_trx_commit={value}：操作系统崩溃或断电时会丢失最近约 1 秒已提交的事务。",
    "innodb_flush_log_at_trx_commit={value}: a power cut or a crash of the system loses about the "
    "last second of commits.",
)
_SYNC = Text(
    "sync_binlog={value}：断电后 binlog 可能缺少已提交的事务，从库和按时间点恢复会与主库不一致。",
    "sync_binlog={value}: after a power cut the binary log may lack commits, and replicas and "
    "restores differ from the source.",
)
_DOUBLEWRITE = Text(
    "innodb_doublewrite={value}：断电时写了一半的数据页无法修复，表会损坏"
    "（只有文件系统或磁盘保证 16 KB 原子写时才可关闭）。",
    "innodb_doublewrite={value}: a page half written at a power cut can't be repaired and the "
    "table is damaged (only where file system or disk write 16 KB at once may it be off).",
)
_CHECKSUMS = Text(
    "InnoDB 页校验和已关闭：磁盘损坏的数据会被当作正常数据读出并进入备份。",
    "Checksums of InnoDB pages are off: damage by the disk is read as data and gets into the "
    "backups.",
)
_FULL = Text("完整持久化", "fully durable")


def durable(
    facts: Facts, _thresholds: DurabilityThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge the settings one by one."""
    yield _flush(facts)
    yield _sync(facts)
    yield _doublewrite(facts)
    name = "innodb_checksum_algorithm"
    if facts.checksums is None:
        yield not_applicable(name, _NO_INNODB)
    elif facts.checksums.lower() in ("none", "strict_none"):
        yield warning(name, Text.same(facts.checksums), Text.same("crc32"), _CHECKSUMS)
    else:
        yield ok(name, Text.same(facts.checksums), Text.same("crc32"))


def _flush(facts: Facts) -> Verdict:
    name, value = "innodb_flush_log_at_trx_commit", facts.flush_log_at_commit
    if value is None:
        return not_applicable(name, _NO_INNODB)
    # MariaDB's 3 flushes twice for a commit: more, not less.
    if value == 1 or (value == 3 and facts.engine is Engine.MARIADB):
        return ok(name, Text.same(f"{value}"), Text.same("1"))
    if value == 0:
        # The other members of a cluster hold the commit.
        state = State.WARNING if facts.galera else State.CRITICAL
        return Verdict(name, state, Text.same("0"), Text.same("1"), _FLUSH_0)
    message = _FLUSH_2.format(value=value)
    return warning(name, Text.same(f"{value}"), Text.same("1"), message)


def _sync(facts: Facts) -> Verdict:
    name, value = "sync_binlog", facts.sync_binlog
    if value is None or not facts.binary_log:
        return not_applicable(name, Text("binlog 未启用。", "The binary log is off."))
    if value == 1:
        return ok(name, Text.same("1"), Text.same("1"))
    return warning(name, Text.same(f"{value}"), Text.same("1"), _SYNC.format(value=value))


def _doublewrite(facts: Facts) -> Verdict:
    name, value = "innodb_doublewrite", facts.doublewrite
    if value is None:
        return not_applicable(name, _NO_INNODB)
    if value.upper() in ("OFF", "0"):
        message = _DOUBLEWRITE.format(value=value)
        return critical(name, Text.same(value), Text.same("ON"), message)
    if value.upper() == "DETECT_ONLY":
        message = _DOUBLEWRITE.format(value=value)
        return warning(name, Text.same(value), Text.same("ON"), message)
    return ok(name, Text.same(value), Text.same("ON"))


_FORCED = Text(
    "实例以 innodb_force_recovery={value} 运行：这是抢救数据的模式，部分保护已关闭，不能用于生产。",
    "The server runs with innodb_force_recovery={value}: a mode for rescuing data, with "
    "protections off, never for production.",
)


def forced(facts: Facts, _thresholds: RecoveryThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether the server was forced up."""
    if facts.force_recovery is None:
        yield not_applicable("", _NO_INNODB)
        return
    current = Text.same(f"{facts.force_recovery}")
    if facts.force_recovery > 0:
        message = _FORCED.format(value=facts.force_recovery)
        yield critical("", current, Text.same("0"), message)
    else:
        yield ok("", current, Text.same("0"))


CHECK: Check[Facts] = Check(
    title=Text("MySQL 数据持久化", "MySQL durability"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=SYSTEMS,
    target=TARGET,
    reads=("SHOW GLOBAL VARIABLES (innodb_*, sync_binlog, log_bin, wsrep_on)",),
    privilege=ANY_ACCOUNT,
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(
        Rule(
            code="MY-007",
            title=Text("事务持久化参数", "Durability of commits"),
            why=Text(
                "这些参数放宽后性能会好一些，代价是崩溃或断电时丢失已提交的业务数据，甚至损坏表。",
                "Relaxed, they make the server faster at the price of commits, and even tables, "
                "that a crash or a power cut takes away.",
            ),
            remedy=Text(
                "SET GLOBAL innodb_flush_log_at_trx_commit=1、sync_binlog=1 并写入配置文件"
                "（写入会变慢，先确认磁盘缓存带电池或为 SSD）；"
                "innodb_doublewrite=ON 需改配置并重启。确认可接受丢失的（如可重建的从库），"
                "登记豁免。",
                "SET GLOBAL innodb_flush_log_at_trx_commit=1 and sync_binlog=1, also in the "
                "configuration file (writes become slower: see that the disk has a protected "
                "cache or is an SSD); innodb_doublewrite=ON takes a restart. Where the loss is "
                "accepted (a replica that can be rebuilt), waive it.",
            ),
            priority=1,
            thresholds=DurabilityThresholds,
            evaluate=durable,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="MY-008",
            title=Text("InnoDB 强制恢复模式", "InnoDB forced recovery"),
            why=Text(
                "innodb_force_recovery 大于 0 说明数据文件曾经损坏：4 以上会永久破坏数据，"
                "而损坏的原因还在。",
                "Above 0 the data files were damaged: from 4 on it harms them for good, and the "
                "cause is still there.",
            ),
            remedy=Text(
                "立即停止业务写入，用 mysqldump 导出能读出的数据，检查磁盘和内存硬件，"
                "在新的数据目录中用最近的完好备份加 binlog 恢复；"
                "恢复后去掉该参数。不要在此模式下继续运行。",
                "Stop writing, dump what can be read (mysqldump), look at disks and memory, and "
                "restore the last good backup and the binary logs into a new data folder; then "
                "take the setting out. Don't run on like this.",
            ),
            priority=1,
            thresholds=RecoveryThresholds,
            evaluate=forced,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
