"""KingbaseES: audit, rules for passwords, and what would tell the cause of a failure afterwards.

A setting that an extension brings is absent while the extension isn't loaded: that is off. Whether
SYSTEM keeps the password of its installation could only be found by trying it: never done.

From the manual (sysaudit, passwordcheck, identity_pwdexp, log settings) and, for sys_kwr, from
public notes; no KingbaseES has been asked.
"""

from collections.abc import Iterator

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    Scope,
    Struct,
    Text,
    Thresholds,
    Verdict,
    ok,
    warning,
)
from checks.databases import Database
from checks.errors import UnexpectedOutput

SETTINGS = """
SELECT name AS name, setting AS setting FROM pg_settings
WHERE name IN ('sysaudit.enable', 'passwordcheck.enable',
               'identity_pwdexp.password_change_interval', 'sys_kwr.enable', 'log_checkpoints',
               'log_lock_waits', 'log_min_duration_statement', 'track_io_timing')
"""


class SettingRow(Struct, frozen=True):
    """One setting as it is in force."""

    name: str
    setting: str | None = None


class Facts(Struct, frozen=True):
    """The settings that were found."""

    settings: tuple[SettingRow, ...]


def probe(database: Database) -> Facts:
    """Ask for the settings. Raise a ProbeError."""
    rows = database.rows(SETTINGS, SettingRow)
    if not any(row.name == "log_checkpoints" for row in rows):
        # Every server of PostgreSQL's line has it: this is not the view it should be.
        raise UnexpectedOutput("pg_settings", "no log_checkpoints")
    return Facts(rows)


class StateThresholds(Thresholds, frozen=True):
    """Nothing to set."""


_ON = Text("开启", "on")
_OFF = Text("未开启", "off")


def protection(facts: Facts, _thresholds: StateThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge audit and rules for passwords."""
    known = {row.name: row.setting or "" for row in facts.settings}
    for name, off in (
        ("sysaudit.enable", Text("数据库审计未开启。", "The audit is off.")),
        ("passwordcheck.enable", Text("口令复杂度检查未开启。", "Passwords may be weak.")),
    ):
        yield _switch(name, known, off)
    name = "identity_pwdexp.password_change_interval"
    days = known.get(name, "0")
    wanted = Text("> 0 天", "> 0 days")
    if days.isdigit() and int(days) > 0:
        yield ok(name, Text(f"{days} 天", f"{days} days"), wanted)
    else:
        message = Text("口令没有有效期。", "Passwords never expire.")
        yield warning(name, _OFF, wanted, message)


def evidence(facts: Facts, _thresholds: StateThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge what is recorded for the day of a failure."""
    known = {row.name: row.setting or "" for row in facts.settings}
    for name, off in (
        ("sys_kwr.enable", Text("KWR 快照未开启，事后无法分析性能。", "KWR keeps no snapshots.")),
        ("log_checkpoints", Text("不记录检查点。", "Checkpoints are not logged.")),
        ("log_lock_waits", Text("不记录锁等待。", "Waits for locks are not logged.")),
        ("track_io_timing", Text("不统计读写耗时。", "Times of reads and writes are not kept.")),
    ):
        yield _switch(name, known, off)
    name = "log_min_duration_statement"
    limit = known.get(name, "-1")
    wanted = Text("≥ 0 ms", "≥ 0 ms")
    if limit.isdigit():
        yield ok(name, Text.same(f"{limit} ms"), wanted)
    else:
        yield warning(name, _OFF, wanted, Text("不记录慢语句。", "Slow statements are not logged."))


def _switch(name: str, known: dict[str, str], off: Text) -> Verdict:
    if known.get(name, "").lower() in ("on", "true", "1"):
        return ok(name, _ON, _ON)
    return warning(name, _OFF, _ON, off)


CHECK = Check(
    title=Text("KingbaseES 安全与诊断参数", "KingbaseES protection and evidence"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="postgresql",
    target_kinds=("kingbase",),
    reads=("pg_settings",),
    privilege=Text(
        "角色 pg_read_all_settings（或 sys_read_all_settings）",
        "the role pg_read_all_settings (or sys_read_all_settings)",
    ),
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(
        Rule(
            code="KB-006",
            title=Text("KingbaseES 审计与口令策略", "Audit and password policy"),
            why=Text(
                "等保要求数据库开启审计并限制口令强度和有效期；不开启就查不到是谁做的。",
                "Rules on security ask for an audit and for strong passwords that expire; without "
                "them nobody can tell who did it.",
            ),
            remedy=Text(
                "把 sysaudit、passwordcheck、identity_pwdexp 加入 shared_preload_libraries 并在"
                "业务窗口重启，再用 ALTER SYSTEM SET 打开开关；先确认应用口令合规。",
                "Add sysaudit, passwordcheck and identity_pwdexp to shared_preload_libraries, "
                "restart at a quiet time, then turn them on by ALTER SYSTEM SET; see first that "
                "applications' passwords obey.",
            ),
            priority=2,
            thresholds=StateThresholds,
            evaluate=protection,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="KB-007",
            title=Text("KingbaseES 诊断参数", "Settings that keep evidence"),
            why=Text(
                "故障发生时没有记录，就只能猜测原因。",
                "Where nothing was recorded, the cause of a failure can only be guessed.",
            ),
            remedy=Text(
                "ALTER SYSTEM SET log_checkpoints = on、log_lock_waits = on、"
                "log_min_duration_statement = 1000、track_io_timing = on 后执行 sys_reload_conf()；"
                "KWR 需预加载 sys_kwr。",
                "ALTER SYSTEM SET log_checkpoints = on, log_lock_waits = on, "
                "log_min_duration_statement = 1000, track_io_timing = on, then sys_reload_conf(); "
                "KWR needs sys_kwr preloaded.",
            ),
            priority=3,
            thresholds=StateThresholds,
            evaluate=evidence,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
