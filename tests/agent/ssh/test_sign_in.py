"""Signing in: with what was given, in the order that the server wants, and never more often."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from agent import redaction
from agent.secret import Secret
from agent.ssh.connecting import Hop, connect
from agent.ssh.credentials import Credentials, KeyFileRefused, identity_of, opened
from checks.errors import NotConfigured, NotPermitted, ToolMissing, Unreachable
from scripts.openssh import Account, OpenSsh, allow, make_key, serving
from tests.agent.ssh.reaching import Person, connected, key_of, server
from tests.agent.ssh.talking import Asking, ByPassword, talking
from tests.unprivileged import NOBODY

PASSPHRASE = "correct horse battery"
PASSWORD = "right-password"
HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b31m欢迎\u202e %u\r\x08\n"

needs_pam = pytest.mark.skipif(os.geteuid() != 0, reason="PAM asks for passwords as root alone")


def refused(running: OpenSsh, credentials: Credentials, **changed: str) -> str:
    with (
        pytest.raises(NotPermitted) as caught,
        connected(running, credentials=credentials, **changed),
    ):
        pass
    assert caught.value.subject == f"sign-in to 127.0.0.1:{running.port}"
    return caught.value.detail


def locked(path: Path, kind: str = "ed25519", *more: str, exists: bool = False) -> Path:
    if not exists:
        make_key(path, kind)
    command = ["ssh-keygen", "-q", "-p", "-P", "", "-N", PASSPHRASE, "-f", str(path), *more]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_key_of_each_type_opens(ssh_server: OpenSsh, kind: str) -> None:
    key = allow(ssh_server, f"another-{kind}", kind)
    with connected(ssh_server, credentials=Credentials(key_file=key)) as connection:
        assert connection.run("echo in", subject="echo").output == b"in\n"


def test_a_wrong_key_is_refused(ssh_server: OpenSsh, tmp_path: Path) -> None:
    make_key(tmp_path / "wrong")
    user = ssh_server.user
    assert refused(ssh_server, Credentials(key_file=tmp_path / "wrong")) == (
        f"the key of {user} was refused"
    )


def test_a_wrong_user_is_refused_like_a_wrong_key(ssh_server: OpenSsh) -> None:
    key = Credentials(key_file=ssh_server.key)
    assert refused(ssh_server, key, user="nobody-here") == "the key of nobody-here was refused"


def test_a_refused_key_is_not_made_good_by_a_password(ssh_server: OpenSsh, tmp_path: Path) -> None:
    make_key(tmp_path / "wrong")
    person = Person([])
    refused(ssh_server, Credentials(key_file=tmp_path / "wrong", prompt=person))
    assert person.asked == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_key_file_that_others_can_get_at_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    make_key(path)
    path.chmod(mode)
    with pytest.raises(KeyFileRefused) as caught:
        identity_of(Credentials(key_file=path))
    assert str(caught.value) == (
        f"{path}: the key file has mode {mode:04o}, so that others can get at it: chmod 600 {path}"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    make_key(path)
    os.chown(path, NOBODY, -1)
    with pytest.raises(KeyFileRefused, match=f"belongs to another user .uid {NOBODY}.: take"):
        identity_of(Credentials(key_file=path))


def test_a_key_file_that_is_not_there_or_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="nowhere: there is no such key file"):
        identity_of(Credentials(key_file=tmp_path / "nowhere"))
    with pytest.raises(NotConfigured, match="is no regular file"):
        identity_of(Credentials(key_file=tmp_path))


@pytest.mark.parametrize(
    ("kind", "more"),
    [("ed25519", ()), ("ecdsa", ()), ("rsa", ()), ("rsa", ("-m", "PEM")), ("rsa", ("-m", "PKCS8"))],
)
def test_the_right_passphrase_opens_at_the_third_try(
    tmp_path: Path, kind: str, more: tuple[str, ...]
) -> None:
    person = Person(["wrong", "", PASSPHRASE])
    path = locked(tmp_path / "key", kind, *more)
    identity = identity_of(Credentials(key_file=path, prompt=person))
    assert identity is not None
    public = path.with_name("key.pub").read_text().split()
    assert [identity.get_name(), identity.get_base64()] == public[:2]
    assert person.asked == [("", "", f"{path} 的密码短语 / passphrase: ", False)] * 3
    assert PASSPHRASE not in redaction.clean(f"said {PASSPHRASE}")


def test_a_passphrase_that_is_wrong_three_times_ends_it(
    ssh_server: OpenSsh, tmp_path: Path
) -> None:
    path = locked(tmp_path / "key")
    person = Person(["one-wrong", "two-wrong", "three-wrong", PASSPHRASE])
    with (
        pytest.raises(NotPermitted) as caught,
        connected(ssh_server, credentials=Credentials(key_file=path, prompt=person)),
    ):
        pass
    assert str(caught.value) == f"{path}: the passphrase was wrong 3 times"
    assert person.answers == [PASSPHRASE]


def test_a_key_with_a_passphrase_is_explained_where_nobody_can_be_asked(
    ssh_server: OpenSsh, tmp_path: Path
) -> None:
    secret = Secret(locked(tmp_path / "locked", "ecdsa").read_text())
    with pytest.raises(NotConfigured, match="passphrase"), connect(server(ssh_server), key=secret):
        pass


def test_one_passphrase_is_enough_for_many_connections(ssh_server: OpenSsh, tmp_path: Path) -> None:
    path = locked(allow(ssh_server, "shared"), exists=True)
    person = Person([PASSPHRASE] * 2)
    given = Credentials(key_file=path, prompt=person)
    with connected(ssh_server, credentials=given, jumps=[Hop(server(ssh_server), given)]):
        assert len(person.asked) == 1
    ready = opened(given)
    assert len(person.asked) == 2
    for _ in range(2):
        with connected(ssh_server, credentials=ready):
            pass
    assert person.answers == []
    assert opened(Credentials(prompt=person)) == Credentials(prompt=person)


@pytest.mark.parametrize(
    "text", ["not-a-key-at-all", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA", "-----BEGIN x-----"]
)
def test_what_is_no_key_is_explained_without_being_shown(ssh_server: OpenSsh, text: str) -> None:
    with (
        pytest.raises(NotConfigured, match="no private key") as caught,
        connect(server(ssh_server), key=Secret(text)),
    ):
        pass
    assert "not-a-key" not in str(caught.value)
    assert "AAAA" not in str(caught.value)


def test_a_wrong_password_is_refused_and_not_repeated(ssh_server: OpenSsh) -> None:
    with (
        pytest.raises(NotPermitted, match=r"the password of .* was refused$") as caught,
        connect(server(ssh_server), password=Secret("hunter2-hunter2")),
    ):
        pass
    assert "hunter2" not in f"{caught.value} {caught.value.detail}"


def test_without_a_credential_nothing_is_tried(ssh_server: OpenSsh) -> None:
    with (
        pytest.raises(NotConfigured, match="neither a key nor a password"),
        connect(server(ssh_server)),
    ):
        pass


@pytest.mark.parametrize("means", ["password", "keyboard-interactive"])
def test_a_password_of_the_settings_opens_plainly_and_in_a_dialogue(means: str) -> None:
    with (
        talking(lambda: ByPassword(means)) as where,
        connect(where, password=Secret(PASSWORD)) as connection,
    ):
        assert connection.transport.is_authenticated()
        assert connection.means == ("password",)


@pytest.fixture(scope="module")
def asking() -> Iterator[OpenSsh]:
    """Run a server that asks for a password by PAM, with words that would change a terminal."""
    with serving(shell=True, account=Account((PASSWORD,), HOSTILE)) as running:
        yield running


@needs_pam
def test_a_dialogue_is_shown_without_control_characters(asking: OpenSsh) -> None:
    person = Person(["wrong-password", PASSWORD])
    with connected(asking, credentials=Credentials(prompt=person)) as connection:
        assert connection.run("echo in", subject="echo").output == b"in\n"
    assert person.asked == [("", "", "欢迎 root\nPassword: ", False)] * 2
    assert PASSWORD not in redaction.clean(f"said {PASSWORD}")


@needs_pam
def test_answers_that_are_wrong_three_times_end_it(asking: OpenSsh) -> None:
    person = Person(["wrong-1", "wrong-2", "wrong-3", PASSWORD])
    said = refused(asking, Credentials(prompt=person))
    assert said == "the answers of root were refused 3 times"
    assert person.answers == [PASSWORD]


@needs_pam
@pytest.mark.parametrize(
    ("methods", "asked"),
    [
        ("password", 1),
        ("keyboard-interactive", 1),
        ("publickey", 0),
        ("publickey,password", 1),
        ("publickey,keyboard-interactive", 1),
        ("password,publickey", 1),
        ("password,keyboard-interactive", 2),
        ("publickey,password,keyboard-interactive", 2),
    ],
)
def test_each_factor_that_is_wanted_is_given_in_turn(methods: str, asked: int) -> None:
    person = Person([PASSWORD] * 3)
    account = Account((PASSWORD,))
    with (
        serving(
            shell=True, account=account, settings=f"AuthenticationMethods {methods}"
        ) as running,
        connected(
            running, credentials=Credentials(key_file=running.key, prompt=person)
        ) as connection,
    ):
        assert connection.run("echo in", subject="echo").output == b"in\n"
        assert connection.means == tuple(methods.split(","))
    assert len(person.asked) == asked


@needs_pam
def test_a_factor_that_is_missing_is_named() -> None:
    methods = "AuthenticationMethods publickey,keyboard-interactive"
    account = Account((PASSWORD,))
    with serving(shell=True, account=account, settings=methods) as running:
        said = refused(running, Credentials(key_file=running.key))
        assert said == "after the key of root it also wants keyboard-interactive"
        said = refused(running, Credentials(prompt=Person([])))
        assert said == "it takes only publickey for root, of which nothing was given"


def test_a_server_without_passwords_says_what_it_takes() -> None:
    with serving(shell=True, settings="PasswordAuthentication no") as running:
        user = running.user
        with (
            pytest.raises(NotPermitted, match=f"a password is not taken for {user}, only publick"),
            connect(server(running), password=Secret(PASSWORD)),
        ):
            pass


def test_a_banner_is_kept_for_the_person(tmp_path: Path) -> None:
    banner = tmp_path / "banner"
    banner.write_text("仅限授权访问\x1b[31m!\n")
    with (
        serving(shell=True, settings=f"Banner {banner}") as running,
        connected(running) as connection,
    ):
        assert connection.notices == ("仅限授权访问!\n",)


def test_questions_come_one_by_one_and_round_by_round() -> None:
    rounds = [
        ("密码\x1b[0m", "first\x07", [("Password: ", False), ("PIN: ", False)], [PASSWORD, "1234"]),
        ("", "approve it on your phone", [], []),
        ("", "", [("Code (\x1b[1m6 digits): ", True)], ["123456"]),
    ]
    person = Person([PASSWORD, "1234", "123456"])
    with (
        talking(lambda: Asking(*rounds)) as where,
        connect(where, credentials=Credentials(prompt=person)) as connection,
    ):
        assert connection.notices == ("approve it on your phone",)
    assert person.asked == [
        ("密码", "first", "Password: ", False),
        ("密码", "first", "PIN: ", False),
        ("", "", "Code (6 digits): ", True),
    ]


def test_a_dialogue_that_can_not_be_read_is_an_error_of_ours() -> None:
    person = Person([PASSWORD])
    question = paramiko.Message(b"\0\0\0\x02\xff\xfe").get_string()
    with (
        talking(lambda: Asking(("", "", [(question, False)], [PASSWORD]))) as where,
        pytest.raises(Unreachable, match=r"can't be read .UnicodeDecodeError"),
        connect(where, credentials=Credentials(prompt=person)),
    ):
        pass
    assert person.asked == []


def test_a_person_who_leaves_ends_it() -> None:
    class Leaving(Person):
        def ask(self, title: str, instructions: str, question: str, *, echo: bool) -> str:
            raise KeyboardInterrupt

    with (
        talking(lambda: Asking(("", "", [("Password: ", False)], ["x"]))) as where,
        pytest.raises(KeyboardInterrupt),
        connect(where, credentials=Credentials(prompt=Leaving([]))),
    ):
        pass


def test_a_server_that_hangs_up_while_a_person_types_is_unreachable() -> None:
    grace = "LoginGraceTime 1"

    class Slow(Person):
        def ask(self, title: str, instructions: str, question: str, *, echo: bool) -> str:
            time.sleep(1.5)
            return super().ask(title, instructions, question, echo=echo)

    with (
        serving(shell=True, settings=grace) as running,
        pytest.raises(Unreachable, match="ended the connection at sign-in"),
        connected(running, credentials=Credentials(prompt=Slow([PASSWORD]))),
    ):
        pass


def test_without_the_extra_the_hint_names_it(
    ssh_server: OpenSsh, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = key_of(ssh_server)
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with (
        pytest.raises(ToolMissing, match=r"xunjian\[remote\]"),
        connect(server(ssh_server), key=key),
    ):
        pass
