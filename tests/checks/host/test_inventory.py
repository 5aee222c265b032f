"""The inventory says what the firmware, the kernel and the files say, and what they do not say."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host import LocalHost
from checks.errors import NotPermitted, UnexpectedOutput
from checks.host import inventory
from checks.host.inventory import Disk, gateways, os_release, processor_model
from tests.situation import CapturedHost
from wire.messages import Failure, Reason

SERVER = {
    "/sys/class/dmi/id/sys_vendor": "Huawei\n",
    "/sys/class/dmi/id/product_name": "To Be Filled By O.E.M.\n",
    "/proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x48\nCPU part\t: 0xd01\n",
    "/sys/block/sda/size": "4194304\n",
    "/sys/block/sda/device/model": "SAMSUNG MZ7LH480\n",
    "/sys/block/sda/queue/rotational": "0\n",
    "/sys/block/dm-0/size": "4194304\n",
    "/sys/block/sdb/size": "0\n",
    "/etc/os-release": 'NAME="Kylin Linux Advanced Server"\nVERSION_ID="V10"\nID="kylin"\n'
    'PRETTY_NAME="Kylin Linux Advanced Server V10 (Lance)"\n',
    "/proc/sys/kernel/osrelease": "4.19.90-52.22.v2207.ky10.aarch64\n",
    "/proc/net/route": "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
    "eth1\t00000000\tFE01A8C0\t0003\t0\t0\t200\t00000000\n"
    "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\n"
    "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\n",
    "/etc/resolv.conf": "# made by systemd\nnameserver 127.0.0.53\noptions edns0\n",
    "/run/systemd/resolve/resolv.conf": "nameserver 192.168.1.10\nnameserver 192.168.1.11\n",
}


def test_a_server_with_a_firmware_that_hides_its_serial_number() -> None:
    host = CapturedHost({"files": SERVER, "refused": ["/sys/class/dmi/id/product_serial"]})
    facts = inventory.probe(host)
    hardware = facts.hardware
    assert hardware.vendor == "Huawei"
    assert hardware.model is None
    assert hardware.serial == Failure(Reason.PERMISSION, "/sys/class/dmi/id/product_serial")
    assert hardware.virtualization == Failure(Reason.MISSING_TOOL, "systemd-detect-virt")
    assert hardware.processor == "HiSilicon (part 0xd01)"
    assert hardware.disks == (Disk("sda", 2 * 2**30, "SAMSUNG MZ7LH480", False),)
    assert facts.system is not None
    assert facts.system.name == "Kylin Linux Advanced Server V10 (Lance)"
    assert facts.system.version == "V10"
    assert facts.default_gateways == ("192.168.1.1", "192.168.1.254")
    assert facts.name_servers == ("192.168.1.10", "192.168.1.11")
    assert facts.time_zone == Failure(Reason.MISSING_TOOL, "readlink")


def test_a_host_that_shows_nothing_leaves_a_reason_for_each_part() -> None:
    facts = inventory.probe(CapturedHost({}))
    assert facts.system is None
    assert facts.system_failure is not None
    assert facts.system_failure.subject == "/etc/os-release"
    assert facts.hardware.disks == ()
    assert isinstance(facts.default_gateways, Failure)
    assert isinstance(facts.name_servers, Failure)


def test_disks_that_may_not_be_listed_leave_the_rest() -> None:
    class Hardened(CapturedHost):
        def list(self, pattern: str) -> tuple[str, ...]:
            raise NotPermitted(pattern)

        def exists(self, path: str) -> bool:
            raise NotPermitted(path)

    facts = inventory.probe(Hardened({"files": SERVER}))
    assert facts.hardware.disks == Failure(Reason.PERMISSION, "/sys/block/*/size")
    assert facts.hardware.vendor == Failure(Reason.PERMISSION, "/sys/class/dmi/id/sys_vendor")
    assert facts.hardware.processor == "HiSilicon (part 0xd01)"
    assert facts.default_gateways == ("192.168.1.1", "192.168.1.254")


ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO0Zr5lq5aR5m8LzWqk0bq3M3m8y7V4oT1b3f2x1c9dQ"


def test_the_public_ssh_keys_are_told_without_their_comments() -> None:
    files = {
        "/etc/ssh/ssh_host_rsa_key.pub": "ssh-rsa AAAAB3 root@erp-db\n",
        "/etc/ssh/ssh_host_ed25519_key.pub": f"{ED25519} root@erp-db, second floor\n",
        "/etc/ssh/ssh_host_ecdsa_key.pub": "\n",
    }
    facts = inventory.probe(CapturedHost({"files": files}))
    assert facts.ssh_host_keys == (ED25519, "ssh-rsa AAAAB3")
    assert inventory.probe(CapturedHost({})).ssh_host_keys == ()


def test_a_private_ssh_key_is_never_touched() -> None:
    class Watched(CapturedHost):
        asked: list[str] = []  # noqa: RUF012 - one host, one test

        def read(self, path: str, *, limit_bytes: int = 2**20) -> str:
            self.asked.append(path)
            return super().read(path, limit_bytes=limit_bytes)

    files = dict.fromkeys(
        ["/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_rsa_key.pub"], "ssh-rsa AAAAB3 x\n"
    )
    host = Watched({"files": files})
    assert inventory.probe(host).ssh_host_keys == ("ssh-rsa AAAAB3",)
    assert [path for path in host.asked if path.startswith("/etc/ssh")] == [
        "/etc/ssh/ssh_host_rsa_key.pub"
    ]


def test_ssh_keys_that_may_not_be_read_leave_the_reason() -> None:
    path = "/etc/ssh/ssh_host_rsa_key.pub"
    facts = inventory.probe(CapturedHost({"refused": [path]}))
    assert facts.ssh_host_keys == Failure(Reason.PERMISSION, path)


def test_the_zone_is_the_target_of_the_link_where_no_file_names_it() -> None:
    link = {
        "command": ["readlink", "-f", "/etc/localtime"],
        "output": "/usr/share/zoneinfo/Asia/Shanghai\n",
    }
    assert inventory.probe(CapturedHost({"commands": [link]})).time_zone == "Asia/Shanghai"


def test_a_processor_without_a_name_is_unknown() -> None:
    assert processor_model("processor : 0\n") is None
    assert (
        processor_model("model name\t: Intel(R) Xeon(R)\nmodel name\t: x\n") == "Intel(R) Xeon(R)"
    )


def test_a_broken_quote_in_os_release_keeps_the_rest() -> None:
    fields = os_release('NAME=\'open\nID=debian\n# comment=1\nPRETTY_NAME="A \\"B\\""\n')
    assert fields == {"NAME": "open", "ID": "debian", "PRETTY_NAME": 'A "B"'}


@given(st.text())
def test_no_os_release_breaks_the_reader(text: str) -> None:
    assert all(name in text and "\n" not in value for name, value in os_release(text).items())


@given(st.text(st.characters(codec="ascii")))
def test_no_routes_break_the_reader(text: str) -> None:
    try:
        addresses = list(gateways("head\n" + text))
    except UnexpectedOutput:
        return
    assert all(address.count(".") == 3 for address in addresses)


def test_a_gateway_that_is_no_number_is_said_to_be_unreadable() -> None:
    with pytest.raises(UnexpectedOutput):
        list(gateways("head\neth0 00000000 zz 0003 0 0 100 00000000\n"))


def test_the_live_inventory_agrees_with_the_systems_tools() -> None:
    facts = inventory.probe(LocalHost())
    assert facts.system is not None
    assert facts.system.kernel == subprocess.check_output(["uname", "-r"], text=True).strip()
    assert facts.system.architecture == subprocess.check_output(["uname", "-m"], text=True).strip()
    assert facts.system.name in Path("/etc/os-release").read_text()
    total_kib = int(Path("/proc/meminfo").read_text().split()[1])
    assert facts.hardware.memory_bytes == total_kib * 1024
    assert not isinstance(facts.hardware.disks, Failure)
    for disk in facts.hardware.disks:
        size = Path(f"/sys/class/block/{disk.name}/size").read_text()
        assert disk.size_bytes == int(size) * 512
