"""From the grant to the replay: a recorded shell, online and by files, and what keeps it shut."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from scripts.openssh import OpenSsh
from scripts.openssh import serving as ssh_serving
from tests.journeys.command import is_one_sentence
from tests.journeys.test_enrolment import serving
from tests.journeys.test_remote_inspection import Both, done

pytestmark = pytest.mark.journey

HOST = ("--customer", "示例公司", "--host", "erp-db")
SCRIPT = "echo 巡检 $((6 * 7))\nexit 3\n"


@pytest.fixture(scope="module")
def account() -> Iterator[OpenSsh]:
    with ssh_serving(shell=True, as_nobody=False) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, account: OpenSsh) -> Both:
    found = Both(tmp_path, account)
    done(found.collector("customer", "add", "示例公司"))
    done(found.collector("site", "add", "总部机房", "--customer", "示例公司"))
    done(found.collector("slot", "add", *HOST, "--site", "总部机房"))
    done(found.collector("host-key", "add", account.host_key, *HOST))
    return found


def shell(site: Both, grant: str, *more: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "agent", "remote", "shell", site.target, "--grant", grant]
    return subprocess.run(
        [*command, "--key", str(site.server.key), *more],
        cwd=site.folder,
        env=os.environ | {"XUNJIAN_REMOTE_FOLDER": str(site.folder / "home")},
        input=SCRIPT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def add_proof(site: Both) -> None:
    document = site.folder / "恢复验证.txt"
    document.write_text("RMAN validate 通过")
    hour_ago = datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(hours=1)
    given = ("--document", str(document), "--note", "RMAN validate 通过")
    done(site.collector("proof", "add", *HOST, *given, "--at", f"{hour_ago:%Y-%m-%dT%H:%M}"))


def replayed(site: Both) -> str:
    """Return what the one session of the customer has shown, once its record is proved whole."""
    listed = ("session", "list", "--customer", "示例公司", "--json")
    (row,) = json.loads(done(site.collector(*listed)))
    name = row.get("id") or row["session"]
    assert "完整，未被改动" in done(site.collector("session", "verify", name))
    cast = site.folder / "session.cast"
    done(site.collector("session", "replay", name, "--output", str(cast)))
    header, *events = [json.loads(line) for line in cast.read_text(encoding="utf-8").splitlines()]
    assert header["version"] == 2
    assert "".join(text for _, kind, text in events if kind == "i") == SCRIPT
    return "".join(text for _, kind, text in events if kind == "o")


def test_a_shell_from_the_proof_to_the_replay(site: Both) -> None:
    environment = {"XUNJIAN_DATABASE_URL": f"sqlite:///{site.data}/collector.db"}
    with serving(site.data, environment) as url:
        site.register("--url", url)
        reading = site.grant("reading")
        assert "change" in shell(site, reading).stderr
        grant = site.grant("work", "--scope", "metadata", "--scope", "change")
        refused = shell(site, grant)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert is_one_sentence(refused.stderr)
        assert "备份证明" in refused.stderr
        (site.folder / "home" / "sessions").rename(site.folder / "refused")
        add_proof(site)
        held = shell(site, grant)
        assert held.returncode == 0, held.stderr
        assert held.stdout.startswith("巡检 42\n")
        assert "已送达采集端" in held.stdout
        assert "RMAN validate 通过" in held.stderr
    rows = json.loads(done(site.collector("session", "list", "--customer", "示例公司", "--json")))
    (name,) = [row.get("id") or row["session"] for row in rows if not row.get("denial")]
    assert "完整，未被改动" in done(site.collector("session", "verify", name))


def test_a_shell_without_a_network_comes_home_by_file(site: Both) -> None:
    site.register()
    grant = site.grant("work", "--scope", "metadata", "--scope", "change")
    refused = shell(site, grant)
    assert (refused.returncode, refused.stdout) == (2, "")
    add_proof(site)
    proof = site.folder / "erp.proof"
    done(site.collector("proof", "show", *HOST, "--output", str(proof)))
    # The refused one has a record, too; only the other is taken home here.
    (site.folder / "home" / "sessions").rename(site.folder / "refused")
    held = shell(site, grant, "--proof", str(proof))
    assert (held.returncode, held.stdout) == (0, "巡检 42\n")
    stick = site.folder / "stick.inspb"
    done(site.remote("deliver", "--bundle", str(stick)))
    done(site.collector("session", "import", str(stick.with_suffix(".inspr"))))
    shown = replayed(site)
    assert "巡检 42" in shown
    assert "collector not asked" in shown
