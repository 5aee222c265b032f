"""Sessions: transactions that are left open, run long, were prepared and forgotten, or wait."""

from checks.api import Chapter, Check, Owner, Rule, Text
from checks.postgresql._session_facts import Facts, probe
from checks.postgresql._session_rules import (
    BlockedThresholds,
    IdleThresholds,
    LongThresholds,
    PreparedThresholds,
    blocked,
    idle,
    long,
    prepared,
)

_END = Text(
    "确认业务允许后可用 SELECT pg_terminate_backend(进程号) 结束会话：未提交的修改会回滚。",
    "Where the business allows it, SELECT pg_terminate_backend(PID) ends the session; what it has "
    "not committed is rolled back.",
)

CHECK = Check(
    title=Text("PostgreSQL 会话与事务", "PostgreSQL sessions"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    reads=(
        "pg_stat_activity (without the texts of queries)",
        "pg_prepared_xacts",
        "pg_locks",
        "pg_blocking_pids()",
        "pg_settings",
    ),
    privilege=Text("pg_read_all_stats（或 pg_monitor）", "pg_read_all_stats (or pg_monitor)"),
    systems=("linux", "windows"),
    target="postgresql",
    rules=(
        Rule(
            code="PG-012",
            title=Text("事务中空闲的会话", "Idle in transaction"),
            why=Text(
                "应用打开事务后不提交，锁一直持有，旧版本无法清理，表会膨胀，业务会被阻塞。",
                "A transaction that is opened and not ended keeps its locks, and keeps dead rows "
                "from being removed: tables bloat and others wait.",
            ),
            remedy=Text(
                "请应用方修复未提交的事务（连接归还连接池前必须提交或回滚），并设置"
                " idle_in_transaction_session_timeout（如 10min）。{end}",
                "Have the application commit or roll back before it gives a connection back, and "
                "set idle_in_transaction_session_timeout (say 10min). {end}",
            ).format(end=_END),
            priority=2,
            thresholds=IdleThresholds,
            evaluate=idle,
            owner=Owner.APPLICATION_CONSULTANT,
        ),
        Rule(
            code="PG-013",
            title=Text("长时间执行的查询与事务", "Long queries and transactions"),
            why=Text(
                "长事务占用资源和锁，并阻止 VACUUM 清理整个库的旧版本；"
                "常见原因是缺索引或批处理没有分批。",
                "A long transaction takes resources and locks and keeps VACUUM from cleaning the "
                "whole database; often an index is missing or a batch is too large.",
            ),
            remedy=Text(
                "用 SELECT pid, query FROM pg_stat_activity 查看语句，用 EXPLAIN 找出缺少的索引；"
                "批处理分批提交；报表移到备库或夜间。{end}",
                "Look at the statement (SELECT pid, query FROM pg_stat_activity) and at its plan "
                "(EXPLAIN); commit batches in parts; run reports at night or on a standby. {end}",
            ).format(end=_END),
            priority=2,
            thresholds=LongThresholds,
            evaluate=long,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="PG-014",
            title=Text("悬挂的两阶段事务", "Forgotten prepared transactions"),
            why=Text(
                "预备后无人处理的两阶段事务会一直持锁并阻止 VACUUM，"
                "最终可能导致事务号耗尽；重启也不会消失。",
                "A prepared transaction that nobody ends keeps its locks and stops VACUUM, in the "
                "end until transaction numbers run out; a restart does not help.",
            ),
            remedy=Text(
                "先向事务管理器（中间件）确认该事务的最终结果，再连接到所在数据库执行 "
                "COMMIT PREPARED '名称' 或 ROLLBACK PREPARED '名称'；处理错误会造成跨库数据不一致。"
                "不使用分布式事务时将 max_prepared_transactions 设为 0。",
                "Ask the transaction manager how it ended, then COMMIT PREPARED 'NAME' or ROLLBACK "
                "PREPARED 'NAME' in its database: the wrong one leaves several databases in "
                "disagreement. Where none are used set max_prepared_transactions to 0.",
            ),
            priority=2,
            thresholds=PreparedThresholds,
            evaluate=prepared,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="PG-015",
            title=Text("会话阻塞", "Blocked sessions"),
            why=Text(
                "会话长时间等待锁，用户看到的就是界面卡住；等待的连接越积越多，最后连接数耗尽。",
                "Who waits for a lock sees a frozen screen, and waiting sessions pile up until no "
                "connection is left.",
            ),
            remedy=Text(
                "查明阻塞源头会话在做什么：事务中空闲的请应用方提交，长查询等待或优化；"
                "应用设置 lock_timeout。{end}",
                "See what the session at the root does: have it committed where it idles, wait for "
                "or tune a long query; set lock_timeout for the application. {end}",
            ).format(end=_END),
            priority=2,
            thresholds=BlockedThresholds,
            evaluate=blocked,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
