"""`xunjian-agent remote shell`, as an engineer runs it."""

import io
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.cli import main
from agent.remote.folder import CLOSING_FILE, Folder, all_in
from agent.remote.session import open_session
from agent.remote.shell.command import _denied, _seconds_left
from agent.remote.trust import Trust
from scripts.openssh import OpenSsh
from tests.agent.remote.collecting import collecting
from tests.agent.remote.desk import granted, host, permitted, proof_of, registered, written
from tests.agent.remote.shell.desk import events, wait_for
from tests.network import CLEAR, Relay, relaying
from wire import envelope
from wire.grants import Denial
from wire.record import Connected, Ended, Noted, Received, Resized, Sent, SessionOpened
from wire.scopes import Scope
from wire.sessions import CLOSING, PROOF, Closing, Proof, Purpose
from wire.signing import PrivateKey

ROOT = Path(__file__).parents[4]
CHANGE = (Scope.METADATA, Scope.CHANGE)


@dataclass
class Done:
    code: int
    shown: str
    complained: str


@dataclass
class Site:
    """A host, the way to it, and what the engineer has."""

    server: OpenSsh
    relay: Relay
    folder: Path

    def trust(self, url: str = "") -> Trust:
        return registered(self.folder / "home", url=url)

    def grant(self, known: Trust, **more: Any) -> str:
        there = host("erp-db", "127.0.0.1", host_keys=more.pop("keys", (self.server.host_key,)))
        return written(self.folder, granted(known, there, **({"scopes": CHANGE} | more)))

    def proof(self, content: bytes) -> str:
        path = self.folder / "a.proof"
        path.write_bytes(content)
        return str(path)

    def command(self, grant: str, *more: str) -> list[str]:
        where = f"{self.server.user}@127.0.0.1:{self.relay.port}"
        key = ["--key", str(self.server.key)]
        command = [sys.executable, "-m", "agent", "remote", "shell", where, "--grant", grant]
        return [*command, *key, *more]

    def environment(self) -> dict[str, str]:
        home = str(self.folder / "home")
        return os.environ | {"PYTHONPATH": str(ROOT), "XUNJIAN_REMOTE_FOLDER": home}

    def run(self, grant: str, *more: str, script: str = "exit 3\n") -> Done:
        done = subprocess.run(
            self.command(grant, *more),
            input=script.encode(),
            capture_output=True,
            env=self.environment(),
            timeout=60,
        )
        assert b"Traceback" not in done.stderr
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def refused(self, grant: str, *more: str) -> Done:
        """Run what never comes to a shell, in this process, which is faster."""
        out, errors = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(errors):
            patch.setenv("XUNJIAN_REMOTE_FOLDER", str(self.folder / "home"))
            patch.setattr(sys, "excepthook", sys.excepthook)
            before = signal.getsignal(signal.SIGTERM)
            try:
                code = main(self.command(grant, *more)[3:])
            finally:
                signal.signal(signal.SIGTERM, before)
        return Done(code, out.getvalue(), errors.getvalue())

    def session(self) -> Folder:
        (folder,) = all_in(self.folder / "home")
        return folder


@pytest.fixture
def site(shell_server: OpenSsh, tmp_path: Path) -> Iterator[Site]:
    with relaying(shell_server.port, lambda _: CLEAR) as relay:
        yield Site(shell_server, relay, tmp_path)


def closing(site: Site, known: Trust) -> Closing:
    body = site.session().demand(CLOSING_FILE)
    return envelope.disclose(body, CLOSING, Closing, {known.key.id: known.key.public})


def test_a_shell_without_a_network_with_a_proof_that_was_brought(site: Site) -> None:
    known = site.trust()
    proof = proof_of(hours=23.9)
    grant = site.grant(known)
    done = site.run(grant, "--proof", site.proof(proof), script="echo $((6*7)); exit 3\n")
    assert (done.code, done.shown.splitlines()[0]) == (0, "42")
    for said in ("grant-1", "恢复演练记录", "~.", "包括您键入的密码", "退出码 3"):
        assert said in done.complained
    path = site.session().record
    kinds = [type(event) for event in events(path)]
    assert kinds[:3] == [SessionOpened, Noted, Connected]
    assert kinds[-1] is Ended
    opened, _, reached, *rest = events(path)
    assert isinstance(opened, SessionOpened)
    assert (opened.answer, opened.proof) == (None, proof)
    assert isinstance(reached, Connected)
    assert (reached.pinned_by, reached.means) == ("inventory", "publickey")
    assert Sent(b"echo $((6*7)); exit 3\n") in rest
    assert Received(b"42\n") in rest
    assert rest[-1] == Ended("completed", exit_code=3)
    assert (closing(site, known).ended, closing(site, known).lines) == ("completed", len(kinds))


def test_the_collector_permits_it_proves_the_backup_and_takes_the_record(site: Site) -> None:
    good = msgspec.json.decode(envelope.read(proof_of()).payload, type=Proof)
    with collecting(proof=good) as collector:
        known = site.trust(collector.url)
        collector.engineer = known.key.public
        done = site.run(site.grant(known))
    assert (done.code, list(collector.parts)) == (0, [1])
    assert len(collector.closings) == 1
    assert "已送达采集端" in done.shown
    assert site.session().progress().delivered


REFUSALS: dict[str, tuple[Callable[[], bytes] | None, str]] = {
    "none": (None, "没有 24 小时内校验合格的备份证明"),
    "too old": (lambda: proof_of(hours=24.01), "已超过 24 小时"),
    "a day and an hour": (lambda: proof_of(hours=25), "已超过 24 小时"),
    "other host": (lambda: proof_of("host-other"), "不是主机"),
    "other customer": (lambda: proof_of(customer_id="customer-2"), "不是主机"),
    "forged": (
        lambda: envelope.enclose(
            msgspec.json.decode(envelope.read(proof_of()).payload, type=Proof),
            PROOF,
            PrivateKey(b"f" * 32),
        ),
        "不是本采集端签名的备份证明",
    ),
    "changed": (lambda: proof_of().replace(b"a", b"b", 1), "不是本采集端签名的备份证明"),
    "empty": (lambda: b"", "不是本采集端签名的备份证明"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_without_a_proof_that_counts_nothing_reaches_the_host(site: Site, name: str) -> None:
    known = site.trust()
    make, sentence = REFUSALS[name]
    more = ("--proof", site.proof(make())) if make is not None else ()
    done = site.refused(site.grant(known), *more)
    assert (done.code, done.shown) == (2, "")
    assert sentence in done.complained
    assert not site.relay.connections


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"denial": Denial.REVOKED}, "已被客户或采集端撤销"),
        ({"denial": Denial.NO_PROOF}, "没有 24 小时内校验合格的备份证明"),
        ({"denial": Denial.UNKNOWN_PERSON}, "采集端不认识"),
        ({}, "没有 24 小时内校验合格的备份证明"),
        ({"hours": 25}, "已超过 24 小时"),
    ],
    ids=["revoked", "no proof", "unknown", "says nothing of a proof", "old proof"],
)
def test_what_the_collector_denies_never_reaches_the_host(
    site: Site, chosen: dict[str, Any], sentence: str
) -> None:
    chosen = dict(chosen)
    if hours := chosen.pop("hours", None):
        old = envelope.read(proof_of(hours=hours)).payload
        chosen["proof"] = msgspec.json.decode(old, type=Proof)
    with collecting(**chosen) as collector:
        known = site.trust(collector.url)
        done = site.refused(site.grant(known))
    assert (done.code, done.shown) == (2, "")
    assert sentence in done.complained
    assert not site.relay.connections
    assert closing(site, known).ended == "refused"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"scopes": (Scope.METADATA,)}, "远程终端需要 change"),
        ({"not_after": datetime(2020, 1, 1, tzinfo=UTC)}, "到期"),
        ({"keys": ()}, "没有 127.0.0.1"),
    ],
    ids=["scope", "expired", "host key"],
)
def test_what_the_grant_does_not_cover_never_begins(
    site: Site, more: dict[str, Any], sentence: str
) -> None:
    known = site.trust()
    done = site.refused(site.grant(known, **more), "--proof", site.proof(proof_of()))
    assert done.code == 2
    if "keys" not in more:
        assert sentence in done.complained
    else:
        assert "--host-key SHA256:" in done.complained
    assert not site.relay.connections
    assert not list(all_in(site.folder / "home"))


def test_another_host_key_is_told_and_the_session_is_closed(site: Site) -> None:
    known = site.trust()
    grant = site.grant(known, keys=(site.server.other_host_key,))
    done = site.refused(grant, "--proof", site.proof(proof_of()))
    assert done.code == 2
    assert "主机上没有得到 shell" in done.complained
    assert "another server, or its key was changed" in done.complained
    assert isinstance(events(site.session().record)[-1], Ended)
    assert closing(site, known).ended != "completed"


@contextmanager
def on_terminal(site: Site, *words: str) -> Iterator[tuple[int, bytearray, Any]]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", *site.command(*words)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=site.environment() | {"TERM": "xterm"},
    )
    os.close(theirs)
    shown = bytearray()

    def read() -> None:
        while True:
            try:
                shown.extend(os.read(ours, 2**16))
            except OSError:  # the other side is closed
                return

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield ours, shown, process
    finally:
        process.kill()
        process.wait()
        reader.join()
        os.close(ours)


def test_a_shell_on_a_terminal_from_the_banner_to_the_end(site: Site) -> None:
    known = site.trust()
    words = (site.grant(known), "--proof", site.proof(proof_of()))
    with on_terminal(site, *words) as (typing, shown, process):
        wait_for(lambda: "授权 grant-1".encode() in shown)
        wait_for(lambda: b"\x1b[?2004h" in shown or shown.rstrip().endswith((b"#", b"$")))
        os.write(typing, b"tty; echo do''ne\r")
        wait_for(lambda: b"done\r\n" in shown)
        assert b"/dev/pts/" in shown
        os.write(typing, b"~.")
        assert process.wait(20) == 0
        wait_for(lambda: "工程师以 ~. 结束".encode() in shown)
    recorded = events(site.session().record)
    assert any(isinstance(event, Resized) for event in recorded)
    assert recorded[-1] == Ended("completed", "the engineer left by ~.")


def test_a_line_that_is_cut_is_a_sentence_and_exit_code_1(site: Site) -> None:
    known = site.trust()
    words = (site.grant(known), "--proof", site.proof(proof_of()))
    with on_terminal(site, *words) as (typing, shown, process):
        wait_for(lambda: "授权 grant-1".encode() in shown)
        os.write(typing, b"echo be''gun\r")
        wait_for(lambda: b"begun\r\n" in shown)
        for end in tuple(site.relay.ends):
            with suppress(OSError):  # the relay has closed its other half already
                end.shutdown(socket.SHUT_RDWR)
        assert process.wait(20) == 1
        wait_for(lambda: "与主机的连接中断".encode() in shown)
        assert b"Traceback" not in shown
    assert closing(site, known).ended == "lost"


def test_the_collector_is_asked_again_and_a_proof_that_grew_old_is_no_reason(
    tmp_path: Path,
) -> None:
    good = msgspec.json.decode(envelope.read(proof_of()).payload, type=Proof)
    with collecting(proof=good) as collector:
        known = registered(tmp_path / "home", url=collector.url)
        allowed = permitted(known, purpose=Purpose.SHELL, scopes=CHANGE)
        with open_session(known, allowed, "root@erp-db:22", Purpose.SHELL) as session:
            assert 3590 < _seconds_left(session) <= 3600
            assert _denied(session) is None
            collector.denial = Denial.NO_PROOF
            assert _denied(session) is None
            collector.denial = Denial.REVOKED
            assert _denied(session) is Denial.REVOKED
            collector.broken = lambda _method, _path: (500, b"")
            assert _denied(session) is None


def test_the_collectors_clock_tells_how_long_the_grant_lasts(tmp_path: Path) -> None:
    known = registered(tmp_path / "home")
    ends = datetime.now(UTC) + timedelta(minutes=10)
    allowed = permitted(known, purpose=Purpose.SHELL, scopes=CHANGE, not_after=ends)
    with open_session(known, allowed, "root@erp-db:22", Purpose.SHELL, proof=proof_of()) as session:
        assert 590 < _seconds_left(session) <= 600
