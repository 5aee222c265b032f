"""Settings: durability, checksums, what waits for a restart, what was changed."""

from collections.abc import Iterator

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Scope,
    Text,
    Thresholds,
    Verdict,
    critical,
    not_run,
    ok,
    warning,
)
from checks.judging import missing
from checks.postgresql._setting_facts import Facts, probe
from checks.wording import listing
from wire.messages import Reason

_MOST_TOLD = 8


class OnThresholds(Thresholds, frozen=True):
    """Nothing to tune: on, or off."""


_ON = Text.same("on")
_ABSENT = {
    "fsync": Text(
        "fsync = {value}：操作系统崩溃或断电会损坏整个数据库，只能从备份恢复。",
        "fsync = {value}: a power cut or crash of the system breaks the whole cluster beyond "
        "anything but a restore.",
    ),
    "full_page_writes": Text(
        "full_page_writes = {value}：断电时写了一半的数据页无法恢复，数据会损坏。",
        "full_page_writes = {value}: pages half written at a power cut can't be repaired.",
    ),
}
_ASYNCHRONOUS = Text(
    "{scope} synchronous_commit = {value}：崩溃或断电会丢失最近约 1 秒内已提交的事务。",
    "{scope} synchronous_commit = {value}: a crash or power cut loses what was committed in about "
    "the last second.",
)
_ALL = Text("全局", "everywhere:")
_NO_CHECKSUMS = Text(
    "未启用数据页校验，磁盘或内存造成的静默损坏不会被发现，会一直备份下去。",
    "Pages have no checksums: silent damage by disks or memory is not noticed and goes into every "
    "backup.",
)
_PENDING = Text(
    "{name} 已在配置文件中修改，但要重启数据库后才生效。",
    "{name} was changed in the configuration file and waits for a restart.",
)
_CHANGED = Text(
    "上次巡检以来有 {count} 项参数变化：{changes}。请确认都是计划内的变更。",
    "{count} settings have changed since the inspection before: {changes}. Make sure that each of "
    "them was planned.",
)
_UNCHANGED = Text("无变化", "unchanged")
_BASELINE = Text("首次采集，作为基线", "first reading: the baseline")
_DIFFERENT = Text("{count} 项变化", "{count} changed")
_CHANGES = "changes"


def durable(facts: Facts, _thresholds: OnThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether what was committed survives a crash."""
    for setting in facts.durability:
        off = setting.value in ("off", "false", "no", "0")
        if not off:
            yield ok(setting.name, Text.same(setting.value or "-"), _ON)
        elif setting.name in _ABSENT:
            message = _ABSENT[setting.name].format(value=setting.value or "-")
            yield critical(setting.name, Text.same(setting.value or "-"), _ON, message)
        else:
            message = _ASYNCHRONOUS.format(scope=_ALL, value=setting.value or "-")
            yield warning(setting.name, Text.same(setting.value or "-"), _ON, message)
    if isinstance(facts.overrides, Failure):
        yield not_run("synchronous_commit */*", facts.overrides)
        return
    for override in facts.overrides:
        name = f"synchronous_commit {override.scope}"[:255]
        if override.value in ("off", "false", "no", "0"):
            message = _ASYNCHRONOUS.format(scope=override.scope, value=override.value)
            yield warning(name, Text.same(override.value), _ON, message)
        else:
            yield ok(name, Text.same(override.value), _ON)


def checksums(facts: Facts, _thresholds: OnThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether pages have checksums."""
    if not facts.checksums:
        yield not_run("", Failure(Reason.UNSUPPORTED, "data_checksums"))
    for setting in facts.checksums:
        value = Text.same(setting.value or "-")
        yes = setting.value == "on"
        yield ok("", value, _ON) if yes else warning("", value, _ON, _NO_CHECKSUMS)


def current(facts: Facts, _thresholds: OnThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Tell the settings that wait for a restart, and those that differ from the last look."""
    if isinstance(facts.pending, Failure):
        yield from missing(facts.pending)
    else:
        for name in facts.pending:
            waits, wanted = Text("待重启", "waits for a restart"), Text("已生效", "in force")
            yield warning(name, waits, wanted, _PENDING.format(name=name))
        if not facts.pending:
            none = Text("没有待重启的参数", "nothing waits for a restart")
            yield ok("", none, none)
    if past.previous is None:
        yield ok(_CHANGES, _BASELINE, _UNCHANGED)
        return
    changes = _differences(past.previous, facts)
    if not changes:
        yield ok(_CHANGES, _UNCHANGED, _UNCHANGED)
        return
    told = listing(changes, most=_MOST_TOLD)
    message = _CHANGED.format(count=len(changes), changes=told)
    yield warning(_CHANGES, _DIFFERENT.format(count=len(changes)), _UNCHANGED, message)


def _differences(before: Facts, now: Facts) -> list[str]:
    """Return `name: old → new` for each chosen setting that differs; a dash is the default."""
    old = {each.name: each.value or "" for each in before.chosen}
    new = {each.name: each.value or "" for each in now.chosen}
    return [
        f"{name}: {old.get(name, '-')} → {new.get(name, '-')}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


CHECK = Check(
    title=Text("PostgreSQL 参数", "PostgreSQL settings"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    reads=("pg_settings", "pg_db_role_setting (synchronous_commit only)"),
    privilege=Text(
        "任意登录用户；少数参数需要 pg_read_all_settings（或 pg_monitor）",
        "any account; pg_read_all_settings (or pg_monitor) for a few of them",
    ),
    systems=("linux", "windows"),
    target="postgresql",
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(
        Rule(
            code="PG-028",
            title=Text("数据持久性参数", "Durability"),
            why=Text(
                "关闭这些参数能换来速度，但断电或崩溃时会丢失已提交的数据，甚至损坏整个数据库。",
                "Switching them off buys speed with committed data that is lost, or a cluster that "
                "is broken, when the power goes.",
            ),
            remedy=Text(
                "将 fsync、full_page_writes、synchronous_commit 恢复为 on 并执行 "
                "SELECT pg_reload_conf()（无需重启）；"
                "fsync 关闭期间发生过断电的，先做一致性检查（pg_amcheck、全库导出）并保留旧备份。",
                "Set fsync, full_page_writes and synchronous_commit to on and SELECT "
                "pg_reload_conf(); no restart is needed. Where the power went while fsync was off, "
                "check the cluster first (pg_amcheck, a full dump) and keep old backups.",
            ),
            priority=1,
            thresholds=OnThresholds,
            evaluate=durable,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="PG-023",
            title=Text("数据页校验", "Data checksums"),
            why=Text(
                "没有校验和时，损坏的数据页会被当作正常数据返回并备份，"
                "发现时可能已没有完好的备份。",
                "Without checksums a broken page is taken for data and backed up: when somebody "
                "notices, no good backup may be left.",
            ),
            remedy=Text(
                "停机窗口内执行 pg_checksums --enable（12 起，需停库，耗时与数据量成正比）；"
                "有备库时可先在备库启用再切换；新建实例用 initdb --data-checksums。",
                "In a maintenance window run pg_checksums --enable (12 and later; the server is "
                "stopped, the time grows with the data), on a standby first where there is one; "
                "make new clusters with initdb --data-checksums.",
            ),
            priority=3,
            thresholds=OnThresholds,
            evaluate=checksums,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="PG-033",
            title=Text("待重启与变更的参数", "Settings pending and changed"),
            why=Text(
                "未生效的参数会在下次重启时突然改变行为；"
                "没有记录的参数变更是故障排查时最难找的原因。",
                "A pending setting changes behaviour at the next restart, when nobody thinks of "
                "it; a change that nobody wrote down is the cause that is hardest to find.",
            ),
            remedy=Text(
                "确认修改是有意的，在维护窗口重启数据库使其生效；不需要的从配置文件"
                "（含 postgresql.auto.conf）撤销；对变更逐项登记。",
                "Make sure that it is meant, and restart in a maintenance window; else take it out "
                "of the configuration file (and of postgresql.auto.conf). Record every change.",
            ),
            priority=2,
            thresholds=OnThresholds,
            evaluate=current,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
