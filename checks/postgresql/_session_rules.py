"""How sessions are judged: PG-012, PG-013, PG-014 and PG-015."""

from collections.abc import Iterable, Iterator
from typing import Annotated

from checks.api import (
    Failure,
    Past,
    State,
    Text,
    Thresholds,
    Verdict,
    info,
    limit,
    not_applicable,
    not_run,
    ok,
)
from checks.judging import judged, missing
from checks.postgresql._session_facts import Blocked, Facts, Session
from checks.wording import duration

_MAINTENANCE = frozenset(
    {"pg_dump", "pg_dumpall", "pg_restore", "vacuumdb", "reindexdb", "pg_repack"}
    | {"sys_dump", "sys_dumpall", "sys_restore"}
)
"""Application names of tools whose work is long by its nature: told, not judged."""


class IdleThresholds(Thresholds, frozen=True):
    """How long a session may do nothing in an open transaction."""

    warning_minutes: Annotated[float, limit("min", "OWN; CPG, PGA give no default")] = 10
    critical_minutes: Annotated[float, limit("min", "OWN; CPG, PGA give no default")] = 60


class LongThresholds(Thresholds, frozen=True):
    """How long a statement and its transaction may run; lower it for a till, raise it for BI."""

    warning_minutes: Annotated[float, limit("min", "OWN; DBC 60 s, CPG no default")] = 15
    critical_minutes: Annotated[float, limit("min", "OWN; CPG no default")] = 60


class PreparedThresholds(Thresholds, frozen=True):
    """check_postgres says 1 s and 30 s: too short for transactions over several servers."""

    warning_minutes: Annotated[float, limit("min", "catalogue PG-014; CPG 1 s")] = 5
    critical_minutes: Annotated[float, limit("min", "catalogue PG-014; CPG 30 s")] = 60


class BlockedThresholds(Thresholds, frozen=True):
    """How long a session may wait for another one's lock."""

    warning_minutes: Annotated[float, limit("min", "CPG locks wait")] = 1
    critical_minutes: Annotated[float, limit("min", "CPG locks wait")] = 2


_NONE = Text("无", "none")
_LIMIT = Text("< {limit}", "< {limit}")
_WHO = Text("进程 {pid}，{where}", "process {pid}, {where}")
_MORE = Text("另有 {more} 个类似会话。", " There are {more} more like it.")
_IDLE = Text(
    "数据库 {database} 有会话在事务中空闲了 {time}（{who}），它持有的锁不会释放，"
    "VACUUM 也不能清理此后的旧版本。{more}",
    "A session in {database} has been idle in its transaction for {time} ({who}): it keeps its "
    "locks and keeps VACUUM from what died since.{more}",
)
_LONG = Text(
    "数据库 {database} 有事务已执行 {time}（{who}）。{more}",
    "A transaction in {database} has been running for {time} ({who}).{more}",
)
_TOOL = Text(
    "数据库 {database} 正在执行维护任务，已 {time}（{who}）。",
    "Maintenance is running in {database} for {time} ({who}).",
)
_NO_TWO_PHASES = Text(
    "未启用两阶段提交（max_prepared_transactions = 0）。",
    "Transactions can't be prepared here (max_prepared_transactions = 0).",
)
_PREPARED = Text(
    "数据库 {database} 有 {time}前预备的两阶段事务“{name}”（{login}）未提交也未回滚，"
    "重启数据库也不会消失。{more}",
    "The transaction “{name}” in {database} was prepared {time} ago by {login} and is neither "
    "committed nor rolled back; a restart does not end it.{more}",
)
_BLOCKED = Text(
    "数据库 {database} 有会话等待锁 {time}（{who}），阻塞源头：{root}。{more}",
    "A session in {database} has waited for a lock for {time} ({who}); it is held by {root}.{more}",
)
_TWO_PHASES = Text("两阶段事务", "a prepared transaction")


def idle(facts: Facts, thresholds: IdleThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the session that has idled longest in a transaction."""
    found = sorted(
        (each for each in facts.sessions if _idles(each)), key=lambda each: -each.state_seconds
    )
    limits = (thresholds.warning_minutes * 60, thresholds.critical_minutes * 60)
    times = [each.state_seconds for each in found]
    message = _IDLE.format(**_told(found[0], times, limits[0])) if found else _NONE
    yield _seen(facts.unseen, _longest(times, limits, message))


def long(facts: Facts, thresholds: LongThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the longest transaction that is at work."""
    limits = (thresholds.warning_minutes * 60, thresholds.critical_minutes * 60)
    ordered = sorted(facts.sessions, key=lambda each: -_working_seconds(each))
    found = [each for each in ordered if each.application not in _MAINTENANCE]
    times = [_working_seconds(each) for each in found]
    message = _LONG.format(**_told(found[0], times, limits[0])) if found else _NONE
    verdict = _seen(facts.unseen, _longest(times, limits, message))
    tools = [each for each in ordered if each.application in _MAINTENANCE]
    if verdict.state is State.OK and tools and _working_seconds(tools[0]) >= limits[0]:
        seconds = [_working_seconds(tools[0])]
        message = _TOOL.format(**_told(tools[0], seconds, limits[0]))
        yield info("", duration(seconds[0]), verdict.reference, message)
    else:
        yield verdict


def prepared(facts: Facts, thresholds: PreparedThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the transaction that was prepared first."""
    if not facts.prepared_possible and not facts.prepared:
        yield not_applicable("", _NO_TWO_PHASES)
        return
    limits = (thresholds.warning_minutes * 60, thresholds.critical_minutes * 60)
    found = sorted(facts.prepared, key=lambda each: -each.seconds)
    times = [each.seconds for each in found]
    message = _NONE
    if found:
        oldest = found[0]
        message = _PREPARED.format(
            database=oldest.database,
            time=duration(oldest.seconds),
            name=oldest.name,
            login=oldest.login,
            more=_others(times, limits[0]),
        )
    yield _longest(times, limits, message)


def blocked(facts: Facts, thresholds: BlockedThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the session that has waited longest for a lock."""
    if isinstance(facts.blocked, Failure):
        yield from missing(facts.blocked)
        return
    limits = (thresholds.warning_minutes * 60, thresholds.critical_minutes * 60)
    found = sorted(facts.blocked, key=lambda each: -each.seconds)
    times = [each.seconds for each in found]
    message = _NONE
    if found:
        first = found[0]
        message = _BLOCKED.format(
            database=first.database or "-",
            time=duration(first.seconds),
            who=_WHO.format(pid=first.pid, where=_joined(first.login, first.application)),
            root=_root(first, facts.blocked),
            more=_others(times, limits[0]),
        )
    yield _seen(facts.unseen, _longest(times, limits, message))


def _idles(session: Session) -> bool:
    return session.state.startswith("idle in transaction")


def _working_seconds(session: Session) -> float:
    """Return how long a transaction has worked: one that idles now did until it fell idle."""
    idles = session.state_seconds if _idles(session) else 0
    return max(0, session.transaction_seconds - idles)


def _longest(times: list[float], limits: tuple[float, float], message: Text) -> Verdict:
    if not times:
        return ok("", _NONE, _LIMIT.format(limit=duration(limits[0])))
    return judged("", times[0], *limits, show=duration, message=message)


def _seen(unseen: Failure | None, verdict: Verdict) -> Verdict:
    """Return the verdict, or that nothing can be said where not all is seen and none is bad."""
    return not_run("", unseen) if unseen and verdict.state is State.OK else verdict


def _told(session: Session, times: list[float], beyond: float) -> dict[str, Text | str | float]:
    where = _joined(session.login, session.application, session.client)
    return {
        "database": session.database,
        "time": duration(times[0]),
        "who": _WHO.format(pid=session.pid, where=where),
        "more": _others(times, beyond),
    }


def _others(times: list[float], beyond: float) -> Text | str:
    more = sum(1 for seconds in times[1:] if seconds >= beyond)
    return _MORE.format(more=more) if more else ""


def _joined(*words: str | None) -> str:
    return " / ".join(word for word in words if word) or "-"


def _root(first: Blocked, waiting: Iterable[Blocked]) -> Text:
    """Return who blocks at the end of the chain: who waits for no one."""
    by_process = {each.pid: each for each in waiting}
    last, passed = first, {first.pid}
    while last.blocker in by_process and last.blocker not in passed:
        last = by_process[last.blocker]
        passed.add(last.pid)
    if last.blocker == 0:
        return _TWO_PHASES
    where = _joined(last.blocker_login, last.blocker_application, last.blocker_state)
    return _WHO.format(pid=last.blocker, where=where)
