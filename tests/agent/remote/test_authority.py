"""A grant permits what it says, to whom, where and when; and nothing that was not signed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import NotGranted, RemoteError
from agent.remote import authority
from agent.remote.authority import Granted
from agent.remote.trust import Trust
from tests.agent.remote.desk import (
    NOW,
    granted,
    host,
    permitted,
    proof_of,
    registered,
    signed,
    written,
)
from wire.grants import Denial, Grant, GrantedPerson
from wire.scopes import Scope
from wire.sessions import Purpose
from wire.signing import PrivateKey

OTHER = PrivateKey(b"o" * 32)


@pytest.fixture
def known(tmp_path: Path) -> Trust:
    return registered(tmp_path / "home")


def refused(grant: Grant, known: Trust, address: str = "erp-db", **more: object) -> NotGranted:
    with pytest.raises(NotGranted) as caught:
        authority.authorise(
            Granted(grant, b""),
            known,
            address,
            more.get("purpose", Purpose.INSPECT),  # type: ignore[arg-type] # of the tests
            more.get("now"),  # type: ignore[arg-type] # of the tests
        )
    return caught.value


def test_a_grant_permits(known: Trust, tmp_path: Path) -> None:
    loaded = authority.load(written(tmp_path, granted(known)), known)
    found = authority.authorise(loaded, known, "ERP-DB", Purpose.INSPECT)
    assert (found.host.name, found.person.name) == ("erp-db", "张工")
    assert found.scopes == (Scope.METADATA,)
    assert authority.authorise(loaded, known, "192.0.2.10", Purpose.INSPECT).host == found.host


def test_another_host_is_refused_with_those_it_names(known: Trust) -> None:
    error = refused(granted(known, host("erp-db", "192.0.2.10"), host("oa")), known, "192.0.2.11")
    assert error.denial is Denial.NO_SUCH_HOST
    assert "192.0.2.11" in error.text.zh
    assert "erp-db (192.0.2.10), oa" in error.text.zh


def test_another_person_is_refused_with_those_it_is_for(known: Trust) -> None:
    person = GrantedPerson("王工", OTHER.id, OTHER.public)
    error = refused(granted(known, persons=(person,)), known)
    assert error.denial is Denial.OTHER_PERSON
    assert "王工" in error.text.zh
    assert "张工" in error.text.zh


def test_a_grant_that_ended_says_when(known: Trust) -> None:
    grant = granted(known, not_before=NOW - timedelta(days=2), not_after=NOW - timedelta(days=1))
    error = refused(grant, known, now=NOW)
    assert error.denial is Denial.EXPIRED
    assert authority.local(grant.not_after) in error.text.en


def test_a_grant_of_tomorrow_says_when(known: Trust) -> None:
    grant = granted(known, not_before=NOW + timedelta(days=1), not_after=NOW + timedelta(days=2))
    error = refused(grant, known, now=NOW)
    assert error.denial is Denial.TOO_EARLY
    assert authority.local(grant.not_before) in error.text.en


def test_a_shell_needs_the_scope_change(known: Trust) -> None:
    error = refused(granted(known), known, purpose=Purpose.SHELL)
    assert error.denial is Denial.SCOPE_MISSING
    assert "metadata" in error.text.en
    assert permitted(known, purpose=Purpose.SHELL, scopes=(Scope.CHANGE,)).scopes == (Scope.CHANGE,)


def test_reading_does_not_ask_for_change(known: Trust) -> None:
    every = permitted(known, scopes=tuple(Scope))
    assert Scope.CHANGE not in every.scopes
    assert len(every.scopes) == len(Scope) - 1


def test_a_grant_of_change_alone_permits_no_reading(known: Trust) -> None:
    assert refused(granted(known, scopes=(Scope.CHANGE,)), known).denial is Denial.SCOPE_MISSING


@given(
    begins=st.integers(-5, 5), lasts=st.integers(0, 5), at=st.integers(-12, 12), ours=st.booleans()
)
@settings(max_examples=200, deadline=None)
def test_a_window_has_both_its_ends_in_it(
    tmp_path_factory: pytest.TempPathFactory, begins: int, lasts: int, at: int, ours: bool
) -> None:
    known = _registered_once(tmp_path_factory)
    start = NOW + timedelta(hours=begins)
    end = start + timedelta(hours=lasts)
    moment = NOW + timedelta(hours=at)
    address = "erp-db" if ours else "elsewhere"
    grant = granted(known, not_before=start, not_after=end)
    denial = None
    try:
        authority.authorise(Granted(grant, b""), known, address, Purpose.INSPECT, moment)
    except NotGranted as error:
        denial = error.denial
    expected = (
        Denial.NO_SUCH_HOST
        if not ours
        else Denial.TOO_EARLY
        if moment < start
        else Denial.EXPIRED
        if moment > end
        else None
    )
    assert denial is expected


_known: list[Trust] = []


def _registered_once(factory: pytest.TempPathFactory) -> Trust:
    if not _known:
        _known.append(registered(factory.mktemp("desk") / "home"))
    return _known[0]


def test_each_flip_in_a_grant_is_refused(known: Trust, tmp_path: Path) -> None:
    body = signed(granted(known))
    path = tmp_path / "grant"
    for place in range(len(body)):
        for bit in (1, 2, 32):
            changed = bytearray(body)
            changed[place] ^= bit
            path.write_bytes(changed)
            with pytest.raises(RemoteError):
                authority.load(str(path), known)


def test_each_cut_of_a_grant_is_refused(known: Trust, tmp_path: Path) -> None:
    body = signed(granted(known))
    path = tmp_path / "grant"
    for length in range(0, len(body), 7):
        path.write_bytes(body[:length])
        with pytest.raises(NotGranted):
            authority.load(str(path), known)


def test_a_grant_of_another_collector_is_refused(known: Trust, tmp_path: Path) -> None:
    with pytest.raises(NotGranted, match="no grant signed by our collector"):
        authority.load(written(tmp_path, granted(known), OTHER), known)


def test_another_signed_message_is_no_grant(known: Trust, tmp_path: Path) -> None:
    path = tmp_path / "grant"
    path.write_bytes(proof_of())
    with pytest.raises(NotGranted):
        authority.load(str(path), known)


def test_no_file_is_a_sentence(known: Trust, tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match="can't be read"):
        authority.load(str(tmp_path / "none"), known)


def test_only_granted_hosts_are_passed_through(known: Trust) -> None:
    grant = granted(known, jump_hosts=(host("jump", "198.51.100.1"),))
    assert authority.demand_passage(grant, "198.51.100.1").name == "jump"
    assert authority.demand_passage(grant, "erp-db").name == "erp-db"
    with pytest.raises(
        NotGranted, match=r"no jump host 198\.51\.100\.2 .*jump \(198\.51\.100\.1\)"
    ):
        authority.demand_passage(grant, "198.51.100.2")


def test_a_proof_counts_for_its_host_and_a_day(known: Trust, tmp_path: Path) -> None:
    allowed = permitted(known, purpose=Purpose.SHELL, scopes=(Scope.CHANGE,))
    path = tmp_path / "proof"
    path.write_bytes(proof_of())
    proof, body = authority.read_proof(str(path), known, allowed)
    assert proof.subject == "恢复演练记录"
    assert body == path.read_bytes()
    for wrong, said in (
        (proof_of(hours=25), "older than 24 hours"),
        (proof_of("host-oa"), "not of the host erp-db"),
        (proof_of(customer_id="customer-2"), "not of the host erp-db"),
        (signed(granted(known)), "no backup proof"),
    ):
        path.write_bytes(wrong)
        with pytest.raises(NotGranted, match=said) as caught:
            authority.read_proof(str(path), known, allowed)
        assert caught.value.denial is Denial.NO_PROOF


def test_every_denial_has_its_sentence(known: Trust) -> None:
    grant = granted(known)
    for denial in Denial:
        said = authority.why(denial, grant, known, "erp-db", datetime.now(UTC))
        assert said.zh
        assert said.en
        assert "{" not in said.zh + said.en
