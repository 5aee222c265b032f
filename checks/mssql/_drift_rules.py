"""MSSQL-056: what was changed since the last inspection."""

from collections.abc import Iterator, Mapping

from checks.api import Failure, Owner, Past, Rule, Text, Thresholds, Verdict, ok, warning
from checks.mssql._settings_facts import Facts, Options
from checks.wording import listing

_OPTIONS = tuple(name for name in Options.__struct_fields__ if name not in ("name", "number"))


class DriftThresholds(Thresholds, frozen=True):
    """Nothing to set: every change is told."""


def drift(facts: Facts, _thresholds: DriftThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge each setting, database and trace flag against the inspection before."""
    reference = Text("与上次巡检一致", "as in the last inspection")
    if past.previous is None:
        yield ok("", Text("首次采集，作为基线", "first reading: the baseline"), reference)
        return
    before = _settings(past.previous)
    bad = False
    for name, value in _settings(facts).items():
        if name not in before or before[name] == value:
            continue
        bad = True
        changed = Text.same(f"{before[name]} → {value}")
        message = Text(
            "“{name}”自上次巡检后由 {before} 变为 {value}。",
            "“{name}” was {before} in the last inspection and is {value} now.",
        ).format(name=name, before=before[name], value=value)
        yield warning(name, changed, Text.same(before[name]), message)
    known = {each.name: each for each in past.previous.databases}
    for each in facts.databases:
        changes = _changes(known[each.name], each) if each.name in known else []
        if changes:
            bad = True
            message = Text(
                "数据库 {name} 的选项自上次巡检后有变化：{changes}。",
                "Options of {name} were changed since the last inspection: {changes}.",
            ).format(name=each.name, changes=listing(changes, 8))
            number = Text(f"{len(changes)} 项变化", f"{len(changes)} changed")
            yield warning(f"database:{each.name}", number, reference, message)
    if not bad:
        yield ok("", Text("无变化", "nothing changed"), reference)


def _settings(facts: Facts) -> Mapping[str, str]:
    """Return what is compared by name; what could not be read is not among it."""
    found = {each.name: str(each.configured) for each in facts.configurations}
    if not isinstance(facts.trace_flags, Failure):
        found["trace flags"] = listing(list(facts.trace_flags), 20) or "-"
    return found


def _changes(before: Options, after: Options) -> list[str]:
    return [
        f"{name} {getattr(before, name)} → {getattr(after, name)}"
        for name in _OPTIONS
        if getattr(before, name) != getattr(after, name)
    ]


DRIFT = Rule(
    code="MSSQL-056",
    title=Text("配置变更", "Configuration drift"),
    why=Text(
        "没人记得的改动常常是后来故障的起因，也可能是入侵者留下的。",
        "A change that nobody remembers is often what a later fault began with, or what an "
        "intruder left.",
    ),
    remedy=Text(
        "与变更记录核对；不是计划内的改动，查明是谁在何时所为（默认跟踪、SQL Server 审核）"
        "再决定是否恢复。",
        "Compare with the record of changes; where it was not planned, find out who did it and "
        "when (default trace, SQL Server Audit) before putting it back.",
    ),
    priority=2,
    thresholds=DriftThresholds,
    evaluate=drift,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
