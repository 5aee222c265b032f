"""Reading the release and the kernels of a host."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from agent.host import LocalHost
from checks.errors import ProbeError
from checks.host.release import Facts, newest_of, probe
from tests.situation import CapturedHost


def test_this_machine_says_what_uname_says() -> None:
    facts = probe(LocalHost())
    assert facts.running_kernel == LocalHost().run("uname", "-r").text.strip()
    assert facts.system_id in LocalHost().read("/etc/os-release")


def test_a_kernel_is_compared_with_its_own_kind() -> None:
    installed = ("4.18.0-553.el8_10.x86_64", "5.15.0-300.163.18.1.el8uek.x86_64")
    assert newest_of("4.18.0-372.9.1.el8.x86_64", installed) == "4.18.0-553.el8_10.x86_64"


def test_centos_6_has_only_a_sentence() -> None:
    files = {
        "/etc/redhat-release": "CentOS release 6.10 (Final)\n",
        "/proc/sys/kernel/osrelease": "2.6.32-754.el6.x86_64\n",
    }
    facts = probe(CapturedHost({"files": files}))
    assert (facts.system_id, facts.version_id) == ("centos", "6.10")


@given(st.text(), st.text(), st.text(alphabet=st.characters(exclude_characters="/")))
def test_any_text_gives_facts_or_a_probe_error(release: str, running: str, kernel: str) -> None:
    files = {
        "/etc/os-release": release,
        "/proc/sys/kernel/osrelease": running,
        f"/boot/vmlinuz-{kernel}": "",
    }
    with suppress(ProbeError):
        assert isinstance(probe(CapturedHost({"files": files})), Facts)
