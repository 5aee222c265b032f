"""`remote inspect` over a real SSH server: read, delivered, told; each refusal is one sentence."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent import files
from agent.cli import main
from agent.remote import package, prompting
from agent.remote.folder import CLOSING_FILE, Folder, all_in
from agent.remote.trust import Trust
from scripts.openssh import OpenSsh, allow, make_key, serving
from tests.agent.remote.collecting import SmallCollector, collecting
from tests.agent.remote.desk import granted, host, registered, written
from wire import envelope, record
from wire.batch import open_batch
from wire.grants import Denial, Grant, GrantedPerson
from wire.record import BatchFetched, CommandRun, Connected, Ended, Event
from wire.scopes import Scope
from wire.sessions import CLOSING, Closing
from wire.signing import PrivateKey

OTHER = PrivateKey(b"o" * 32)
ROOT = Path(__file__).parents[3]
ONE_CHECK = ("--agentless", "--pack", "host.release")


@pytest.fixture(scope="module")
def server() -> Iterator[OpenSsh]:
    with serving(shell=True) as running:
        yield running


@dataclass
class Desk:
    """A workstation with a grant for one server."""

    folder: Path
    server: OpenSsh
    collector: SmallCollector
    known: Trust
    capsys: pytest.CaptureFixture[str]
    out: str = ""
    errors: str = ""

    @property
    def target(self) -> str:
        return f"{self.server.user}@127.0.0.1:{self.server.port}"

    def grant(self, **more: object) -> str:
        """Return the file of a grant for the server."""
        hosts = (host("erp-db", "127.0.0.1", host_keys=(self.server.host_key,)),)
        return written(self.folder, granted(self.known, *hosts, **more))

    def inspect(self, *given: str, key: Path | None = None, grant: str | None = None) -> int:
        """Inspect; the words of --lang en are in `out` and `errors`."""
        words = ["remote", "inspect", "--lang", "en", *given]
        words += ["--key", str(key or self.server.key)]
        words += ["--grant", grant or self.grant()]
        code = main(words)
        self.out, self.errors = self.capsys.readouterr()
        return code

    @property
    def complaint(self) -> str:
        """Return the one sentence that says what was wrong."""
        (found,) = [
            line.removeprefix("xunjian-agent: ")
            for line in self.errors.splitlines()
            if line.startswith("xunjian-agent: ")
        ]
        return found

    @property
    def session(self) -> Folder:
        (found,) = all_in(self.known.home)
        return found

    def events(self, session: Folder | None = None) -> list[Event]:
        with (session or self.session).record.open("rb") as lines:
            return [line.event for line, _ in record.read(lines)]

    def ended(self) -> str:
        """Return how the session ended, as the engineer signed it."""
        body = self.session.demand(CLOSING_FILE)
        key = self.known.key
        return envelope.disclose(body, CLOSING, Closing, {key.id: key.public}).ended


@pytest.fixture
def desk(
    tmp_path: Path,
    server: OpenSsh,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Desk]:
    monkeypatch.setenv("XUNJIAN_REMOTE_FOLDER", str(tmp_path / "home"))
    with collecting() as collector:
        known = registered(tmp_path / "home", url=collector.url)
        collector.engineer = known.key.public
        yield Desk(tmp_path, server, collector, known, capsys)


def test_a_host_is_inspected_delivered_and_told(desk: Desk) -> None:
    assert desk.inspect(desk.target, *ONE_CHECK) == 0, desk.errors
    assert "erp-db: 1 of 1 checks gave data, mode: without the agent" in desk.out
    assert "nothing was copied to the host" in desk.out
    assert "is at the collector" in desk.out
    assert "permitted by the collector" in desk.errors
    assert "[1/1] host.release done" in desk.errors
    (batch,) = desk.collector.batches.values()
    remote = open_batch(batch).header.inspection.remote
    assert remote is not None
    assert (remote.session, remote.grant, remote.person, remote.mode) == (
        desk.session.id,
        "grant-1",
        "张工",
        "agentless",
    )
    events = desk.events()
    (connected,) = [each for each in events if isinstance(each, Connected)]
    assert connected.pinned_by == "inventory"
    assert connected.means == "publickey"
    assert any(isinstance(each, CommandRun) for each in events)
    assert desk.ended() == "completed"


def test_every_event_is_one_line_of_json_with_its_host(desk: Desk) -> None:
    assert desk.inspect(desk.target, *ONE_CHECK, "--json") == 0
    lines = [json.loads(line) for line in desk.out.splitlines()]
    assert {line["host"] for line in lines} == {desk.target}
    names = [line["event"] for line in lines]
    assert names[:3] == ["session", "connected", "mode"]
    assert {"planned", "started", "observed", "uploaded"} <= set(names)
    last = lines[-1]
    assert (last["event"], last["state"], last["collected"]) == ("result", "delivered", 1)


def test_what_the_grant_does_not_cover_is_told(desk: Desk) -> None:
    assert desk.inspect(desk.target, "--agentless", "--pack", "host.accounts", "--json") == 0
    result = json.loads(desk.out.splitlines()[-1])
    assert result["dropped"] == [{"check": "host.accounts", "lacks": "config"}]
    assert result["total"] == 0
    wider = desk.grant(scopes=(Scope.METADATA, Scope.CONFIG), id="grant-2")
    given = (desk.target, "--agentless", "--pack", "host.accounts", "--json")
    assert desk.inspect(*given, grant=wider) == 0
    assert json.loads(desk.out.splitlines()[-1])["dropped"] == []


def test_offline_it_is_kept_and_then_written_out(desk: Desk) -> None:
    desk.collector.broken = lambda _method, _path: (502, b"")
    assert desk.inspect(desk.target, *ONE_CHECK) == 1
    assert "could not be asked whether the grant was revoked" in desk.errors
    assert "is not delivered and stays here" in desk.errors
    target = desk.folder / "erp.inspb"
    assert main(["remote", "deliver", "--bundle", str(target), "--lang", "en"]) == 0
    assert {each.name for each in desk.folder.glob("erp.*")} == {"erp.inspb", "erp.inspr"}
    desk.collector.broken = lambda _method, _path: None
    assert main(["remote", "deliver", "--lang", "en"]) == 0
    assert len(desk.collector.batches) == 1
    assert main(["remote", "sessions", "--lang", "en"]) == 0
    assert "delivered" in desk.capsys.readouterr().out


def test_a_bundle_is_written_in_place_of_a_delivery(desk: Desk) -> None:
    target = desk.folder / "erp.inspb"
    assert desk.inspect(desk.target, *ONE_CHECK, "--bundle", str(target)) == 0
    assert str(target) in desk.out
    assert desk.collector.batches == {}


def test_a_fingerprint_that_was_typed_is_pinned(desk: Desk) -> None:
    shown = subprocess.run(
        ["ssh-keygen", "-lf", "-"],
        input=desk.server.host_key,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[1]
    grant = written(desk.folder, granted(desk.known, host("erp-db", "127.0.0.1")))
    given = (desk.target, *ONE_CHECK, "--host-key", shown)
    assert desk.inspect(*given, grant=grant) == 0, desk.errors
    (connected,) = [each for each in desk.events() if isinstance(each, Connected)]
    assert connected.pinned_by == "typed"


def expired(known: Trust) -> Grant:
    now = datetime.now(UTC)
    return granted(known, not_before=now - timedelta(days=2), not_after=now - timedelta(days=1))


REFUSED: dict[str, tuple[Callable[[Trust], Grant], str]] = {
    "expired": (expired, "ended at"),
    "of another host": (lambda known: granted(known, host("oa", "192.0.2.1")), "oa (192.0.2.1)"),
    "of another person": (
        lambda known: granted(
            known,
            host("erp-db", "127.0.0.1"),
            persons=(GrantedPerson("王工", OTHER.id, OTHER.public),),
        ),
        "王工",
    ),
    "without a host key": (lambda known: granted(known, host("erp-db", "127.0.0.1")), "--host-key"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_granted_reaches_no_host(desk: Desk, name: str) -> None:
    make, said = REFUSED[name]
    assert desk.inspect(desk.target, *ONE_CHECK, grant=written(desk.folder, make(desk.known))) == 2
    assert said in desk.complaint
    assert desk.collector.requests == []
    assert list(all_in(desk.known.home)) == []


def test_without_a_grant_it_says_where_one_comes_from(desk: Desk) -> None:
    assert main(["remote", "inspect", desk.target, "--lang", "en"]) == 2
    assert "grant add" in desk.capsys.readouterr().err


def test_a_grant_that_was_revoked_meanwhile_reaches_no_host(desk: Desk) -> None:
    desk.collector.denial, desk.collector.detail = Denial.REVOKED, "客户来电"
    assert desk.inspect(desk.target, *ONE_CHECK) == 2
    assert "was revoked" in desk.complaint
    assert "客户来电" in desk.complaint
    assert not any(isinstance(each, Connected) for each in desk.events())
    assert desk.ended() == "refused"
    assert desk.session.progress().delivered


def complaint_of(desk: Desk, *given: str, key: Path | None = None) -> str:
    assert desk.inspect(*given, *ONE_CHECK, key=key) == 2
    return desk.complaint


def test_a_host_that_does_not_answer_is_told(desk: Desk) -> None:
    assert "not reachable" in complaint_of(desk, "root@127.0.0.1:1")
    assert desk.ended() == "lost"
    assert desk.session.progress().delivered


def test_a_wrong_user_is_told(desk: Desk) -> None:
    said = complaint_of(desk, f"nosuchuser@127.0.0.1:{desk.server.port}")
    assert "nosuchuser" in said


def test_a_host_that_shows_another_key_is_told(desk: Desk) -> None:
    grant = granted(
        desk.known, host("erp-db", "127.0.0.1", host_keys=(desk.server.other_host_key,))
    )
    assert desk.inspect(desk.target, *ONE_CHECK, grant=written(desk.folder, grant)) == 2
    assert "host key" in desk.complaint
    assert not any(isinstance(each, Connected) for each in desk.events())


def test_a_key_that_others_can_read_is_told(desk: Desk) -> None:
    key = desk.folder / "open"
    key.write_bytes(desk.server.key.read_bytes())
    key.chmod(0o644)
    assert "chmod 600" in complaint_of(desk, desk.target, key=key)


def test_no_key_file_is_told(desk: Desk) -> None:
    assert "no such key file" in complaint_of(desk, desk.target, key=desk.folder / "none")


def test_a_home_folder_that_nobody_has_is_told(desk: Desk) -> None:
    said = complaint_of(desk, desk.target, key=Path("~nosuchuser/key"))
    assert "~nosuchuser/key" in said


def test_a_full_disk_at_the_workstation_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "replace", full)
    assert "No space left" in complaint_of(desk, desk.target)


def test_a_passphrase_that_is_wrong_three_times_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = desk.folder / "locked"
    make_key(key)
    command = ["ssh-keygen", "-q", "-p", "-N", "a passphrase", "-f", str(key)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    asked: list[str] = []

    def person(text: str, _echo: bool) -> str:
        asked.append(text)
        return "another one"

    monkeypatch.setattr(prompting, "by_terminal", person)
    assert "wrong 3 times" in complaint_of(desk, desk.target, key=key)
    assert len(asked) == 3
    assert all(desk.target in each for each in asked)


def test_a_passphrase_without_a_terminal_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = allow(desk.server, f"locked-{os.getpid()}")
    command = ["ssh-keygen", "-q", "-p", "-N", "a passphrase", "-f", str(key)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    monkeypatch.setattr(prompting, "_TERMINAL", "/nonexistent/tty")
    assert "there is no terminal" in complaint_of(desk, desk.target, key=key)
    monkeypatch.setattr(prompting, "by_terminal", lambda _text, _echo: "a passphrase")
    assert desk.inspect(desk.target, *ONE_CHECK, key=key) == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--pack", "hots"), "did you mean host"),
        (("--parallel", "0"), "from 1 to 64"),
        (("--jump", "gate"), "no jump host gate"),
        (("--host-key", "SHA256:short"), "no fingerprint"),
    ],
)
def test_what_was_mistyped_reaches_no_host(desk: Desk, given: tuple[str, ...], said: str) -> None:
    assert desk.inspect(desk.target, "--agentless", *given) == 2
    assert said in desk.complaint
    assert desk.collector.requests == []


def test_entries_that_no_host_could_read_are_told_with_their_file(desk: Desk) -> None:
    entries = desk.folder / "entries.toml"
    entries.write_text("[databases.erp]\nengin = 'mysql'\n")
    assert desk.inspect(desk.target, *ONE_CHECK, "--settings", str(entries)) == 2
    assert f"{entries}, line 2" in desk.complaint
    assert "databases.erp.engin" in desk.complaint


def test_one_failing_host_does_not_stop_the_others(desk: Desk) -> None:
    hosts = [
        host(f"host-{number}", f"127.0.0.{number}", host_keys=(desk.server.host_key,))
        for number in (1, 2, 3)
    ]
    inventory = desk.folder / "hosts.toml"
    user, port = desk.server.user, desk.server.port
    inventory.write_text(
        f'[[host]]\ntarget = "{user}@127.0.0.1:{port}"\n[[host]]\ntarget = "{user}@127.0.0.2:1"\n'
    )
    grant = written(desk.folder, granted(desk.known, *hosts))
    assert desk.inspect("--inventory", str(inventory), *ONE_CHECK, grant=grant) == 1
    first, second = desk.out.splitlines()
    assert first.startswith("host-1  1/1  without the agent")
    assert first.endswith("delivered")
    assert second.startswith("host-2  failed: not reachable")
    assert f"[{user}@127.0.0.1:{port}] [1/1] host.release done" in desk.errors
    assert len(desk.collector.closings) == 2


@pytest.mark.parametrize("event", ["connected", "started"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_closes_the_session(desk: Desk, event: str, number: int) -> None:
    command = [sys.executable, "-m", "agent", "remote", "inspect", desk.target, "--agentless"]
    command += ["--pack", "all", "--json", "--lang", "en"]
    command += ["--key", str(desk.server.key), "--grant", desk.grant()]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == event:
                break
        process.send_signal(number)
        began = time.monotonic()
        out, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    assert process.returncode == 1, errors
    assert time.monotonic() - began < 30
    last = json.loads(out.splitlines()[-1])
    assert (last["event"], last["stopped"]) == ("result", True)
    assert "stopping, and cleaning the hosts" in errors
    assert desk.ended() == "interrupted"
    assert isinstance(desk.events()[-1], Ended)
    # What was read by then is handed over afterwards.
    assert main(["remote", "deliver"]) == 0
    assert desk.session.progress().delivered


def test_without_a_package_it_says_how_to_get_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "find", lambda: None)
    assert desk.inspect(desk.target) == 2
    assert "make agent-package" in desk.complaint
    assert "--agentless" in desk.complaint


def test_a_jump_host_of_the_grant_is_gone_through(desk: Desk) -> None:
    hosts = (host("erp-db", "127.0.0.1", host_keys=(desk.server.host_key,)),)
    jump = (host("gate", "127.0.0.2", host_keys=(desk.server.host_key,)),)
    grant = written(desk.folder, granted(desk.known, *hosts, jump_hosts=jump))
    gate = f"{desk.server.user}@127.0.0.1:{desk.server.port}"
    assert desk.inspect(desk.target, *ONE_CHECK, "--jump", gate, grant=grant) == 0, desk.errors
    (connected,) = [each for each in desk.events() if isinstance(each, Connected)]
    assert connected.jumps == (gate,)


def test_by_a_forced_command_the_hosts_own_agent_answers(desk: Desk, tmp_path: Path) -> None:
    program = tmp_path / "xunjian-agent"
    program.write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m agent "$@"\n')
    program.chmod(0o755)
    public = tmp_path / "zhang"
    make_key(public)
    line = ["remote", "authorized-key", "--key", f"{public}.pub", "--program", str(program)]
    assert main(line) == 0
    authorized = desk.capsys.readouterr().out
    with serving(shell=True, as_nobody=False) as server:
        server.authorized.write_text(authorized)
        grant = granted(desk.known, host("erp-db", "127.0.0.1", host_keys=(server.host_key,)))
        file = written(desk.folder, grant)
        target = f"{server.user}@127.0.0.1:{server.port}"
        given = (target, "--pack", "host.release", "--json")
        assert desk.inspect(*given, key=public, grant=file) == 0, desk.errors
    result = json.loads(desk.out.splitlines()[-1])
    assert (result["mode"], result["collected"]) == ("forced", 1)
    assert len(desk.collector.keys) == 1


def folders_of(desk: Desk) -> set[str]:
    """Return the folders that the package was brought into."""
    commands = [each.command for each in desk.events() if isinstance(each, CommandRun)]
    return set(re.findall(r"/[^ '\"]*/\.xunjian-[0-9a-f]{32}", " ".join(commands)))


@pytest.mark.skipif(package.find() is None, reason="no package here: make agent-package")
def test_an_interruption_of_the_package_leaves_nothing(desk: Desk) -> None:
    command = [sys.executable, "-m", "agent", "remote", "inspect", desk.target]
    command += ["--pack", "all", "--json", "--lang", "en"]
    command += ["--key", str(desk.server.key), "--grant", desk.grant()]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "started":
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    assert desk.ended() == "interrupted"
    (folder,) = folders_of(desk)
    assert not Path(folder).exists()


@pytest.mark.skipif(package.find() is None, reason="no package here: make agent-package")
def test_by_the_package_nothing_is_left(desk: Desk) -> None:
    assert desk.inspect(desk.target, "--pack", "host.release", "--json") == 0, desk.errors
    result = json.loads(desk.out.splitlines()[-1])
    assert (result["mode"], result["collected"], result["left"]) == ("package", 1, None)
    assert any(isinstance(each, BatchFetched) for each in desk.events())
    assert len(desk.collector.keys) == 1
    (folder,) = folders_of(desk)
    assert not Path(folder).exists()
