"""A year with remote sessions, for tests and pictures."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from checks.api import Text
from checks.wording import reason
from collector.reports.material import (
    LeftOutRow,
    Material,
    Outcome,
    RemoteRow,
    SessionRow,
    WorkRow,
)
from collector.sessions.words import DENIALS, ENDS, MODES, PURPOSES
from tests.collector.reports.sample import small
from wire.grants import Denial
from wire.messages import Failure, Reason
from wire.sessions import Mode, Purpose

AT = datetime(2026, 6, 3, 1, 30, tzinfo=UTC)
WORK = WorkRow(
    problem="归档目录 /backup/arch 写满，数据库停止归档",
    done="核对备份后清理三十天前的归档，恢复归档进程",
    result="归档恢复，目录使用率由 100% 降至 58%",
    cause="归档清理任务在系统升级后未启用",
    prevention="已恢复定时任务，并加入巡检阈值",
    confirmed_by="李主任",
    confirmed_at=AT + timedelta(days=1),
)


def row(number: int, **changes: object) -> SessionRow:
    """Return a session that inspected a host, complete and without a work record."""
    at = AT + timedelta(days=30 * number)
    plain = SessionRow(
        id=f"{number}f2a9c41d7e80b35",
        host="erp-db-01",
        person="张工",
        purpose=PURPOSES[Purpose.INSPECT],
        grant="a07d13c5e2f94b68",
        opened_at=at,
        ended_at=at + timedelta(minutes=12),
        state=ENDS["completed"],
        outcome=Outcome.GOOD,
        accepted_by="",
        is_change=False,
        proof="",
        work=None,
    )
    return replace(plain, **changes)  # type: ignore[arg-type] # as the fields are


SESSIONS = (
    row(0),
    row(
        1,
        purpose=PURPOSES[Purpose.SHELL],
        is_change=True,
        proof="备份集 erp，2026-07-02 02:00 恢复演练通过",
        work=WORK,
    ),
    row(
        2,
        outcome=Outcome.INCOMPLETE,
        ended_at=None,
        state=Text("未收到结束声明", "no end has come"),
    ),
    row(3, outcome=Outcome.WRONG, state=DENIALS[Denial.EXPIRED], accepted_by="王经理"),
)
LEFT_OUT = tuple(
    LeftOutRow(
        host="erp-app-01",
        check=check,
        title=title,
        reason=reason(failure),
        as_of=AT,
    )
    for check, title, failure in (
        ("host.accounts", Text("账户", "Accounts"), Failure(Reason.NOT_GRANTED, "config")),
        ("host.mounts", Text("挂载点", "Mounts"), Failure(Reason.NEEDS_AGENT)),
        ("host.software", Text("软件清单", "Software"), Failure(Reason.NEEDS_AGENT)),
    )
)


def remote() -> Material:
    """Return two hosts, one of them inspected in remote sessions."""
    material = small()
    made = RemoteRow(SESSIONS[0].id, SESSIONS[0].grant, "张工", MODES[Mode.PACKAGE])
    host = material.hosts[0].name
    inspections = tuple(
        replace(each, remote=made) if each.host == host else each for each in material.inspections
    )
    return replace(material, inspections=inspections, sessions=SESSIONS, left_out=LEFT_OUT)
