"""Adapters are told from virtual interfaces; counters are those of the kernel."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent.host import LocalHost
from checks.host import network_interfaces
from checks.host.network_interfaces import Counters, is_adapter, since
from tests.situation import CapturedHost

COUNTERS = st.builds(Counters, *[st.integers(0, 2**64)] * 3)


def test_the_live_counters_agree_with_the_kernels_table() -> None:
    def table() -> dict[str, list[int]]:
        rows = [line.split(":", 1) for line in Path("/proc/net/dev").read_text().splitlines()[2:]]
        return {name.strip(): [int(field) for field in fields.split()] for name, fields in rows}

    before = table()
    facts = network_interfaces.probe(LocalHost())
    after = table()
    assert "lo" not in [interface.name for interface in facts.interfaces]
    for interface in facts.interfaces:
        low, high = before[interface.name], after[interface.name]
        assert low[1] + low[9] <= interface.counters.packets <= high[1] + high[9]
        assert low[2] + low[10] <= interface.counters.errors <= high[2] + high[10]
    expected = {path.parent.name for path in Path("/sys/class/net").glob("*/device")}
    assert {interface.name for interface in facts.interfaces} == expected & set(before)


def test_a_containers_end_is_no_adapter() -> None:
    host = CapturedHost({"files": {"/sys/class/net/eth0/device/vendor": "0x1af4"}})
    assert is_adapter(host, "eth0")
    assert not is_adapter(host, "veth12ab")
    assert not is_adapter(host, "lo")


def test_windows_leaves_out_its_loopback() -> None:
    host = CapturedHost({"system": "windows"})
    assert is_adapter(host, "以太网")
    assert not is_adapter(host, "Loopback Pseudo-Interface 1")


@given(COUNTERS, COUNTERS)
def test_a_difference_is_whole_or_none(now: Counters, before: Counters) -> None:
    passed = since(now, before)
    if passed is None:
        assert (
            now.packets < before.packets or now.errors < before.errors or now.drops < before.drops
        )
    else:
        assert passed.packets + before.packets == now.packets
        assert passed.errors >= 0
        assert passed.drops >= 0
