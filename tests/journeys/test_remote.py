"""A remote inspection from the engineer's key to the report, by the commands that people type."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scripts.openssh import OpenSsh
from scripts.openssh import serving as ssh_serving
from scripts.postgresql import Cluster
from tests.journeys.command import agent, collector, is_one_sentence
from tests.journeys.test_enrolment import done, serving

pytestmark = pytest.mark.journey

_SITE = ("--customer", "示例公司", "--site", "总部机房")


@dataclass(frozen=True)
class Place:
    """A collector's folder, an engineer's folder and a server without an agent."""

    folder: Path
    environment: dict[str, str]
    server: OpenSsh

    def at_collector(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        given = (*arguments, "--data", str(self.folder))
        return collector(self.folder, *given, **self.environment)

    def remote(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        home = str(self.folder / "engineer")
        return agent(self.folder, "remote", *arguments, XUNJIAN_REMOTE_FOLDER=home)

    def inspect(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        target = f"{self.server.user}@127.0.0.1:{self.server.port}"
        key = str(self.server.key)
        grant = str(self.folder / "grant.json")
        return self.remote("inspect", target, "--key", key, "--grant", grant, *arguments)

    def register(self, *more: str) -> None:
        request, answer = str(self.folder / "me.json"), str(self.folder / "trust.json")
        done(self.remote("register", "--person", "张工", "--request", request))
        added = done(self.at_collector("engineer", "add", request, "--answer", answer, *more))
        words = next(line for line in added.splitlines() if len(_words(line)) == 6)
        done(self.remote("register", "--answer", answer, "--fingerprint", " ".join(_words(words))))

    def grant(self, *more: str) -> str:
        today = datetime.now(UTC).date()
        made = done(
            self.at_collector(
                *("grant", "add", *_SITE, "--host", "ERP-DB-01=127.0.0.1", "--person", "张工"),
                *("--from", str(today - timedelta(days=1)), "--to", str(today + timedelta(days=1))),
                *("--reason", "年度巡检", "--signer", "王经理", "--json", *more),
                *("--output", str(self.folder / "grant.json")),
            )
        )
        identifier: str = json.loads(made)["id"]
        return identifier

    def sessions(self) -> list[dict[str, object]]:
        listed = self.at_collector("session", "list", "--customer", "示例公司", "--json")
        found: list[dict[str, object]] = json.loads(done(listed))
        return found


def _words(line: str) -> list[str]:
    """Return the English words of a line: those of a fingerprint, where there are six."""
    return [word for word in line.replace("：", " ").split() if word.isascii() and word.isalpha()]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    cluster: Cluster | None = None
    if request.param == "sqlite":
        environment = {"XUNJIAN_DATABASE_URL": f"sqlite:///{tmp_path}/collector.db"}
    else:
        cluster = request.getfixturevalue("postgresql")
        assert cluster is not None
        name = cluster.new_database()
        environment = {"XUNJIAN_DATABASE_URL": cluster.url(name)}
    with ssh_serving(shell=True) as server:
        made = Place(tmp_path, environment, server)
        done(made.at_collector("customer", "add", "示例公司"))
        site = ("site", "add", "总部机房", "--customer", "示例公司", "--time-zone", "Asia/Shanghai")
        done(made.at_collector(*site))
        key = ("host-key", "add", *_SITE, "--host", "ERP-DB-01", server.host_key)
        done(made.at_collector("slot", "add", *_SITE, "--host", "ERP-DB-01"))
        done(made.at_collector(*key))
        yield made
    if cluster is not None:
        cluster.drop_database(name)


def left_on_host() -> list[str]:
    """Return what a visit makes on its host: private folders."""
    return [
        str(path)
        for folder in ("/tmp", "/var/tmp", "/dev/shm")
        for path in Path(folder).glob("*xunjian-visit*")
    ]


def test_from_the_key_to_the_report(place: Place) -> None:
    before = left_on_host()
    with serving(place.folder, place.environment) as url:
        place.register("--url", url)
        grant = place.grant("--scope", "config")
        inspected = place.inspect("--agentless")
        assert inspected.returncode == 0, inspected.stderr
        (session,) = place.sessions()
        shown = done(place.at_collector("session", "show", str(session["id"])))
        assert "张工" in shown
        assert grant in shown
        verified = place.at_collector("session", "verify", str(session["id"]))
        assert verified.returncode == 0, verified.stdout
    closed = place.at_collector(
        *("session", "close", str(session["id"]), "--problem", "年度巡检"),
        *("--done", "远程采集", "--result", "已完成", "--confirmed-by", "王经理"),
    )
    done(closed)
    report = place.at_collector("report", "--customer", "示例公司", "--output", "out")
    done(report)
    page = (place.folder / "out" / "report.html").read_text()
    assert "远程采集" in page
    assert "无代理" in page
    assert left_on_host() == before


def test_offline_by_file(place: Place) -> None:
    place.register()
    place.grant()
    bundle = place.folder / "visit.inspb"
    inspected = place.inspect("--agentless", "--bundle", str(bundle))
    assert inspected.returncode == 0, inspected.stderr
    files = sorted(path.name for path in place.folder.glob("visit.*"))
    assert files == ["visit.inspb", "visit.inspr"]
    done(place.at_collector("import", str(bundle)))
    done(place.at_collector("session", "import", str(bundle.with_suffix(".inspr"))))
    (session,) = place.sessions()
    verified = place.at_collector("session", "verify", str(session["id"]))
    assert verified.returncode == 0, verified.stdout


def test_a_revoked_grant_is_one_sentence_and_nobody_connects(place: Place) -> None:
    with serving(place.folder, place.environment) as url:
        place.register("--url", url)
        grant = place.grant()
        done(place.at_collector("grant", "revoke", grant, "--why", "客户撤回"))
        refused = place.inspect("--agentless")
    assert refused.returncode == 2
    assert is_one_sentence(refused.stderr)
    assert "撤销" in refused.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="the server acts as nobody only where it is root's")
def test_a_shell_needs_the_scope_and_a_proof(place: Place) -> None:
    place.register()
    place.grant()
    target = f"{place.server.user}@127.0.0.1:{place.server.port}"
    given = ("--key", str(place.server.key), "--grant", str(place.folder / "grant.json"))
    refused = place.remote("shell", target, *given)
    assert refused.returncode == 2
    assert is_one_sentence(refused.stderr)
    assert "change" in refused.stderr
    place.grant("--scope", "change")
    unproved = place.remote("shell", target, *given)
    assert unproved.returncode == 2
    assert is_one_sentence(unproved.stderr)
    assert "备份" in unproved.stderr
