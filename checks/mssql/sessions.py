"""SQL Server: who waits for whom just now, and which transactions have been open for long."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    grade,
    limit,
    ok,
)
from checks.databases import Database
from checks.errors import part
from checks.judging import judged, missing
from checks.mssql._rights import PERFORMANCE_STATE
from checks.wording import duration
from wire.messages import Label, Seconds

BLOCKED = """
SELECT TOP (500) r.session_id AS session_id, r.blocking_session_id AS blocked_by,
       r.wait_time / 1000.0 AS wait_seconds, r.wait_type AS wait_type,
       DB_NAME(r.database_id) AS database_name
FROM sys.dm_exec_requests AS r
WHERE r.blocking_session_id NOT IN (0, -4, -5) AND r.blocking_session_id <> r.session_id
ORDER BY r.wait_time DESC
"""
"""-4 and -5 stand for latches whose holder is not known; -2 and -3 for transactions left behind."""
BLOCKERS = """
SELECT s.session_id AS session_id, s.status AS status, s.login_name AS login_name,
       s.host_name AS host_name, s.program_name AS program_name,
       CASE WHEN s.status = 'sleeping' AND s.last_request_end_time > '20000101'
            THEN DATEDIFF(second, s.last_request_end_time, SYSDATETIME()) END AS idle_seconds
FROM sys.dm_exec_sessions AS s
WHERE s.session_id IN (SELECT r.blocking_session_id FROM sys.dm_exec_requests AS r
                       WHERE r.blocking_session_id > 0)
"""
TRANSACTIONS = """
SELECT TOP (100) t.session_id AS session_id, DB_NAME(s.database_id) AS database_name,
       DATEDIFF(second, a.transaction_begin_time, SYSDATETIME()) AS age_seconds,
       s.status AS status, s.login_name AS login_name, s.host_name AS host_name,
       s.program_name AS program_name
FROM sys.dm_tran_session_transactions AS t
JOIN sys.dm_tran_active_transactions AS a ON a.transaction_id = t.transaction_id
JOIN sys.dm_exec_sessions AS s ON s.session_id = t.session_id
WHERE t.is_user_transaction = 1 AND t.session_id <> @@SPID
ORDER BY a.transaction_begin_time
"""


class Blocked(Struct, frozen=True):
    """A session that waits for another one."""

    session_id: int
    blocked_by: int
    wait_seconds: Seconds
    wait_type: Label | None
    database_name: Label | None


class Session(Struct, frozen=True):
    """One that others wait for."""

    session_id: int
    status: Label
    login_name: Label
    host_name: Label | None
    program_name: Label | None
    idle_seconds: float | None = None


class Transaction(Struct, frozen=True):
    """An open transaction of a user."""

    session_id: int
    database_name: Label | None
    age_seconds: float
    status: Label
    login_name: Label
    host_name: Label | None
    program_name: Label | None


class Facts(Struct, frozen=True):
    """The moment, as it was."""

    blocked: tuple[Blocked, ...] | Failure
    """The 500 that have waited longest."""
    blockers: tuple[Session, ...] | Failure
    transactions: tuple[Transaction, ...] | Failure
    """The 100 oldest."""


class BlockingThresholds(Thresholds, frozen=True):
    """How long somebody has waited."""

    warning_seconds: Annotated[float, limit("s", "DBC 60 s")] = 60
    critical_seconds: Annotated[float, limit("s", "INS, DI: 5 min")] = 300


class TransactionThresholds(Thresholds, frozen=True):
    """How long a transaction has been open."""

    warning_seconds: Annotated[float, limit("s", "INS 300 s")] = 300
    critical_seconds: Annotated[float, limit("s", "OWN")] = 3600


def probe(database: Database) -> Facts:
    """Ask for blocked sessions and open transactions. Raise nothing: each part tells its own."""
    return Facts(
        part(lambda: database.rows(BLOCKED, Blocked)),
        part(lambda: database.rows(BLOCKERS, Session)),
        part(lambda: database.rows(TRANSACTIONS, Transaction)),
    )


def blocking(facts: Facts, thresholds: BlockingThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the longest wait for another session."""
    if isinstance(facts.blocked, Failure):
        yield from missing(facts.blocked)
        return
    blocked = facts.blocked
    if not blocked:
        reference = Text("< {limit}", "< {limit}").format(
            limit=duration(thresholds.warning_seconds)
        )
        yield ok("", Text("无阻塞", "nobody waits"), reference)
        return
    longest = max(blocked, key=lambda each: each.wait_seconds)
    blockers = () if isinstance(facts.blockers, Failure) else facts.blockers
    chain = _chain(longest, {each.session_id: each.blocked_by for each in blocked})
    head = next((each for each in blockers if each.session_id == chain[-1]), None)
    yield judged(
        "",
        longest.wait_seconds,
        thresholds.warning_seconds,
        thresholds.critical_seconds,
        show=duration,
        message=Text(
            "{number} 个会话被阻塞，最长已等待 {wait}（数据库 {database}），阻塞链 {depth} 层，"
            "源头：{head}。",
            "{number} sessions are blocked, one for {wait} (database {database}), in a chain of "
            "{depth}; at its head: {head}.",
        ).format(
            number=len(blocked),
            wait=duration(longest.wait_seconds),
            database=longest.database_name or "-",
            depth=len(chain) - 1,
            head=_worded(chain[-1], head),
        ),
    )


def _chain(first: Blocked, waits_for: dict[int, int]) -> list[int]:
    """Return the sessions from one that waits to the one that does not; a circle ends itself."""
    chain = [first.session_id]
    while chain[-1] in waits_for and waits_for[chain[-1]] not in chain:
        chain.append(waits_for[chain[-1]])
    return chain


def _worded(number: int, session: Session | None) -> Text:
    if session is None:
        return Text(f"会话 {number}", f"session {number}")
    who = f"{session.login_name}@{session.host_name or '-'}, {session.program_name or '-'}"
    if session.idle_seconds is None:
        return Text(
            f"会话 {number}（{who}，{session.status}）",
            f"session {number} ({who}, {session.status})",
        )
    return Text(
        "会话 {number}（{who}，已空闲 {idle}，事务未提交）",
        "session {number} ({who}, idle for {idle} with its transaction open)",
    ).format(number=number, who=who, idle=duration(session.idle_seconds))


def transactions(
    facts: Facts, thresholds: TransactionThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge the oldest transaction of each database."""
    if isinstance(facts.transactions, Failure):
        yield from missing(facts.transactions)
        return
    reference = Text("< {limit}", "< {limit}").format(limit=duration(thresholds.warning_seconds))
    oldest: dict[str, Transaction] = {}
    for each in facts.transactions:
        known = oldest.get(each.database_name or "-")
        if known is None or each.age_seconds > known.age_seconds:
            oldest[each.database_name or "-"] = each
    bad = False
    for name, each in sorted(oldest.items()):
        state = grade(each.age_seconds, thresholds.warning_seconds, thresholds.critical_seconds)
        if state is State.OK:
            continue
        bad = True
        message = Text(
            "会话 {number}（{login}@{host}，{program}，{status}）的事务已打开 {age}，"
            "期间它持有锁，日志也无法截断。",
            "The transaction of session {number} ({login}@{host}, {program}, {status}) has been "
            "open for {age}: it holds locks, and the log can't be truncated.",
        ).format(
            number=each.session_id,
            login=each.login_name,
            host=each.host_name or "-",
            program=each.program_name or "-",
            status=each.status,
            age=duration(each.age_seconds),
        )
        yield Verdict(name, state, duration(each.age_seconds), reference, message)
    if not bad:
        number = len(facts.transactions)
        yield ok("", Text(f"{number} 个，均不久", f"{number}, none for long"), reference)


CHECK = Check(
    title=Text("SQL Server 阻塞与长事务", "SQL Server blocking and open transactions"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    reads=(
        "sys.dm_exec_requests, sys.dm_exec_sessions",
        "sys.dm_tran_session_transactions, sys.dm_tran_active_transactions",
    ),
    privilege=PERFORMANCE_STATE,
    rules=(
        Rule(
            code="MSSQL-033",
            title=Text("会话阻塞", "Blocking"),
            why=Text(
                "一个会话不提交，后面的用户就一直等：ERP 界面卡住，等待者越积越多，直到线程用尽。",
                "While one session does not commit, all behind it wait: screens of the ERP freeze, "
                "and more and more queue up until there are no threads left.",
            ),
            remedy=Text(
                "找到阻塞链源头的会话和它的程序，先联系使用者正常提交或退出；确认可以放弃其未提交的修改后"
                "才能 KILL，回滚可能比执行更久。反复出现时交厂商检查事务范围和索引。",
                "Find the session at the head of the chain and its program, and ask its user to "
                "commit or leave. KILL only once it is sure that its changes may be lost: rolling "
                "back can take longer than the work did. Where it comes back, have the vendor look "
                "at transactions and indexes.",
            ),
            priority=2,
            thresholds=BlockingThresholds,
            evaluate=blocking,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="MSSQL-034",
            title=Text("长时间未提交的事务", "Open transactions"),
            why=Text(
                "长事务一直持有锁并阻止日志截断：别人被阻塞，日志文件不断增长。",
                "A transaction that stays open holds its locks and keeps the log from being "
                "truncated: others wait, the log grows.",
            ),
            remedy=Text(
                "按登录名、主机和程序找到使用者，确认是批处理还是忘记提交的窗口；程序问题交厂商缩小事务范围。"
                "KILL 会回滚该事务的全部修改，须先确认。",
                "Find its user by login, host and program: a batch, or a window that was left "
                "open? "
                "Have the vendor make the transactions of programs smaller. KILL rolls back all it "
                "did: make sure first.",
            ),
            priority=2,
            thresholds=TransactionThresholds,
            evaluate=transactions,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
