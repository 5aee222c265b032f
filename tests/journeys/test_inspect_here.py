"""The main job on this very machine: agent, collector, assessment and report together."""

import json
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import text

from checks.discovery import discover
from collector.database import Database
from scripts.postgresql import Cluster
from tests.journeys.command import collector, inspect, is_one_sentence

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clone")


@pytest.fixture(scope="module")
def twice(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    return inspect(folder), inspect(folder)


def rows(folder: Path, query: str) -> list[Any]:
    with sqlite3.connect(folder / "var/here/collector.db") as connection:
        return connection.execute(query).fetchall()


def test_it_collects_judges_and_writes_the_report(
    twice: tuple[dict[str, Any], dict[str, Any]], folder: Path
) -> None:
    first, _ = twice
    assert first["customer"] == "本机"
    assert first["planned"] > 15
    assert first["collected"] > 0
    assert 0 < first["coverage"] <= 100
    html = (folder / "var/here/report/report.html").read_text(encoding="utf-8")
    assert "系统巡检报告" in html
    pages = PdfReader(folder / "var/here/report/report.pdf").pages
    assert "巡检" in pages[0].extract_text()


def test_what_could_not_be_read_has_a_reason(twice: tuple[dict[str, Any], ...]) -> None:
    for row in twice[0]["not_run"]:
        assert row["reason"]


def test_a_second_run_adds_an_inspection(
    twice: tuple[dict[str, Any], dict[str, Any]], folder: Path
) -> None:
    first, second = twice
    assert first["inspection"] != second["inspection"]
    assert rows(folder, "SELECT count(*) FROM inspection") == [(2,)]
    before = {(row["code"], row["object"]) for row in first["findings"]}
    for row in second["findings"]:
        if (row["code"], row["object"]) in before:
            assert row["change"] in ("recurring", "worsened", "improved")
            assert row["times"] == 2
    points = rows(
        folder, "SELECT max(n) FROM (SELECT count(*) n FROM series_point GROUP BY series_id)"
    )
    assert points == [(2,)]


def test_the_report_of_two_inspections_draws_what_checks_declare(
    twice: tuple[dict[str, Any], ...], folder: Path
) -> None:
    page = (folder / "var/here/report/report.html").read_text(encoding="utf-8")
    assert twice[1]["collected"]
    captions = re.findall(r"<figcaption>.*?</span>(.*?)</figcaption>", page)
    titles = {caption.partition(": ")[2] for caption in captions}
    assert {"可用内存", "CPU 使用率（95 分位）", "磁盘空间使用率"} <= titles
    declared = {trend.title.zh for check in discover().checks.values() for trend in check.trends}
    assert titles <= declared
    assert "硬件与软件清单" in page
    assert "软件清单" in page


def test_the_same_database_and_date_give_the_same_pdf(
    twice: tuple[dict[str, Any], ...], folder: Path
) -> None:
    written = []
    later = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    for name in ("one", "two"):
        result = collector(folder, "report", "--date", later, "--output", name)
        assert result.returncode == 0, result.stderr
        written.append((folder / name / "report.pdf").read_bytes())
    assert written[0] == written[1]


def test_a_report_of_a_day_before_the_newest_inspection_is_refused(
    twice: tuple[dict[str, Any], ...], folder: Path
) -> None:
    result = collector(folder, "report", "--date", "2026-01-31", "--output", "early")
    assert result.returncode == 2
    assert is_one_sentence(result.stderr)
    assert "2026-01-31" in result.stderr
    assert not (folder / "early").exists()


def test_the_same_job_is_done_on_postgresql(postgresql: Cluster, tmp_path: Path) -> None:
    """One test, so that no second process of tests does its two inspections again."""
    url = postgresql.url(postgresql.new_database())
    first, second = (inspect(tmp_path, XUNJIAN_DATABASE_URL=url) for _ in range(2))
    assert not (tmp_path / "var/here/collector.db").exists()
    assert first["planned"] > 15
    assert first["inspection"] != second["inspection"]
    again = {(row["code"], row["object"]): row["times"] for row in second["findings"]}
    both = [again.get((row["code"], row["object"])) for row in first["findings"]]
    assert {times for times in both if times is not None} <= {2}
    database = Database(url)
    counts = "SELECT max(n) FROM (SELECT count(*) n FROM series_point GROUP BY series_id) counted"
    with database.reading() as session:
        assert session.execute(text("SELECT count(*) FROM inspection")).scalar() == 2
        assert session.execute(text(counts)).scalar() == 2
    database.close()
    page = (tmp_path / "var/here/report/report.html").read_text(encoding="utf-8")
    assert "磁盘空间使用率" in page
    command = ("report", "--date", "2099-12-31", "--output", "later")
    result = collector(tmp_path, *command, XUNJIAN_DATABASE_URL=url)
    assert result.returncode == 0, result.stderr
    result = collector(tmp_path, "quarantine", "--json", XUNJIAN_DATABASE_URL=url)
    assert json.loads(result.stdout) == []


def test_the_rest_of_a_partial_inspection_is_said_to_be_not_selected(tmp_path: Path) -> None:
    done = inspect(tmp_path, "--only", "host.memory", "--customer", "示例公司", "--lang", "en")
    assert (done["customer"], done["planned"], done["score"]) == ("示例公司", 1, None)
    reasons = {row["code"]: row["reason"] for row in done["not_run"]}
    assert reasons["OS-DSK-001"] == "not selected for this inspection"
    html = (tmp_path / "var/here/report/report.html").read_text(encoding="utf-8")
    assert 'lang="en"' in html


def test_a_person_sees_findings_both_numbers_and_the_files(tmp_path: Path) -> None:
    result = collector(tmp_path, "inspect-here", "--only", "host.uptime", "--output", "out")
    assert result.returncode == 0, result.stderr
    assert "健康评分" in result.stdout
    assert "检查覆盖率" in result.stdout
    assert "out/report.pdf" in result.stdout.replace("\n", "")


def test_an_unknown_pattern_suggests_the_nearest(tmp_path: Path) -> None:
    result = collector(tmp_path, "inspect-here", "--only", "host.volume", "--lang", "en")
    assert result.returncode == 2
    assert "host.volumes" in result.stderr
    assert is_one_sentence(result.stderr)


def test_a_folder_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("in the way")
    result = collector(tmp_path, "inspect-here", "--only", "host.uptime")
    assert result.returncode == 2
    assert is_one_sentence(result.stderr)
    assert "var/here" in result.stderr


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    inspect(tmp_path, "--only", "host.uptime")
    with sqlite3.connect(tmp_path / "var/here/collector.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    result = collector(tmp_path, "inspect-here", "--only", "host.uptime")
    assert result.returncode == 2
    assert is_one_sentence(result.stderr)
    assert "更新版本" in result.stderr


def test_a_report_of_an_unknown_customer_names_those_there_are(tmp_path: Path) -> None:
    inspect(tmp_path, "--only", "host.uptime")
    result = collector(tmp_path, "report", "--customer", "别人")
    assert result.returncode == 2
    assert "本机" in result.stderr
    assert is_one_sentence(result.stderr)


def test_the_quarantine_is_shown(tmp_path: Path) -> None:
    inspect(tmp_path, "--only", "host.uptime")
    result = collector(tmp_path, "quarantine", "--json")
    assert json.loads(result.stdout) == []
