"""An engineer registers once; what is forged, mixed up or repeated changes nothing."""

from pathlib import Path

import pytest

from agent.cli import main
from agent.errors import IdentityError, NotGranted, RemoteError
from agent.remote import person, trust
from agent.remote.home import KEY, PENDING, TRUST
from tests.agent.remote.desk import COLLECTOR, FINGERPRINT, answered, registered
from wire import codes, envelope
from wire.sessions import REGISTRATION, Registration
from wire.signing import PrivateKey, key_id

OTHER = PrivateKey(b"o" * 32)


def test_a_request_shows_the_key_and_is_signed_by_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    body = person.request(home, " 张工 ")
    read = envelope.read(body)
    asked = envelope.opened(read, REGISTRATION, Registration)
    envelope.check(read, {key_id(asked.public_key): asked.public_key})
    assert asked.person == "张工"
    assert (home.stat().st_mode & 0o777, (home / KEY).stat().st_mode & 0o777) == (0o700, 0o600)


def test_asking_again_gives_the_same_request(tmp_path: Path) -> None:
    assert person.request(tmp_path, "张工") == person.request(tmp_path, "张工")


def test_the_answer_is_kept_and_may_come_twice(tmp_path: Path) -> None:
    answer = answered(person.request(tmp_path, "张工"), url="https://collector.example")
    known = trust.conclude(tmp_path, answer, FINGERPRINT)
    assert (known.person, known.collector_key) == ("张工", COLLECTOR.public)
    assert known.collector is not None
    assert known.collector.url == "https://collector.example"
    assert not (tmp_path / PENDING).exists()
    assert trust.conclude(tmp_path, answer, FINGERPRINT).key.id == known.key.id


@pytest.mark.parametrize("typed", [FINGERPRINT.upper(), " ".join(codes.numbers(COLLECTOR.public))])
def test_the_fingerprint_may_be_words_or_numbers(tmp_path: Path, typed: str) -> None:
    answer = answered(person.request(tmp_path, "张工"))
    assert trust.conclude(tmp_path, answer, typed).person == "张工"


def test_another_fingerprint_changes_nothing(tmp_path: Path) -> None:
    answer = answered(person.request(tmp_path, "张工"), key=OTHER)
    with pytest.raises(RemoteError, match="another fingerprint"):
        trust.conclude(tmp_path, answer, FINGERPRINT)
    assert not (tmp_path / TRUST).exists()


def test_an_answer_to_somebody_else_changes_nothing(tmp_path: Path) -> None:
    person.request(tmp_path / "a", "张工")
    answer = answered(person.request(tmp_path / "b", "张工"))
    with pytest.raises(RemoteError, match="does not answer"):
        trust.conclude(tmp_path / "a", answer, FINGERPRINT)


def test_an_answer_to_an_older_request_changes_nothing(tmp_path: Path) -> None:
    answer = answered(person.request(tmp_path, "张工"))
    person.request(tmp_path, "王工")
    with pytest.raises(RemoteError, match="does not answer"):
        trust.conclude(tmp_path, answer, FINGERPRINT)


def test_each_flip_in_an_answer_is_refused(tmp_path: Path) -> None:
    answer = answered(person.request(tmp_path, "张工"))
    for place in range(len(answer)):
        changed = bytearray(answer)
        changed[place] ^= 1
        with pytest.raises((RemoteError, IdentityError)):
            trust.conclude(tmp_path, bytes(changed), FINGERPRINT)
        assert not (tmp_path / TRUST).exists()


def test_a_second_registration_does_not_destroy_the_first(tmp_path: Path) -> None:
    first = registered(tmp_path)
    body = person.request(tmp_path, "张工")
    assert trust.load(tmp_path).person == "张工"
    with pytest.raises(RemoteError, match="another collector"):
        trust.conclude(
            tmp_path, answered(body, key=OTHER), " ".join(codes.fingerprint(OTHER.public))
        )
    kept = trust.load(tmp_path)
    assert (kept.key.id, kept.collector_key) == (first.key.id, COLLECTOR.public)
    again = trust.conclude(tmp_path, answered(body, url="https://new.example"), FINGERPRINT)
    assert again.collector is not None
    assert again.key.id == first.key.id


def test_nobody_is_registered_at_first(tmp_path: Path) -> None:
    with pytest.raises(NotGranted, match="no engineer is registered"):
        trust.load(tmp_path)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    registered(tmp_path)
    (tmp_path / KEY).chmod(0o644)
    with pytest.raises(IdentityError, match="can be read by others"):
        trust.load(tmp_path)


def test_an_address_of_our_own_takes_precedence(tmp_path: Path) -> None:
    answer = answered(person.request(tmp_path, "张工"), url="https://inside.example")
    known = trust.conclude(tmp_path, answer, FINGERPRINT, url="https://outside.example")
    assert known.collector is not None
    assert known.collector.url == "https://outside.example"


def test_an_address_that_is_none_is_refused_with_the_key_it_is_in(tmp_path: Path) -> None:
    answer = answered(person.request(tmp_path, "张工"))
    with pytest.raises(Exception, match=r"collector\.url"):
        trust.conclude(tmp_path, answer, FINGERPRINT, url="ftp://x")
    assert not (tmp_path / TRUST).exists()


def test_an_authority_of_our_own_is_kept_and_has_to_be_there(tmp_path: Path) -> None:
    home, url = tmp_path / "home", "https://inside.example"
    answer = answered(person.request(home, "张工"), url=url)
    authority = tmp_path / "ca.pem"
    with pytest.raises(RemoteError, match=r"collector\.toml.*collector\.ca_file"):
        trust.conclude(home, answer, FINGERPRINT, ca_file=str(authority))
    authority.write_text("")
    known = trust.conclude(home, answer, FINGERPRINT, ca_file=str(authority))
    assert known.collector is not None
    assert (known.collector.url, known.collector.ca_file) == (url, str(authority))


def test_the_command_registers_by_two_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XUNJIAN_REMOTE_FOLDER", str(tmp_path / "home"))
    request, answer = tmp_path / "zhang.request", tmp_path / "zhang.answer"
    assert main(["remote", "register", "--person", "张工", "--request", str(request)]) == 0
    assert "xunjian-collector engineer add" in capsys.readouterr().out
    answer.write_bytes(answered(request.read_bytes()))
    taken = ["remote", "register", "--answer", str(answer), "--fingerprint", FINGERPRINT]
    assert main(taken) == 0
    assert "已登记为工程师 张工" in capsys.readouterr().out
    assert main(taken) == 0


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["--person", "张工"],
        ["--answer", "x"],
        ["--person", "张工", "--request", "a", "--answer", "x", "--fingerprint", "y"],
    ],
)
def test_half_a_registration_is_told(
    given: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XUNJIAN_REMOTE_FOLDER", str(tmp_path / "home"))
    assert main(["remote", "register", *given]) == 2
    assert "register 需要" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()
