"""A host without a network: out on a stick, in at the collector, and the receipt back again."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from collector.assessment.models import StoredInspection
from collector.assessment.turn import Turn
from collector.database import Database, open_database
from collector.identity import open_identity
from collector.intake.models import PENDING
from tests.bundling import Host, enrolled_host, stored
from tests.journeys.command import agent, collector, is_one_sentence

pytestmark = pytest.mark.journey


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/data/collector.db")
    yield opened
    opened.close()


@pytest.fixture
def host(database: Database, tmp_path: Path) -> Host:
    identity = open_identity(tmp_path / "data" / "collector.key", database)
    host = enrolled_host(database, tmp_path / "state", collector=identity)
    (tmp_path / "agent.toml").write_text(
        f'[agent]\nstate = "{host.state}"\n[collector]\nurl = "https://collector.example"\n'
    )
    (tmp_path / "stick").mkdir()
    return host


def on_host(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return agent(folder, *arguments, "--settings", str(folder / "agent.toml"))


def at_collector(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return collector(folder, *arguments, "--data", str(folder / "data"))


def test_out_in_and_back(tmp_path: Path, host: Host, database: Database) -> None:
    host.inspect(3)
    bundle = tmp_path / "stick" / "erp-db.inspb"
    exported = on_host(tmp_path, "export", str(bundle))
    assert exported.returncode == 0, exported.stderr
    for word in ("示例公司 / 总部机房 / erp-db", "批次：3", "Asia/Shanghai", str(bundle)):
        assert word in exported.stdout
    words = exported.stdout.split("核对词：")[1].splitlines()[0].partition("（")[0]
    assert len(words.split()) == 6
    imported = at_collector(tmp_path, "import", str(bundle))
    assert imported.returncode == 0, imported.stderr
    assert f"核对词：{words}" in imported.stdout
    assert "3（新 3，已有 0，分叉 0）" in imported.stdout
    assert "3 批数据已评估" in imported.stderr
    assert PENDING not in {row.state for row in stored(database)}
    with database.reading() as session:
        assert len(session.scalars(select(StoredInspection)).all()) == 3
    assert host.waiting() == 3
    taken = on_host(tmp_path, "receipt", f"{bundle}.receipt")
    assert taken.returncode == 0, taken.stderr
    assert "确认 3 批，此前已确认 0 批，仍待送 0 批" in taken.stdout
    assert host.waiting() == 0
    again = on_host(tmp_path, "receipt", f"{bundle}.receipt")
    assert "确认 0 批，此前已确认 3 批" in again.stdout
    nothing = on_host(tmp_path, "export", str(tmp_path / "stick" / "next.inspb"))
    assert (nothing.returncode, nothing.stdout.strip()) == (0, "没有待送的数据，未写出文件")
    assert sorted(path.name for path in (tmp_path / "stick").iterdir()) == [
        "erp-db.inspb",
        "erp-db.inspb.receipt",
    ]


def test_programs_read_json_on_both_sides(tmp_path: Path, host: Host) -> None:
    host.inspect(2)
    bundle = tmp_path / "stick" / "a.inspb"
    slip = json.loads(on_host(tmp_path, "export", str(bundle), "--json").stdout)
    assert (slip["batches"], slip["files"][0]["file"]) == (2, str(bundle))
    (tmp_path / "receipts").mkdir()
    imported = at_collector(
        tmp_path, "import", str(bundle), "--json", "--receipts", str(tmp_path / "receipts")
    )
    (entry,) = json.loads(imported.stdout)
    assert (entry["batches"], entry["duplicates"], entry["customer"]) == (2, 0, "示例公司")
    assert entry["words"].split() == slip["files"][0]["words"]
    assert not Path(f"{bundle}.receipt").exists()
    taken = json.loads(on_host(tmp_path, "receipt", entry["receipt"], "--json").stdout)
    assert (taken["confirmed"], taken["waiting"]) == (2, 0)


def test_a_bad_file_is_one_sentence_and_holds_up_no_other(
    tmp_path: Path, host: Host, database: Database
) -> None:
    host.inspect(1)
    host.export(tmp_path / "stick" / "b.inspb")
    damaged = bytearray((tmp_path / "stick" / "b.inspb").read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "stick" / "a.inspb").write_bytes(damaged)
    (tmp_path / "stick" / "c.inspb").write_bytes(b"hello")
    files = [str(tmp_path / "stick" / f"{name}.inspb") for name in "abc"]
    imported = at_collector(tmp_path, "import", *files)
    assert imported.returncode == 2
    complaints = imported.stderr.strip().splitlines()
    assert len(complaints) == 3
    assert "a.inspb：数据包已损坏" in complaints[0]
    assert "c.inspb：这不是巡检代理导出的数据包" in complaints[1]
    assert "1 批数据已评估" in complaints[2]
    assert len(stored(database)) == 1
    receipts = on_host(tmp_path, "receipt", files[2], f"{files[1]}.receipt")
    assert receipts.returncode == 2
    assert is_one_sentence(receipts.stderr)
    assert "确认 1 批" in receipts.stdout


def test_what_is_wrong_with_words_and_places_is_one_sentence(tmp_path: Path, host: Host) -> None:
    host.inspect(1)
    bundle = tmp_path / "stick" / "a.inspb"
    host.export(bundle)
    for result, sentence in (
        (on_host(tmp_path, "export", str(bundle)), "已存在"),
        (on_host(tmp_path, "export", str(tmp_path / "nowhere" / "a.inspb")), "不存在"),
        (at_collector(tmp_path, "import", str(bundle), "--receipts", "nowhere"), "不存在"),
        (at_collector(tmp_path, "import", str(bundle), "--customer", "没有"), "没有客户"),
        (at_collector(tmp_path, "import", str(tmp_path / "stick")), "不是普通文件"),
        (at_collector(tmp_path, "import", "missing.inspb", "--lang", "en"), "No such file"),
    ):
        assert (result.returncode, is_one_sentence(result.stderr)) == (2, True), result.stderr
        assert sentence in result.stderr


def test_a_receipt_that_can_not_be_written_is_told_and_made_by_the_next_import(
    tmp_path: Path, host: Host, database: Database
) -> None:
    host.inspect(1)
    bundle = tmp_path / "stick" / "a.inspb"
    host.export(bundle)
    Path(f"{bundle}.receipt").mkdir()
    imported = at_collector(tmp_path, "import", str(bundle))
    assert imported.returncode == 2
    assert "数据已导入，但回执" in imported.stderr
    assert "Traceback" not in imported.stderr
    assert len(stored(database)) == 1
    shutil.rmtree(f"{bundle}.receipt")
    again = at_collector(tmp_path, "import", str(bundle))
    assert again.returncode == 0
    assert "（新 0，已有 1，分叉 0）" in again.stdout
    assert on_host(tmp_path, "receipt", f"{bundle}.receipt").returncode == 0
    assert host.waiting() == 0


def test_while_a_collector_judges_the_import_leaves_it_to_it(
    tmp_path: Path, host: Host, database: Database
) -> None:
    host.inspect(2)
    host.export(tmp_path / "stick" / "a.inspb")
    turn = Turn(database)
    assert turn.mine()
    assert turn.mine()
    imported = at_collector(tmp_path, "import", str(tmp_path / "stick" / "a.inspb"))
    assert imported.returncode == 0
    assert "2 批数据等待评估，由正在运行的采集端完成" in imported.stderr
    assert {row.state for row in stored(database)} == {PENDING}
    turn.give_back()
    again = at_collector(tmp_path, "import", str(tmp_path / "stick" / "a.inspb"))
    assert "2 批数据已评估" in again.stderr
