"""From two servers to the morning page: what was kept here, kept there, and what is wrong."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scripts.postgresql import Cluster
from tests.journeys.command import agent, collector
from tests.journeys.test_enrolment import done, serving

CUSTOMER = "示例公司"
pytestmark = pytest.mark.journey


@pytest.fixture(params=["sqlite", "postgresql"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Name the database that the collector's commands use."""
    if request.param == "sqlite":
        yield {"XUNJIAN_DATABASE_URL": f"sqlite:///{tmp_path}/collector.db"}
        return
    cluster: Cluster = request.getfixturevalue("postgresql")
    name = cluster.new_database()
    yield {"XUNJIAN_DATABASE_URL": cluster.url(name)}
    cluster.drop_database(name)


class Site:
    """A customer's source server and its offsite server, each with an agent."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.data = ("--data", str(folder))
        self.source = folder / "backup"
        self.offsite = folder / "mirror"
        self.source.mkdir()
        self.offsite.mkdir()
        done(self.collector("customer", "add", CUSTOMER))
        done(self.collector("site", "add", "总部机房", "--customer", CUSTOMER))

    def collector(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return collector(self.folder, *arguments, *self.data, **self.environment)

    def enrol(self, url: str, host: str, sets: str) -> str:
        """Enrol and approve an agent; return its settings file."""
        slot = (
            "slot",
            "add",
            "--customer",
            CUSTOMER,
            "--site",
            "总部机房",
            "--host",
            host,
            "--json",
        )
        code = json.loads(done(self.collector(*slot)))["code"]
        path = self.folder / f"{host}.toml"
        state = self.folder / f"state-{host}"
        words = ("--settings", str(path), "--state", str(state), "--code", code, "--json")
        told = json.loads(done(agent(self.folder, "enrol", url, *words)))
        path.write_text(path.read_text() + sets)
        done(self.collector("agent", "approve", told["agent"][:12]))
        return str(path)

    def inspect(self, settings: str) -> None:
        done(agent(self.folder, "run", "--settings", settings, "--only", "backup.*"))

    def morning(self, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
        result = self.collector("backups", "--json", *arguments)
        assert result.returncode in (0, 1), result.stderr
        return result.returncode, json.loads(result.stdout)

    def dump(self, hours: float, content: bytes = b"") -> Path:
        """Write what a dump of some hours ago has left."""
        at = datetime.now(UTC) - timedelta(hours=hours)
        path = self.source / f"erp_{at:%Y%m%d_%H%M}.sql"
        rows = os.urandom(4000).hex().encode()
        path.write_bytes(
            content
            or b"-- PostgreSQL database dump\nCREATE TABLE t();\n-- %b\n"
            b"-- PostgreSQL database dump complete\n"
            % rows
        )
        os.utime(path, (at.timestamp(), at.timestamp()))
        return path

    def mirror(self) -> None:
        shutil.copytree(self.source, self.offsite, dirs_exist_ok=True)


def schedule() -> str:
    """Return a window that began six hours ago and whose deadline was two hours ago."""
    now = datetime.now(UTC)
    begins, ends = now - timedelta(hours=6), now - timedelta(hours=2)
    return (
        f'window_start = "{begins:%H:%M}"\ndeadline = "{ends:%H:%M}"\n'
        'grace_minutes = 0\ntime_zone = "UTC"\n'
    )


def test_a_backup_is_followed_from_its_server_to_the_offsite_one(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    site = Site(tmp_path, environment)
    for days in (0, 1, 2):
        site.dump(24 * days + 4)
    site.mirror()
    source_set = (
        f'\n[backups.erp]\ntitle = "ERP 数据库"\nkind = "files"\nplace = "{site.source}"\n'
        f'pattern = "erp_*.sql"\nminimum_size = "1 KiB"\n[backups.erp.schedule]\n{schedule()}'
        '[backups.erp.offsite]\nby = "agent"\nhours = 0.5\n'
    )
    offsite_set = (
        f'\n[backups.mirror]\nkind = "files"\nplace = "{site.offsite}"\nrole = "offsite"\n'
        f'pattern = "erp_*.sql"\nminimum_size = "1 KiB"\n[backups.mirror.schedule]\n{schedule()}'
    )
    with serving(tmp_path, environment) as url:
        source = site.enrol(url, "erp-db", source_set)
        offsite = site.enrol(url, "offsite", offsite_set)
        code, _ = site.morning()
        assert code in (0, 1)
        site.inspect(source)
        site.inspect(offsite)
        code, lines = wait_for(site, {("erp", "offsite", "ok"), ("mirror", "local", "ok")})
        assert code == 0, lines
        (erp,) = [line for line in lines if line["set"] == "erp"]
        assert (erp["local"], erp["offsite"], erp["verified"]) == ("ok", "ok", "ok")
        shown = site.collector("backups")
        assert "erp" in shown.stdout
        assert shown.returncode == 0

        # A byte of the copy flips: its agent sees other bytes, and the two no longer meet.
        newest = max(site.offsite.iterdir())
        content = bytearray(newest.read_bytes())
        content[100] ^= 1
        before = newest.stat()
        newest.write_bytes(bytes(content))
        os.utime(newest, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000_000))
        site.inspect(offsite)
        code, lines = wait_for(site, {("mirror", "verified", "failed")}, fallback=True)
        assert code == 1, lines
        assert any(line["worst"] != "ok" for line in lines)


def wait_for(
    site: Site, wanted: set[tuple[str, str, str]], *, fallback: bool = False
) -> tuple[int, list[dict[str, Any]]]:
    """Return the morning page once the assessor has come to it, with fallback at any fault."""

    deadline = time.monotonic() + 60
    while True:
        code, lines = site.morning()
        states = {
            (line["set"], leg, line[leg])
            for line in lines
            for leg in ("local", "offsite", "verified")
            if leg in line
        }
        if wanted <= states or (fallback and code == 1) or time.monotonic() > deadline:
            return code, lines
        time.sleep(1)


def test_what_is_missing_damaged_or_unknown_is_the_first_line(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    site = Site(tmp_path, environment)
    site.dump(28)
    broken = site.dump(4)
    broken.write_bytes(broken.read_bytes()[:3000])
    os.utime(broken, (datetime.now(UTC).timestamp() - 4 * 3600,) * 2)
    sets = "".join(
        f'\n[backups.{name}]\nkind = "files"\nplace = "{place}"\npattern = "{pattern}"\n'
        f"[backups.{name}.schedule]\n{schedule()}"
        for name, place, pattern in (
            ("damaged", site.source, "erp_*.sql"),
            ("missing", site.source, "crm_*.sql"),
            ("unseen", tmp_path / "no-such-folder", "*"),
        )
    )
    with serving(tmp_path, environment) as url:
        settings = site.enrol(url, "erp-db", sets)
        done(site.collector("customer", "contract", CUSTOMER, "--from", "2026-01-01"))
        site.inspect(settings)
        code, lines = wait_for(site, {("damaged", "verified", "failed")})
        states = {line["set"]: line["worst"] for line in lines}
        assert code == 1
        assert states == {"damaged": "failed", "missing": "missing", "unseen": "unknown"}
        day = next(line["day"] for line in lines if line["set"] == "missing")
        of_day = ("--customer", CUSTOMER, "--host", "erp-db", "--set", "missing", "--day", day)
        done(site.collector("backups", "excuse", *of_day, "--why", "机房停电"))
        _, lines = site.morning()
        states = {line["set"]: line["worst"] for line in lines}
        assert states["missing"] == "excused"
        done(site.collector("backups", "reopen", *of_day, "--why", "误录"))
        _, lines = site.morning()
        assert {line["set"]: line["worst"] for line in lines}["missing"] == "missing"
        report = site.collector("report", "--customer", CUSTOMER, "--output", str(tmp_path / "out"))
        done(report)
        html = next((tmp_path / "out").glob("*.html")).read_text()
        assert "备份与恢复" in html
        assert "erp_" in html


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    site = Site(tmp_path, {"XUNJIAN_DATABASE_URL": f"sqlite:///{tmp_path}/collector.db"})
    of_day = ("--customer", CUSTOMER, "--host", "x", "--set", "y", "--day", "2026-01-01")
    for words in (
        ("backups", "--date", "yesterday"),
        ("backups", "--customer", "nobody"),
        ("backups", "excuse", *of_day, "--why", "z"),
        ("customer", "contract", CUSTOMER, "--from", "2026-02-30"),
    ):
        result = site.collector(*words)
        assert result.returncode == 2, words
        assert len(result.stderr.strip().splitlines()) == 1, result.stderr
        assert "Traceback" not in result.stderr
