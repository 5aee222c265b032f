"""Oracle: objects that known ransomware leaves, and new triggers at startup or sign-in.

The names are public (advisories on cracked copies of PL/SQL Developer and of installation media):
procedures and triggers DBMS_SUPPORT_INTERNAL, DBMS_SYSTEM_INTERNAL, DBMS_CORE_INTERNAL,
DBMS_STANDARD_FUN9 and DBMS_SUPPORT_DBMONITOR(P), often with blanks behind the name. Packages of
such names are Oracle's own. Files of clients (AfterConnect.sql) lie on other hosts: left out.

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
    warning,
)
from checks.databases import Database
from checks.errors import part
from checks.judging import missing
from checks.wording import count, listing

OBJECTS = """
SELECT owner AS owner, object_name AS name, object_type AS kind
FROM dba_objects
WHERE object_type IN ('TRIGGER', 'PROCEDURE', 'JOB')
  AND (object_name LIKE 'DBMS_SUPPORT_INTERNAL%' OR object_name LIKE 'DBMS_SYSTEM_INTERNAL%'
       OR object_name LIKE 'DBMS_CORE_INTERNAL%' OR object_name LIKE 'DBMS_STANDARD_FUN9%'
       OR object_name LIKE 'DBMS_SUPPORT_DBMONITOR%')
"""
JOBS = """
SELECT schema_user AS owner, TO_CHAR(job) AS name, 'DBMS_JOB' AS kind
FROM dba_jobs
WHERE UPPER(what) LIKE '%DBMS_STANDARD_FUN9%' OR UPPER(what) LIKE '%DBMS_SUPPORT_INTERNAL%'
   OR UPPER(what) LIKE '%DBMS_SYSTEM_INTERNAL%' OR UPPER(what) LIKE '%DBMS_CORE_INTERNAL%'
   OR UPPER(what) LIKE '%DBMS_SUPPORT_DBMONITOR%'
"""
TRIGGERS = """
SELECT owner AS owner, trigger_name AS name, TRIM(triggering_event) AS kind
FROM dba_triggers
WHERE base_object_type LIKE 'DATABASE%' AND status = 'ENABLED'
  AND (triggering_event LIKE '%STARTUP%' OR triggering_event LIKE '%LOGON%')
"""
_MOST = 100


class ObjectRow(Struct, frozen=True):
    """One object; its code is never read."""

    owner: str
    name: str
    kind: str

    @property
    def object(self) -> str:
        """Return its name as people write it."""
        return f"{self.owner}.{self.name.rstrip()}"


class Facts(Struct, frozen=True):
    """What is suspicious."""

    suspects: tuple[ObjectRow, ...]
    jobs: tuple[ObjectRow, ...] | Failure
    triggers: tuple[ObjectRow, ...] | Failure
    """All enabled ones of the database that fire at startup or sign-in."""


def probe(database: Database) -> Facts:
    """Ask the data dictionary for names. Raise a ProbeError."""
    return Facts(
        database.rows(OBJECTS, ObjectRow)[:_MOST],
        part(lambda: database.rows(JOBS, ObjectRow)[:_MOST]),
        part(lambda: database.rows(TRIGGERS, ObjectRow)[:_MOST]),
    )


class StateThresholds(Thresholds, frozen=True):
    """Nothing to set: one is too many."""


def ransomware(facts: Facts, _thresholds: StateThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge suspicious objects and jobs, and triggers that were not there before."""
    none = Text("未发现", "none found")
    jobs = () if isinstance(facts.jobs, Failure) else facts.jobs
    found = {f"{each.kind}:{each.object}": each for each in (*facts.suspects, *jobs)}
    for name, each in found.items():
        message = Text(
            f"发现与已知 Oracle 勒索病毒同名的对象 {each.object}（{each.kind}）。"
            "数据库重启或满足时间条件后可能清空数据，请立即处理，处理前不要重启数据库。",
            f"{each.object} ({each.kind}) bears the name of known ransomware. It may empty tables "
            "at a restart or after a time: act now, and don't restart the database before.",
        )
        yield critical(name, Text.same(each.kind), none, message)
    if not found:
        yield ok("", none, none)
    if isinstance(facts.jobs, Failure):
        yield from missing(facts.jobs, "jobs")
    yield from _triggers(facts, past)


def _triggers(facts: Facts, past: Past[Facts]) -> Iterator[Verdict]:
    if isinstance(facts.triggers, Failure):
        yield from missing(facts.triggers, "triggers")
        return
    current = count(len(facts.triggers), "个", "triggers")
    before = past.previous.triggers if past.previous is not None else None
    if not isinstance(before, tuple):
        baseline = Text("首次采集，作为基线", "first reading: the baseline")
        yield ok("triggers", current, baseline)
        return
    known = {each.object for each in before}
    added = sorted(each.object for each in facts.triggers if each.object not in known)
    baseline = Text("与上次一致", "as in the last inspection")
    if not added:
        yield ok("triggers", current, baseline)
        return
    message = Text(
        f"新增启动或登录触发器：{listing(added)}，请确认来源。",
        f"New triggers at startup or sign-in: {listing(added)}; find out who made them.",
    )
    yield warning("triggers", current, baseline, message)


CHECK = Check(
    title=Text("Oracle 勒索病毒特征", "Signs of ransomware in Oracle"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="oracle",
    reads=("dba_objects, dba_triggers, dba_jobs",),
    privilege=Text(
        "CREATE SESSION，以及对上述视图的 SELECT", "CREATE SESSION, and SELECT on these views"
    ),
    rules=(
        Rule(
            code="ORA-019",
            title=Text("勒索病毒触发器与过程", "Triggers and procedures of ransomware"),
            why=Text(
                "破解版 PL/SQL Developer 等工具会在连接的数据库中植入触发器和过程，"
                "潜伏数月后删除数据并勒索比特币。",
                "Cracked tools like PL/SQL Developer plant triggers and procedures in every "
                "database they connect to; after months they delete data and ask for a ransom.",
            ),
            remedy=Text(
                "立即做一次完整备份并保留旧备份；由 DBA 核对后删除这些触发器、过程和作业；"
                "检查各客户端的 AfterConnect.sql 和 Login.sql，停用破解版工具，修改口令。",
                "Make a full backup now and keep the old ones; let a DBA check and drop these "
                "triggers, procedures and jobs; look into AfterConnect.sql and Login.sql of all "
                "clients, remove cracked tools, change the passwords.",
            ),
            priority=1,
            thresholds=StateThresholds,
            evaluate=ransomware,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
