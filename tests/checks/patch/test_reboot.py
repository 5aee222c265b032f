"""Reading what needs-restarting says."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host import LocalHost
from checks.errors import ProbeError, ToolMissing, Unsupported
from checks.patch.reboot import Facts, parse_needs_restarting, probe
from tests.situation import CapturedHost

# CentOS 7, yum-utils.
OLD = (
    "Core libraries or services have been updated:\n  systemd -> 219-42.el7_4.4\n"
    "  glibc -> 2.17-196.el7_4.2\n  glibc -> 2.17-196.el7_4.2\n\n"
    "Reboot is required to ensure that your system benefits from these updates.\n"
)


def test_the_old_form_names_packages_once() -> None:
    assert parse_needs_restarting(OLD, 1) == Facts(True, ("glibc", "systemd"))


def test_this_machine_gives_facts_or_names_what_is_missing() -> None:
    try:
        facts = probe(LocalHost())
    except (ToolMissing, Unsupported) as error:
        assert error.detail  # noqa: PT017 - both outcomes are right, each has its own proof
    else:
        assert facts.required == LocalHost().exists("/var/run/reboot-required")


def test_without_the_tool_a_red_hat_host_is_not_run() -> None:
    with pytest.raises(ToolMissing):
        probe(CapturedHost({"files": {"/usr/bin/dnf": ""}}))


@given(st.text() | st.integers(0, len(OLD)).map(lambda length: OLD[:length]), st.integers(0, 1))
def test_any_text_gives_facts_or_a_probe_error(text: str, exit_code: int) -> None:
    with suppress(ProbeError):
        assert isinstance(parse_needs_restarting(text, exit_code), Facts)
