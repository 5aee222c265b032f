"""Sessions as a person sees them."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result as Ran
from sqlalchemy import select, update
from typer.testing import CliRunner

from collector.cli import app
from collector.database import Database
from collector.enrolment.models import AgentKey, AuditEntry
from collector.errors import CollectorError, NotFound, Unusable
from collector.intake.service import accept as accept_batches
from collector.sessions.models import RecordPart, RemoteSession, WorkRecord
from tests.collector.place import Place, uploaded
from tests.collector.sessions.place import NOW, Visit, a_record, a_shell, prove, revoke, visit
from tests.messages import batch_of, observation


def run(database: Database, *words: str, fails: type[CollectorError] | None = None) -> Ran:
    environment = {"XUNJIAN_DATABASE_URL": database.url, "COLUMNS": "250"}
    ran = CliRunner().invoke(app, ["session", *words], env=environment)
    assert isinstance(ran.exception, (fails or SystemExit, type(None))), ran.exception
    return ran


@pytest.fixture
def here(database: Database) -> Visit:
    return visit(database)


def test_no_sessions_and_no_such_session_are_said(here: Visit) -> None:
    assert "没有远程会话" in run(here.database, "list", "--customer", "示例公司").stdout
    english = run(here.database, "list", "--customer", "示例公司", "--lang", "en")
    assert "has no remote sessions" in english.stdout
    for command in ("show", "verify", "replay"):
        run(here.database, command, "nobody", fails=NotFound)
    run(here.database, "accept", "nobody", "--why", "x", fails=NotFound)


def test_the_list_says_who_where_when_and_how_it_ended(here: Visit) -> None:
    here.open()
    here.deliver(a_record(here))
    second = here.another("session-2")
    revoke(here, NOW + timedelta(minutes=1))
    second.open(NOW + timedelta(minutes=2))
    shown = " ".join(run(here.database, "list", "--customer", "示例公司").stdout.split())
    assert "2026-11-21 18:00" in shown
    assert "完整，已核验" in shown
    assert "授权已撤销" in shown
    told = json.loads(run(here.database, "list", "--customer", "示例公司", "--json").stdout)
    assert [(row["id"], row["record"], row["denial"]) for row in told] == [
        ("session-1", "good", None),
        ("session-2", "wrong", "revoked"),
    ]
    other = run(here.database, "list", "--customer", "示例公司", "--host", "web", "--json")
    assert json.loads(other.stdout) == []


def test_show_tells_all_of_a_session(here: Visit) -> None:
    here.open()
    here.deliver(a_record(here))
    batch = batch_of(observation("sample.load", {"loads": {}}), agent=here.agent)
    with here.database.writing() as session:
        place = Place(here.customer_id, here.host_id, here.agent, here.key)
        accept_batches(session, [uploaded(place, batch.payload)])
    shown = run(here.database, "show", "session-1").stdout
    for part in ("张工", "root@10.0.0.5:22", "publickey", "uname -a", "11.8 MiB", "批次：1", "✓"):
        assert part in shown, part
    assert "没有工单" in shown
    told = json.loads(run(here.database, "show", "session-1", "--json").stdout)
    assert told["opening"]["scopes"] == ["metadata"]
    assert [each["digest"] for each in told["batches"]] == [batch.digest]
    assert told["commands"][0]["ended"]["exit_code"] == 0
    assert told["files"][0]["digest"] == "1" * 64


def test_a_command_of_a_record_steers_no_terminal(here: Visit) -> None:
    from tests.collector.sessions.place import lines_of
    from wire import record

    here.open()
    here.deliver(
        lines_of(
            record.SessionOpened(here.opening, here.grant_envelope()),
            record.Connected("10.0.0.5\x1b[2J", "root", "key\x07", "typed", "password"),
            record.CommandRun("echo \x1b[2J\x07 x"),
            record.Ended("completed"),
        )
    )
    shown = run(here.database, "show", "session-1").stdout
    assert ("\x1b" in shown, "\x07" in shown) == (False, False)


def test_verify_ends_with_1_unless_all_is_there_and_good(here: Visit) -> None:
    here.open()
    ran = run(here.database, "verify", "session-1")
    assert (ran.exit_code, "不完整" in ran.stdout) == (1, True)
    here.deliver(a_record(here))
    ran = run(here.database, "verify", "session-1")
    assert (ran.exit_code, "✗" in ran.stdout) == (0, False)
    with here.database.writing() as session:
        payload = session.scalars(select(RecordPart.payload)).one()
        session.execute(update(RecordPart).values(payload=payload.replace(b"uname", b"evil!")))
    ran = run(here.database, "verify", "session-1", "--lang", "en")
    assert ran.exit_code == 1
    assert "✗ the engineer has signed each part of the record: part 1 was changed" in ran.stdout
    told = json.loads(run(here.database, "verify", "session-1", "--json").stdout)
    assert told["outcome"] == "wrong"


def test_a_session_is_replayed_and_written_as_a_cast(here: Visit, tmp_path: Path) -> None:
    shell = here.shell("session-shell")
    prove(shell, NOW)
    shell.open()
    shell.deliver(a_shell(shell))
    ran = run(here.database, "replay", "session-s", "--speed", "100")
    assert "已重启" in ran.stdout
    target = tmp_path / "a.cast"
    run(here.database, "replay", "session-s", "--output", str(target))
    header, *events = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert (header["version"], header["width"], header["height"]) == (2, 100, 30)
    assert [2.0, "o", "已重启\r\n"] in events
    run(here.database, "replay", "session-s", "--output", str(tmp_path), fails=Unusable)


def test_a_broken_record_is_not_replayed_as_whole(here: Visit, tmp_path: Path) -> None:
    here.open()
    here.deliver(a_record(here))
    with here.database.writing() as session:
        payload = session.scalars(select(RecordPart.payload)).one()
        session.execute(update(RecordPart).values(payload=payload.replace(b"uname", b"evil!")))
    target = tmp_path / "a.cast"
    run(here.database, "replay", "session-1", "--output", str(target), fails=Unusable)
    assert list(tmp_path.glob("*.cast*")) == []


WORK = ("--problem", "归档目录写满", "--done", "清理过期归档", "--result", "恢复到 60%")


def test_a_work_record_closes_a_session_and_a_later_one_counts(here: Visit) -> None:
    here.open()
    run(here.database, "close", "session-1", *WORK)
    again = ("--cause", "未定期清理", "--prevention", "定时任务", "--confirmed-by", "李主任")
    run(here.database, "close", "session-1", *WORK[:-1], "恢复到 50%", *again)
    told = json.loads(run(here.database, "show", "session-1", "--json").stdout)
    assert told["work_record"]["result"] == "恢复到 50%"
    assert (told["work_record"]["confirmed_by"], len(told["work_records"])) == ("李主任", 2)
    shown = run(here.database, "show", "session-1").stdout
    assert shown.index("恢复到 50%") < shown.index("以前的工单") < shown.index("恢复到 60%")
    with here.database.reading() as session:
        actions = session.scalars(select(AuditEntry.action)).all()
    assert actions == ["session.work_recorded"] * 2


@pytest.mark.parametrize("empty", ["--problem", "--done", "--result"])
def test_a_work_record_is_not_empty(here: Visit, empty: str) -> None:
    here.open()
    words = list(WORK)
    words[words.index(empty) + 1] = "  "
    run(here.database, "close", "session-1", *words, fails=Unusable)
    run(here.database, "close", "nobody", *WORK, fails=NotFound)
    with here.database.reading() as session:
        assert session.scalars(select(WorkRecord)).all() == []


def test_a_refused_session_is_taken_in_with_a_reason(here: Visit) -> None:
    revoke(here, NOW)
    here.open()
    run(here.database, "accept", "session-1", "--why", " ", fails=Unusable)
    assert run(here.database, "accept", "session-1", "--why", "已补签").exit_code == 0
    run(here.database, "accept", "session-1", "--why", "已补签", fails=Unusable)
    with here.database.reading() as session:
        assert session.scalars(select(AgentKey.id)).one() == here.key.id
        assert session.scalars(select(RemoteSession.accepted_by)).one()
