"""`xunjian-agent backup`: what an engineer at the console sees, and the exit codes."""

import gzip
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.cli import main

DUMP = b"""\
--
-- PostgreSQL database dump
--
SET row_security = off;
CREATE TABLE t (i int);
%b
--
-- PostgreSQL database dump complete
--
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with three nights of dumps."""
    folder = tmp_path / "backup"
    folder.mkdir()
    for days in range(3):
        write(folder, days)
    return folder


def write(folder: Path, days: int, content: bytes = b"") -> Path:
    at = datetime.now(UTC) - timedelta(days=days, hours=4)
    path = folder / f"erp_{at:%Y%m%d_%H%M%S}.sql.gz"
    path.write_bytes(content or gzip.compress(DUMP % (b"-- %d\n" % days * 99)))
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    settings = tmp_path / "agent.toml"
    settings.write_text(
        f'[agent]\nstate = "{tmp_path}/state"\n[collector]\nurl = "https://a.example"\n'
        f'[backups.erp]\ntitle = "账套"\nkind = "files"\nplace = "{tmp_path}/backup"\n'
        'pattern = "erp_*.sql.gz"\n[backups.erp.schedule]\ntime_zone = "UTC"\n'
    )

    def run(*arguments: str, language: str = "en") -> tuple[int, str, str]:
        words = ["backup", *arguments, "--settings", str(settings), "--lang", language]
        code = main(words)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_sets_are_listed_with_what_was_never_proven(run: Run, place: Path) -> None:
    code, out, _ = run("list")
    assert code == 0
    assert "erp  账套" in out
    assert out.count("never") == 4
    assert str(place) in out


def test_check_lists_and_does_not_read(run: Run, place: Path) -> None:
    code, out, err = run("check", "erp")
    assert code == 1, "nothing is proven, and there is no offsite copy"
    assert "3 restore points" in out
    assert "nothing has been proven yet" in out
    assert "BAK-003" in out
    assert err == ""
    assert len(list(place.iterdir())) == 3


def test_verify_shows_progress_and_proves_what_is_new_once(run: Run, place: Path) -> None:
    code, out, err = run("verify", "erp", "--json")
    assert code == 1
    found = json.loads(out)
    assert err.count("proving") == 3
    assert {proof["result"] for proof in found["facts"]["proofs"]} == {"passed"}
    assert "left" not in found["facts"]["work"], "nothing waits"
    states = {entry["code"]: entry["verdict"]["state"] for entry in found["verdicts"]}
    assert states["BAK-001"] == states["BAK-009"] == "ok"
    _, _, again = run("verify", "erp")
    assert again == "", "nothing is due"
    _, _, all_of_it = run("verify", "erp", "--full")
    assert all_of_it.count("proving") == 3


def test_a_damaged_backup_is_called_critical_in_chinese_too(run: Run, place: Path) -> None:
    newest = max(place.iterdir())
    newest.write_bytes(newest.read_bytes()[:-20])
    at = datetime.now(UTC).timestamp() - 4 * 3600
    os.utime(newest, (at, at))
    code, out, _ = run("verify", "erp", language="zh-CN")
    assert code == 1
    assert "未通过" in out
    assert "◆ 异常" in out


def test_a_pattern_that_fits_nothing_is_never_well(run: Run, place: Path) -> None:
    for path in place.iterdir():
        path.rename(path.with_name(f"x{path.name}"))
    code, out, _ = run("check", "erp")
    assert code == 1
    assert "no restore point at all" in out
    assert "3 other entries" in out


def test_a_place_that_is_not_there_is_one_sentence(run: Run) -> None:
    code, out, err = run("check", "erp")
    assert code == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "erp" in err


def test_an_unknown_set_names_the_nearest(run: Run, place: Path) -> None:
    code, _, err = run("check", "epr")
    assert code == 2
    assert "did you mean erp?" in err


def test_a_drill_made_by_hand_is_recorded_with_its_person(run: Run, place: Path) -> None:
    newest = max(place.iterdir()).name
    words = ("record", "erp", "--point", newest, "--result", "passed", "--person", "张三")
    code, out, _ = run(*words, "--minutes", "42", "--note", "DBCC CHECKDB")
    assert code == 0
    assert "张三" in out
    _, listed, _ = run("check", "erp", "--json")
    proofs = json.loads(listed)["facts"]["proofs"]
    assert [(each["level"], each["person"], each["seconds"]) for each in proofs] == [
        ("restored", "张三", 2520)
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--point", "no-such"), "has no restore point"),
        (("--at", "yesterday"), "is no moment"),
        (("--at", "2026-11-22T09:30"), "is no moment"),
        (("--at", "2126-11-22T09:30+08:00"), "in the future"),
    ],
)
def test_a_record_that_can_not_be_is_refused(
    run: Run, place: Path, more: tuple[str, ...], words: str
) -> None:
    newest = max(place.iterdir()).name
    given = ("--point", newest, "--result", "passed", "--person", "张三", *more)
    code, _, err = run("record", "erp", *given)
    assert code == 2
    assert words in err


def test_a_restore_script_is_for_sql_server_only(run: Run, place: Path) -> None:
    code, _, err = run("restore-script", "erp")
    assert code == 2
    assert "none of SQL Server" in err
