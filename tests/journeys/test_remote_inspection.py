"""From the engineer's key to the report: registered, granted, inspected, judged."""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent.remote import package
from scripts.openssh import OpenSsh
from scripts.openssh import serving as ssh_serving
from tests.journeys.command import agent, collector, is_one_sentence
from tests.journeys.test_enrolment import serving

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def server() -> Iterator[OpenSsh]:
    with ssh_serving(shell=True) as running:
        yield running


def done(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stderr + result.stdout
    assert "Traceback" not in result.stderr
    return result.stdout


class Both:
    """A collector, and the workstation of an engineer."""

    def __init__(self, folder: Path, server: OpenSsh) -> None:
        self.folder = folder
        self.server = server
        self.data = folder / "data"
        self.data.mkdir()
        self.target = f"{server.user}@127.0.0.1:{server.port}"
        self._home = {"XUNJIAN_REMOTE_FOLDER": str(folder / "home")}

    def collector(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return collector(self.folder, *arguments, "--data", str(self.data))

    def remote(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return agent(self.folder, "remote", *arguments, **self._home)

    def register(self, *more: str) -> None:
        request, answer = self.folder / "zhang.request", self.folder / "zhang.answer"
        done(self.remote("register", "--person", "张工", "--request", str(request)))
        add = ("engineer", "add", str(request), "--answer", str(answer), "--json", *more)
        told = json.loads(done(self.collector(*add)))
        words = told["collector_fingerprint"]
        words = " ".join(words if isinstance(words, list) else words.split()[:6])
        done(self.remote("register", "--answer", str(answer), "--fingerprint", words))

    def grant(self, name: str, *more: str) -> str:
        today = datetime.now().astimezone()
        file = self.folder / f"{name}.grant"
        days = [f"{today + timedelta(days=days):%Y-%m-%d}" for days in (-1, 1)]
        given = ("--customer", "示例公司", "--host", "erp-db=127.0.0.1", "--person", "张工")
        window = ("--from", days[0], "--to", days[1])
        why = ("--reason", "年度巡检", "--signer", "李主任", "--output", str(file))
        done(self.collector("grant", "add", *given, *window, *why, *more))
        return str(file)

    def inspect(self, grant: str, *more: str) -> subprocess.CompletedProcess[str]:
        key = ("--key", str(self.server.key), "--grant", grant)
        return self.remote("inspect", self.target, *key, "--pack", "host.release", *more)


@pytest.fixture
def both(tmp_path: Path, server: OpenSsh) -> Both:
    found = Both(tmp_path, server)
    done(found.collector("customer", "add", "示例公司"))
    done(found.collector("site", "add", "总部机房", "--customer", "示例公司"))
    slot = ("slot", "add", "--customer", "示例公司", "--site", "总部机房", "--host", "erp-db")
    done(found.collector(*slot))
    key = ("host-key", "add", server.host_key, "--customer", "示例公司", "--host", "erp-db")
    done(found.collector(*key))
    return found


def modes() -> list[str]:
    return ["agentless"] + (["package"] if package.find() is not None else [])


@pytest.mark.parametrize("mode", modes())
def test_from_registration_to_the_report(both: Both, mode: str) -> None:
    environment = {"XUNJIAN_DATABASE_URL": f"sqlite:///{both.data}/collector.db"}
    with serving(both.data, environment) as url:
        both.register("--url", url)
        grant = both.grant("erp")
        given = ("--json",) if mode == "package" else ("--json", "--agentless")
        lines = done(both.inspect(grant, *given)).splitlines()
        result = json.loads(lines[-1])
        assert (result["state"], result["mode"], result["collected"]) == ("delivered", mode, 1)
        session = result["session"]
    shown = done(both.collector("session", "show", session))
    assert "张工" in shown
    done(both.collector("session", "verify", session))
    output = both.folder / "report"
    report = ("report", "--customer", "示例公司", "--output", str(output))
    done(both.collector(*report))
    page = next(output.rglob("*.html")).read_text(encoding="utf-8")
    assert "erp-db" in page
    assert "远程" in page


def test_offline_by_files(both: Both) -> None:
    both.register()
    grant = both.grant("erp")
    kept = both.inspect(grant, "--agentless")
    assert kept.returncode == 1
    assert "--bundle" in kept.stderr
    bundle = both.folder / "stick.inspb"
    done(both.remote("deliver", "--bundle", str(bundle)))
    done(both.collector("import", str(bundle)))
    done(both.collector("session", "import", str(bundle.with_suffix(".inspr"))))
    listed = ("session", "list", "--customer", "示例公司", "--json")
    (row,) = json.loads(done(both.collector(*listed)))
    assert row["person"] == "张工"
    done(both.collector("session", "verify", row.get("id") or row["session"]))


def test_a_revoked_grant_opens_nothing(both: Both) -> None:
    environment = {"XUNJIAN_DATABASE_URL": f"sqlite:///{both.data}/collector.db"}
    with serving(both.data, environment) as url:
        both.register("--url", url)
        grant = both.grant("erp")
        listed = json.loads(
            done(both.collector("grant", "list", "--customer", "示例公司", "--json"))
        )
        name = listed[0].get("id") or listed[0]["grant"]
        done(both.collector("grant", "revoke", name, "--why", "客户来电"))
        refused = both.inspect(grant, "--agentless")
    assert refused.returncode == 2
    assert is_one_sentence(refused.stderr)
    assert "客户来电" in refused.stderr
    assert os.environ.get("XUNJIAN_REMOTE_FOLDER") is None
