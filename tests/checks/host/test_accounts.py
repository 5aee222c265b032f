"""Reading accounts, and what must never leave the host."""

from contextlib import suppress

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agent.host import LocalHost
from checks.errors import ProbeError
from checks.host.accounts import Facts, probe
from tests.situation import CapturedHost

PASSWD = "root:x:0:0:root:/root:/bin/bash\nwang:x:1000:27:Wang:/home/wang:/bin/bash\n"


def host(passwd: str, group: str, shadow: str) -> CapturedHost:
    files = {"/etc/passwd": passwd, "/etc/group": group, "/etc/shadow": shadow}
    return CapturedHost({"files": files})


def test_this_machine_says_what_getent_says() -> None:
    facts = probe(LocalHost())
    users = LocalHost().run("getent", "passwd").text.splitlines()
    assert facts.accounts <= len(users)
    assert "root" in facts.root_accounts


def test_no_hash_leaves_the_host() -> None:
    facts = probe(host(PASSWD, "sudo:x:27:\n", "root:$y$SECRET:1\nwang::1\n"))
    assert facts.without_password == ("wang",)
    assert b"SECRET" not in msgspec.json.encode(facts)


@given(st.text(), st.text(), st.text())
def test_any_text_gives_facts_or_a_probe_error(passwd: str, group: str, shadow: str) -> None:
    with suppress(ProbeError):
        assert isinstance(probe(host(passwd, group, shadow)), Facts)


@given(st.integers(0, len(PASSWD)))
def test_a_cut_passwd_gives_facts_or_a_probe_error(length: int) -> None:
    with suppress(ProbeError):
        assert isinstance(probe(host(PASSWD[:length], "a:x:1:\n", "root:x\n")), Facts)
