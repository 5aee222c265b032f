"""Engineers, grants, host keys and proofs as people use them, on both databases."""

import base64
import hashlib
import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import time_machine
from click.testing import Result as Ran
from msgspec import structs
from sqlalchemy import select
from typer.testing import CliRunner

from collector.assessment.service import assess_pending
from collector.cli import app
from collector.customers.models import Agent, Host
from collector.database import Database
from collector.enrolment.models import AuditEntry
from collector.errors import CollectorError, NotFound, Unusable
from collector.grants.models import GrantRow, SshHostKey
from collector.intake.service import accept
from tests.collector.backups.place import send
from tests.collector.backups.sample import at as local_time
from tests.collector.backups.sample import look, point, proofs
from tests.collector.grants.sample import registration
from tests.collector.place import Place, uploaded
from tests.collector.sample_checks import CATALOGUE
from tests.messages import batch_of, inspection, observation
from wire import envelope
from wire.codes import fingerprint
from wire.grants import GRANT, Grant
from wire.host_keys import HostKey, hashed
from wire.messages import Remote
from wire.scopes import Scope
from wire.sessions import PROOF, REGISTRATION, TRUSTED, Proof, Registration, Trusted
from wire.signing import PrivateKey, key_id

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
"""10:00 at the site."""
ENGINEER = PrivateKey(bytes([9]) * 32)
WHERE = ("--customer", "示例公司")
WINDOW = ("--from", "2026-11-21", "--to", "2026-12-31")
WHY = ("--reason", "年度巡检", "--signer", "李经理")


@pytest.fixture(autouse=True)
def morning() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


class Desk:
    """Where somebody works with a collector."""

    def __init__(self, database: Database, place: Place, folder: Path) -> None:
        self.database, self.place, self.folder = database, place, folder

    def run(self, *words: str, fails: type[CollectorError] | None = None) -> Ran:
        environment = {
            "XUNJIAN_DATABASE_URL": self.database.url,
            "XUNJIAN_KEY_FILE": str(self.folder / "collector.key"),
        }
        ran = CliRunner().invoke(app, list(words), env=environment)
        assert isinstance(ran.exception, fails or SystemExit | None), ran.exception
        return ran

    def read(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)

    def refused(self, kind: type[CollectorError], *words: str) -> str:
        """Return the sentence about what can't be done; nothing of it stays."""
        before = self.audit()
        error = self.run(*words, fails=kind).exception
        assert isinstance(error, kind)
        assert error.text.zh != error.text.en
        assert self.audit() == before
        return error.text.en

    def file(self, name: str, content: bytes | str = b"") -> str:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def audit(self) -> list[str]:
        with self.database.reading() as session:
            return sorted(session.scalars(select(AuditEntry.action)))

    def engineer(self, person: str = "张工", key: PrivateKey = ENGINEER) -> Trusted:
        shown = self.file("request", registration(key, person))
        answer = self.folder / "answer"
        self.run("engineer", "add", shown, "--answer", str(answer), "--url", "https://x.example")
        read = envelope.read(answer.read_bytes())
        told = envelope.opened(read, TRUSTED, Trusted)
        envelope.check(read, {key_id(told.collector_key): told.collector_key})
        return told

    def add(self, *words: str, name: str = "erp.grant", host: str = "erp-db") -> Grant:
        output = self.folder / name
        given = ("--host", host, "--person", "张工", *WINDOW, *WHY, "--output", str(output))
        self.run("grant", "add", *WHERE, *given, *words)
        return self.grant_in(output)

    def grant_in(self, file: Path) -> Grant:
        read = envelope.read(file.read_bytes())
        envelope.check(read, self.collector_keys())
        return envelope.opened(read, GRANT, Grant)

    def collector_keys(self) -> dict[str, bytes]:
        told = self.engineer()
        return {key_id(told.collector_key): told.collector_key}


@pytest.fixture
def desk(database: Database, place: Place, tmp_path: Path) -> Desk:
    return Desk(database, place, tmp_path)


@pytest.fixture
def known(desk: Desk) -> Desk:
    """A desk that knows one engineer."""
    desk.engineer()
    return desk


def ssh_key(seed: int, type: str = "ssh-ed25519") -> HostKey:
    """Return a key that looks like one; nobody has its private half."""
    body = hashlib.sha256(bytes([seed])).digest()
    parts = (type.encode(), body)
    return HostKey(type, b"".join(struct.pack(">I", len(part)) + part for part in parts))


def test_an_engineer_is_told_whom_to_believe(desk: Desk) -> None:
    shown = desk.file("request", registration(ENGINEER))
    ran = desk.run("engineer", "add", shown, "--answer", str(desk.folder / "answer"))
    assert " ".join(fingerprint(ENGINEER.public)) in ran.stdout
    told = desk.engineer()
    assert (told.person, told.key_id, told.url) == ("张工", ENGINEER.id, "https://x.example")
    assert told.nonce == "0123456789abcdef" * 2
    assert " ".join(fingerprint(told.collector_key)) in ran.stdout
    [row] = desk.read("engineer", "list")
    assert (row["name"], row["id"], row["removed_at"]) == ("张工", ENGINEER.id, None)
    assert " ".join(fingerprint(ENGINEER.public)) in row["fingerprint"]


def test_an_engineer_who_was_removed_is_gone_for_good(known: Desk) -> None:
    known.add()
    assert "1 个客户" in known.run("engineer", "remove", ENGINEER.id[:12]).stdout
    [row] = known.read("engineer", "list")
    assert row["removed_at"] is not None
    assert "engineer.removed" in known.audit()
    again = known.file("request", registration(ENGINEER))
    sentence = known.refused(Unusable, "engineer", "add", again, "--answer", "/nowhere/answer")
    assert "was removed" in sentence
    assert "none yet" in known.refused(NotFound, "engineer", "remove", "张工")
    assert "张工" in known.refused(
        NotFound, "grant", "add", *WHERE, "--host", "erp-db", "--person", "张工", *WINDOW, *WHY,
        "--output", str(known.folder / "x"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no registration"),
        (b"{}", "no registration"),
        (registration(ENGINEER)[:-20], "no registration"),
        (registration(ENGINEER, by=PrivateKey(bytes([1]) * 32)), "no registration"),
        (registration(ENGINEER, "  "), "printable"),
        (registration(ENGINEER, "张\u200b\n工"), "printable"),
        (registration(PrivateKey(bytes([8]) * 32)), "another key"),
        (registration(ENGINEER, "王工"), "registered as"),
        (bytes(2**20 + 1), "more than"),
    ],
)
def test_what_is_no_registration_is_not_taken(known: Desk, body: bytes, words: str) -> None:
    answer = known.folder / "other"
    shown = known.file("bad", body)
    sentence = known.refused(Unusable, "engineer", "add", shown, "--answer", str(answer))
    assert words in sentence
    assert not answer.exists()


def test_no_flipped_bit_of_a_registration_is_taken(known: Desk) -> None:
    body = envelope.read(registration(PrivateKey(bytes([7]) * 32), "李工"))
    payload = bytearray(body.payload)
    payload[payload.index(b"nonce") + 12] ^= 1
    forged = envelope.Envelope(REGISTRATION, bytes(payload), body.signatures)
    assert isinstance(envelope.opened(forged, REGISTRATION, Registration), Registration)
    shown = known.file("bad", msgspec.json.encode(forged))
    answer = str(known.folder / "x")
    assert "no registration" in known.refused(
        Unusable, "engineer", "add", shown, "--answer", answer
    )


def test_a_url_that_is_none_and_a_file_that_is_not_there(desk: Desk) -> None:
    shown = desk.file("request", registration(ENGINEER))
    answer = ("--answer", str(desk.folder / "answer"))
    for url in ("x.example.com", "http://x.example.com", "https://", "ftp://x"):
        sentence = desk.refused(Unusable, "engineer", "add", shown, *answer, "--url", url)
        assert "https://" in sentence
    assert "/nowhere" in desk.refused(Unusable, "engineer", "add", "/nowhere", *answer)
    bad = ("--answer", "/nowhere/answer")
    assert "/nowhere/answer" in desk.refused(Unusable, "engineer", "add", shown, *bad)


def test_empty_lists_say_what_to_do(desk: Desk) -> None:
    assert "engineer add" in desk.run("engineer", "list").stdout
    assert "grant add" in desk.run("grant", "list", *WHERE).stdout
    assert "host-key add" in desk.run("host-key", "list", *WHERE).stdout
    assert desk.read("engineer", "list") == []
    assert desk.read("grant", "list", *WHERE) == []
    assert desk.read("host-key", "list", *WHERE) == []


def test_a_grant_says_in_words_what_it_permits(known: Desk) -> None:
    output = str(known.folder / "erp.grant")
    paper = known.file("授权书.pdf", b"%PDF signed")
    ran = known.run(
        "grant", "add", *WHERE, "--host", "erp-db=10.0.0.5,erp.example.com", "--person", "张工",
        "--scope", "metadata", "--scope", "change", "--check", "host.*", "--check", "agent",
        *WINDOW, *WHY, "--document", paper, "--weak-algorithms", "--output", output,
    )  # fmt: skip
    grant = known.grant_in(Path(output))
    [host] = grant.hosts
    assert (host.name, host.addresses) == ("erp-db", ("10.0.0.5", "erp.example.com"))
    assert grant.scopes == (Scope.METADATA, Scope.CHANGE)
    assert grant.checks == ("host.*", "agent")
    assert grant.not_before == datetime(2026, 11, 20, 16, tzinfo=UTC), "midnight of the site"
    assert grant.not_after == datetime(2026, 12, 31, 15, 59, 59, 999999, tzinfo=UTC)
    assert grant.document_digest == hashlib.sha256(b"%PDF signed").hexdigest()
    assert (grant.reason, grant.signer, grant.weak_algorithms) == ("年度巡检", "李经理", True)
    for words in (
        "erp-db=10.0.0.5,erp.example.com", "变更（远程命令行）", "host.*, agent",
        "2026-11-21 00:00 – 2026-12-31 23:59 (Asia/Shanghai)", "没有固定的 SSH 公钥", grant.id,
    ):  # fmt: skip
        assert words in ran.stdout
    assert "grant.made" in known.audit()


def test_a_grant_without_scopes_is_of_metadata(known: Desk) -> None:
    assert known.add().scopes == (Scope.METADATA,)
    told = known.read("grant", "list", *WHERE)
    assert [(each["state"], each["scopes"]) for each in told] == [("open", ["metadata"])]


def test_a_time_counts_as_it_is_written(known: Desk) -> None:
    grant = known.add("--from", "2026-11-22T20:00", "--to", "2026-11-22T23:00+09:00")
    assert grant.not_before == datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert grant.not_after == datetime(2026, 11, 22, 14, tzinfo=UTC)
    assert known.read("grant", "show", grant.id[:8])["state"] == "waiting"


def test_the_file_of_a_grant_can_be_written_again(known: Desk) -> None:
    grant = known.add()
    again = known.folder / "again.grant"
    shown = known.run("grant", "show", grant.id[:8], "--output", str(again))
    assert grant.id in shown.stdout
    assert again.read_bytes() == (known.folder / "erp.grant").read_bytes()


def test_a_grant_that_can_not_be_written_is_kept(known: Desk) -> None:
    words = (
        "grant", "add", *WHERE, "--host", "erp-db", "--person", "张工", *WINDOW, *WHY,
        "--output", "/nowhere/erp.grant",
    )  # fmt: skip
    error = known.run(*words, fails=Unusable).exception
    [kept] = known.read("grant", "list", *WHERE)
    assert f"grant show {kept['id'][:12]}" in str(error)


def test_a_revoked_grant_says_why(known: Desk) -> None:
    grant = known.add()
    known.run("grant", "revoke", grant.id[:8], "--why", "项目结束")
    shown = known.run("grant", "show", grant.id)
    assert "已撤销 (项目结束)" in shown.stdout
    assert "已撤销" in known.run("grant", "list", *WHERE).stdout
    assert "already" in known.refused(Unusable, "grant", "revoke", grant.id, "--why", "again")
    assert "--why" in known.refused(Unusable, "grant", "revoke", grant.id, "--why", " ")
    assert "nothing" in known.refused(NotFound, "grant", "revoke", "nothing", "--why", "x")


def test_what_somebody_wrote_into_the_database_is_told(known: Desk) -> None:
    good, bad = known.add(), known.add()
    with known.database.writing() as session:
        row = session.get_one(GrantRow, (bad.customer_id, bad.id))
        row.envelope = envelope.enclose(bad, GRANT, ENGINEER)
    ran = known.run("grant", "list", *WHERE)
    assert (ran.exit_code, bad.id in ran.stderr, good.id[:12] in ran.stdout) == (1, True, True)
    told = json.loads(known.run("grant", "list", *WHERE, "--json").stdout)
    assert [(each["id"], each["state"]) for each in told] == [(good.id, "open"), (bad.id, "void")]


@pytest.mark.parametrize(
    ("words", "kind", "sentence"),
    [
        (("--customer", "没有"), NotFound, "示例公司"),
        (("--host", "crm"), NotFound, "erp-db"),
        (("--host", "=10.0.0.1"), Unusable, "NAME=ADDRESS"),
        (("--host", "erp-db=10.0.0.1 10.0.0.2"), Unusable, "NAME=ADDRESS"),
        (("--host", "erp-db="), Unusable, "NAME=ADDRESS"),
        (("--host", "erp-db", "--host", "erp-db"), Unusable, "stands for two"),
        (("--host", "erp-db=" + ",".join(f"10.0.0.{n}" for n in range(21))), Unusable, "20"),
        (("--site", "分公司"), NotFound, "总部机房"),
        (("--person", "王工"), NotFound, "张工"),
        (("--scope", "everything"), Unusable, "business-data"),
        (("--check", "pgsql.*"), Unusable, "postgresql"),
        (("--check", "host/*"), Unusable, "chapter"),
        (("--from", "tomorrow"), Unusable, "YYYY-MM-DD"),
        (("--from", "0001-01-01"), Unusable, "YYYY-MM-DD"),
        (("--to", "9999-12-31"), Unusable, "YYYY-MM-DD"),
        (("--to", "2026-11-20"), Unusable, "before --from"),
        (("--to", "2027-12-31"), Unusable, "400"),
        (("--from", "2026-10-01", "--to", "2026-11-01"), Unusable, "past"),
        (("--reason", " "), Unusable, "--reason"),
        (("--reason", "x" * 2001), Unusable, "--reason"),
        (("--signer", "李\n经理"), Unusable, "--signer"),
        (("--document", "/nowhere"), Unusable, "/nowhere"),
        (("--document", "/dev/null"), Unusable, "empty"),
        (("--jump", "bastion"), NotFound, "erp-db"),
    ],
)
def test_what_can_not_be_meant_is_one_sentence(
    known: Desk, words: tuple[str, ...], kind: type[CollectorError], sentence: str
) -> None:
    given = {"--customer": "示例公司", "--host": "erp-db", "--person": "张工"}
    given |= {"--from": "2026-11-21", "--to": "2026-12-31", "--reason": "x", "--signer": "y"}
    for option in words[::2]:
        given.pop(option, None)
    rest = [word for pair in given.items() for word in pair]
    output = known.folder / "bad.grant"
    told = known.refused(kind, "grant", "add", *rest, *words, "--output", str(output))
    assert sentence in told
    assert not output.exists()


def test_a_host_of_two_sites_has_to_be_told_apart(known: Desk) -> None:
    known.run("site", "add", "分公司", *WHERE, "--time-zone", "Europe/Berlin")
    known.run("host", "add", "erp-db", *WHERE, "--site", "分公司")
    output = ("--output", str(known.folder / "x"))
    words = ("--host", "erp-db", "--person", "张工", *WINDOW, *WHY, *output)
    assert "--site" in known.refused(Unusable, "grant", "add", *WHERE, *words)
    grant = known.add("--site", "分公司")
    assert grant.hosts[0].site == "分公司"
    assert grant.not_before == datetime(2026, 11, 20, 23, tzinfo=UTC), "midnight in Berlin"


def test_hosts_without_an_agent_are_added_once(known: Desk) -> None:
    known.run("host", "add", "bastion", *WHERE, "--site", "总部机房")
    assert known.read("host", "list", *WHERE) == [
        {"site": "总部机房", "name": "bastion"},
        {"site": "总部机房", "name": "erp-db"},
    ]
    again = ("host", "add", "bastion", *WHERE, "--site", "总部机房")
    assert "already" in known.refused(Unusable, *again)
    assert "总部机房" in known.refused(NotFound, "host", "add", "x", *WHERE, "--site", "nowhere")
    grant = known.add("--jump", "bastion=203.0.113.7")
    assert [(each.name, each.addresses) for each in grant.jump_hosts] == [
        ("bastion", ("203.0.113.7",))
    ]
    assert grant.host_of("bastion") is None


def test_a_key_that_the_customer_tells_is_pinned(known: Desk) -> None:
    key, other = ssh_key(1), ssh_key(2)
    line = ("host-key", "add", f"{key.line} root@erp-db", *WHERE, "--host", "erp-db")
    assert "已登记" in known.run(*line).stdout
    assert "早已登记" in known.run(*line).stdout
    file = known.file("key.pub", f"{ssh_key(3, 'ssh-rsa').line}\n")
    known.run("host-key", "add", file, *WHERE, "--host", "erp-db")
    assert set(known.add().hosts[0].host_keys) == {key.line, ssh_key(3, "ssh-rsa").line}
    rows = known.read("host-key", "list", *WHERE)
    assert {(row["fingerprint"], row["source"]) for row in rows} == {
        (key.fingerprint, "typed"),
        (ssh_key(3, "ssh-rsa").fingerprint, "typed"),
    }
    assert key.fingerprint in known.run("host-key", "list", *WHERE).stdout
    sentence = known.refused(Unusable, "host-key", "add", other.line, *WHERE, "--host", "erp-db")
    assert key.fingerprint in sentence
    assert other.fingerprint in sentence
    known.run("host-key", "remove", key.fingerprint, *WHERE)
    known.run("host-key", "add", other.line, *WHERE, "--host", "erp-db")
    assert other.line in known.add().hosts[0].host_keys
    assert key.line not in known.add().hosts[0].host_keys
    assert known.audit().count("host-key.added") == 3
    known.run("host-key", "remove", other.fingerprint, *WHERE)
    known.run("host-key", "add", key.line, *WHERE, "--host", "erp-db")
    assert key.line in known.add().hosts[0].host_keys, "a person may bring it back"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ssh-ed25519 AAAA", "no public SSH host key"),
        ("ssh-ed25519 " + base64.b64encode(ssh_key(1, "ssh-rsa").blob).decode(), "no public"),
        ("/nowhere/key.pub", "/nowhere/key.pub"),
        ("", "can't be used"),
    ],
)
def test_what_is_no_host_key_is_not_taken(known: Desk, text: str, sentence: str) -> None:
    told = known.refused(Unusable, "host-key", "add", text, *WHERE, "--host", "erp-db")
    assert sentence in told
    assert "erp-db" in known.refused(
        NotFound, "host-key", "add", ssh_key(1).line, *WHERE, "--host", "crm"
    )
    assert "host-key list" in known.refused(NotFound, "host-key", "remove", "x", *WHERE)


def test_known_hosts_lines_are_matched_by_name_and_address(known: Desk) -> None:
    known.run("host", "add", "crm", *WHERE, "--site", "总部机房")
    known.add(host="erp-db=10.0.0.5")
    ed, rsa, gone = ssh_key(1), ssh_key(2, "ssh-rsa"), ssh_key(3, "ecdsa-sha2-nistp256")
    file = known.file(
        "known_hosts",
        "# the customer's\n"
        f"10.0.0.5,erp.example.com {ed.line}\n"
        f"{hashed('erp-db', bytes(20))} {rsa.line} comment\n"
        f"[10.0.0.6]:2222 {ed.line}\n"
        f"elsewhere {ed.line}\n"
        "erp-db ssh-ed25519 AAAA\n"
        "erp-db ssh-dss AAAAB3NzaC1kc3M=\n"
        f"@revoked erp-db {gone.line}\n"
        f"erp-db {gone.line}\n"
        "nonsense\n",
    )
    ran = known.run("host-key", "import", file, *WHERE, "--host", "crm=10.0.0.6")
    assert ran.exit_code == 0, ran.output
    for words in (
        "第 6 行未读取：密钥不完整", "第 7 行未读取：密钥类型不支持", "第 10 行未读取：缺少字段",
        "不是该客户的主机", "已吊销", "登记了 3 把公钥",
    ):  # fmt: skip
        assert words in ran.stdout, ran.stdout
    rows = known.read("host-key", "list", *WHERE)
    assert {(row["host"], row["fingerprint"], row["source"]) for row in rows} == {
        ("erp-db", ed.fingerprint, "known_hosts"),
        ("erp-db", rsa.fingerprint, "known_hosts"),
        ("crm", ed.fingerprint, "known_hosts"),
    }
    changed = known.file("changed", f"erp-db {ssh_key(8).line}\n")
    ran = known.run("host-key", "import", changed, *WHERE, "--json")
    assert ran.exit_code == 1
    assert [(each["line"], each["kept"]) for each in json.loads(ran.stdout)] == [(1, "changed")]
    assert ssh_key(8).line not in known.add().hosts[0].host_keys


def test_a_known_hosts_file_that_is_none(known: Desk) -> None:
    binary = known.file("binary", bytes(range(256)))
    assert "0 把" in known.run("host-key", "import", binary, *WHERE).stdout
    assert "/nowhere" in known.refused(Unusable, "host-key", "import", "/nowhere", *WHERE)
    empty = known.file("empty")
    assert "NAME=ADDRESS" in known.refused(
        Unusable, "host-key", "import", empty, *WHERE, "--host", "=10.0.0.1"
    )
    named = ("--host", "hr=10.0.0.1")
    assert "erp-db" in known.refused(NotFound, "host-key", "import", empty, *WHERE, *named)


def take_in_inventory(
    desk: Desk, *keys: HostKey, place: Place | None = None, seq: int = 1, remote: bool = False
) -> None:
    """Take in an inspection of the host that tells these keys."""
    place = place or desk.place
    lines = [key.line for key in keys]
    seen = observation("host.inventory", {"ssh_host_keys": lines}, at=NOW)
    run = inspection(seen, id=f"run-{seq}", at=NOW, boot_id=f"boot-{seq}")
    if remote:
        how = Remote(session="s", grant="g", person="张工", mode="agentless")
        run = structs.replace(run, remote=how)
    payload = batch_of(seen, agent=place.agent, seq=seq, of=run).payload
    with desk.database.writing() as session:
        accept(session, [uploaded(place, payload, seq=seq, at=NOW)])
    assess_pending(desk.database, CATALOGUE)


def test_the_installed_agent_tells_the_keys_of_its_host(known: Desk) -> None:
    ed, rsa = ssh_key(1), ssh_key(2, "ssh-rsa")
    take_in_inventory(known, ed, rsa)
    assert set(known.add().hosts[0].host_keys) == {ed.line, rsa.line}
    assert {row["source"] for row in known.read("host-key", "list", *WHERE)} == {"inventory"}
    known.run("host-key", "remove", rsa.fingerprint, *WHERE)
    assert known.add().hosts[0].host_keys == (ed.line,), "what a person removed stays away"


def test_a_key_that_the_agent_tells_and_that_is_another_one_is_a_question(known: Desk) -> None:
    old, new = ssh_key(1), ssh_key(2)
    known.run("host-key", "add", old.line, *WHERE, "--host", "erp-db")
    take_in_inventory(known, new)
    output = str(known.folder / "x.grant")
    given = ("--host", "erp-db", "--person", "张工", *WINDOW, *WHY, "--output", output)
    told = known.read("grant", "add", *WHERE, *given)
    [warning] = told["warnings"]
    assert old.fingerprint in warning
    assert new.fingerprint in warning
    assert told["hosts"][0]["host_keys"] == [old.line]


def test_a_remote_session_never_tells_the_keys_that_it_is_trusted_by(known: Desk) -> None:
    agent = known.add().hosts[0].agent
    take_in_inventory(known, ssh_key(1), remote=True)
    assert known.add().hosts[0].host_keys == ()
    with known.database.writing() as session:
        # The same by the remote agent itself, whatever its batches say of themselves.
        row = session.get_one(Agent, (known.place.customer_id, known.place.agent))
        row.told = {"kind": "remote"}
        assert session.get_one(Agent, (known.place.customer_id, agent)).told == row.told
    take_in_inventory(known, ssh_key(1), seq=2)
    assert known.add().hosts[0].host_keys == ()


def test_only_an_agent_of_the_host_itself_is_asked(known: Desk) -> None:
    known.run("host", "add", "crm", *WHERE, "--site", "总部机房")
    take_in_inventory(known, ssh_key(1))
    assert known.add(host="crm").hosts[0].host_keys == ()
    with known.database.reading() as session:
        host = session.scalars(select(SshHostKey.host_id)).all()
        assert set(host) <= {session.scalars(select(Host.id).where(Host.name == "erp-db")).one()}


def test_without_a_proof_the_command_says_what_would_count(desk: Desk) -> None:
    where = (*WHERE, "--host", "erp-db")
    ran = desk.run("proof", "show", *where)
    assert ran.exit_code == 1
    assert "proof add" in ran.stdout
    send(desk.database, desk.place, [look(local_time(21, 5), point(20))])
    ran = desk.run("proof", "show", *where, "--output", str(desk.folder / "x"))
    assert ran.exit_code == 1
    assert "备份集 erp" in ran.stdout
    assert not (desk.folder / "x").exists()
    told = json.loads(desk.run("proof", "show", *where, "--json").stdout)
    assert told["proof"] is None
    assert len(told["lacking"]) == 1


def test_a_proof_is_signed_for_offline_work(known: Desk) -> None:
    where = (*WHERE, "--host", "erp-db")
    send(known.database, known.place, [look(local_time(21, 5), point(20), proved=proofs(20, 28))])
    output = known.folder / "erp.proof"
    ran = known.run("proof", "show", *where, "--output", str(output))
    assert (ran.exit_code, "代理校验通过" in ran.stdout) == (0, True)
    assert "2026-11-22 04:00" in ran.stdout
    read = envelope.read(output.read_bytes())
    envelope.check(read, known.collector_keys())
    proof = envelope.opened(read, PROOF, Proof)
    assert (proof.host_id, proof.kind) == (known.place.host_id, "observation")


def test_a_document_is_handed_in(known: Desk) -> None:
    where = (*WHERE, "--host", "erp-db")
    paper = known.file("恢复验证.pdf", b"%PDF")
    given = ("--document", paper, "--note", "RMAN validate 通过")
    ran = known.run("proof", "add", *where, *given, "--at", "2026-11-21T09:30")
    assert "2026-11-22 09:30" in ran.stdout
    told = json.loads(known.run("proof", "show", *where, "--json").stdout)["proof"]
    assert told["kind"] == "uploaded"
    assert told["evidence"] == hashlib.sha256(b"%PDF").hexdigest()
    for at, sentence in (
        ("2026-11-21T10:01", "future"),
        ("2026-11-20", "24 hours"),
        ("morning", "YYYY"),
    ):
        assert sentence in known.refused(Unusable, "proof", "add", *where, *given, "--at", at)
    later = known.file("x", b"")
    words = ("--document", later, "--note", "x", "--at", "2026-11-21T09:30")
    assert "0 bytes" in known.refused(Unusable, "proof", "add", *where, *words)
    assert "erp-db" in known.refused(NotFound, "proof", "show", *WHERE, "--host", "crm")


@pytest.mark.parametrize("group", ["engineer", "grant", "host-key", "proof", "host"])
def test_every_command_has_help_in_both_languages_with_examples(desk: Desk, group: str) -> None:
    listed = desk.run(group, "--help").stdout
    for command in ("add", "list", "remove", "show", "revoke", "import"):
        if f"  {command} " in listed:
            shown = desk.run(group, command, "--help").stdout
            assert any("\u4e00" <= character <= "\u9fff" for character in shown)
            assert "xunjian-collector" in shown or command == "list"
