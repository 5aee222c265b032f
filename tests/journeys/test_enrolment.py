"""From the code to the report: a host is enrolled, waits for approval, is judged; and rotates."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.postgresql import Cluster
from tests.journeys.command import agent, collector, is_one_sentence
from wire import codes

SLOT = ("slot", "add", "--customer", "示例公司", "--site", "总部机房", "--host", "ERP-DB-01")


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


@contextmanager
def serving(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    command = [sys.executable, "-m", "collector", "serve", "--data", str(folder), "--port", "0"]
    inherited = {"PYTHONPATH": ":".join(sys.path), "NO_COLOR": "1", "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        command, cwd=folder, env=inherited | environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        try:
            yield f"http://127.0.0.1:{line.rsplit('port=', 1)[1].split()[0]}"
        finally:
            process.terminate()


def done(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stderr
    return result.stdout


def slot(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    made = done(collector(folder, *SLOT, "--json", "--data", str(folder), **environment))
    told: dict[str, str] = json.loads(made)
    return told


def prepared(folder: Path, environment: dict[str, str]) -> None:
    data = ("--data", str(folder))
    done(collector(folder, "customer", "add", "示例公司", *data, **environment))
    site = ("site", "add", "总部机房", "--customer", "示例公司")
    done(collector(folder, *site, *data, **environment))


def listed(folder: Path, environment: dict[str, str]) -> list[dict[str, object]]:
    shown = done(collector(folder, "agent", "list", "--json", "--data", str(folder), **environment))
    rows: list[dict[str, object]] = json.loads(shown)
    return rows


def test_a_host_is_enrolled_approved_and_judged(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    data = ("--data", str(tmp_path))
    prepared(tmp_path, environment)
    opened = slot(tmp_path, environment)
    settings = ("--settings", str(tmp_path / "agent.toml"))
    state = tmp_path / "state"
    with serving(tmp_path, environment) as url:
        words = " ".join(opened["collector_fingerprint"].split()[:6])
        enrol = ("enrol", url, *settings, "--state", str(state), "--fingerprint", words)
        refused = agent(tmp_path, *enrol, "--code", codes.new_code(), "--lang", "en")
        assert refused.returncode == 2
        assert "no such enrolment code" in refused.stderr
        assert not (tmp_path / "agent.toml").exists()
        told = json.loads(done(agent(tmp_path, *enrol, "--code", opened["code"], "--json")))
        assert (told["customer"], told["host"]) == ("示例公司", "ERP-DB-01")
        run = ("run", *settings, "--only", "host.uptime", "--json")
        done(agent(tmp_path, *run))
        (row,) = listed(tmp_path, environment)
        assert (row["standing"], row["batches"]) == ("pending", 1)
        assert row["words"] == " ".join(told["fingerprint"])

        approve = ("agent", "approve", str(told["agent"])[:8], *data)
        wrong = collector(tmp_path, *approve, "--fingerprint", "a b c d e f", **environment)
        assert wrong.returncode == 2
        assert is_one_sentence(wrong.stderr)
        right = ("--fingerprint", " ".join(told["numbers"]))
        assert "1 批" in done(collector(tmp_path, *approve, *right, **environment))

        rotated = json.loads(done(agent(tmp_path, "rotate-key", *settings, "--json")))
        assert rotated["fingerprint"] != told["fingerprint"]
        done(agent(tmp_path, *run))
        (row,) = listed(tmp_path, environment)
        assert (row["standing"], row["batches"], row["missing"]) == ("active", 2, 0)
        assert row["words"] == " ".join(rotated["fingerprint"])

        revoke = ("agent", "revoke", str(told["agent"])[:8], "--reason", "报废", *data)
        done(collector(tmp_path, *revoke, **environment))
        kept = agent(tmp_path, *run, "--lang", "en")
        assert kept.returncode == 1
        assert "revoked" in kept.stdout
    assert collector(tmp_path, "alarms", *data, **environment).returncode == 0


def test_a_host_without_a_network_is_enrolled_by_two_files(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    prepared(tmp_path, environment)
    code = slot(tmp_path, environment)["code"]
    state = ("--state", str(tmp_path / "state"), "--settings", str(tmp_path / "none.toml"))
    request = tmp_path / "erp-db.request"
    done(agent(tmp_path, "enrol", "--code", code, "--request", str(request), *state))
    done(collector(tmp_path, "enrol", str(request), "--data", str(tmp_path), **environment))
    answer = f"{request}.answer"
    assert "示例公司 / 总部机房 / ERP-DB-01" in done(
        agent(tmp_path, "enrol", "--answer", answer, *state)
    )
    # The request again: the same agent. Another key with the code: refused, and alarmed.
    done(collector(tmp_path, "enrol", str(request), "--data", str(tmp_path), **environment))
    other = ("--state", str(tmp_path / "other"), "--settings", str(tmp_path / "none.toml"))
    done(agent(tmp_path, "enrol", "--code", code, "--request", str(request), *other))
    again = collector(
        tmp_path, "enrol", str(request), "--data", str(tmp_path), "--lang", "en", **environment
    )
    assert again.returncode == 2
    assert "used with another key" in again.stderr
    shown = collector(tmp_path, "alarms", "--json", "--data", str(tmp_path), **environment)
    assert shown.returncode == 1
    assert [alarm["kind"] for alarm in json.loads(shown.stdout)] == ["code_reused"]


def test_what_is_wrong_at_the_command_line_is_one_sentence(tmp_path: Path) -> None:
    database = {"XUNJIAN_DATABASE_URL": f"sqlite:///{tmp_path}/collector.db"}
    prepared(tmp_path, database)
    data = ("--data", str(tmp_path))
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\x00\xff not a request")
    for arguments in (
        ("customer", "add", "示例公司"),
        ("customer", "add", " "),
        ("site", "add", "x", "--customer", "nobody"),
        ("site", "add", "x", "--customer", "示例公司", "--time-zone", "Mars/Base"),
        ("slot", "add", "--customer", "示例公司", "--site", "nowhere", "--host", "h"),
        ("agent", "approve", "ffff"),
        ("agent", "revoke", "ffff", "--reason", "x"),
        ("agent", "revoke", "ffff", "--reason", " "),
        ("enrol", str(garbage)),
        ("enrol", str(tmp_path / "missing")),
        ("serve", "--host", "0.0.0.0"),
        ("serve", "--host", "nonsense"),
        ("serve", "--certificate", str(garbage)),
        ("serve", "--certificate", str(garbage), "--certificate-key", str(garbage)),
    ):
        result = collector(tmp_path, *arguments, *data, **database)
        assert result.returncode == 2, arguments
        assert is_one_sentence(result.stderr), result.stderr
    settings = ("--settings", str(tmp_path / "agent.toml"))
    for arguments in (
        ("enrol", *settings),
        ("enrol", "http://127.0.0.1:9", "--code", "nonsense", *settings),
        ("enrol", "ftp://127.0.0.1", "--code", codes.new_code(), *settings),
        ("enrol", "--code", codes.new_code(), "--request", "/nowhere/at/all", *settings),
        ("enrol", "--answer", str(garbage), *settings),
        ("rotate-key", *settings),
        ("run", *settings),
    ):
        result = agent(tmp_path, *arguments, "--lang", "en")
        assert result.returncode == 2, arguments
        assert result.stderr.strip().splitlines()[-1].startswith("xunjian-agent: ")
        assert "Traceback" not in result.stderr
