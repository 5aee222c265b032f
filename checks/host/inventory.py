"""Inventory: hardware, operating system and network settings, for the report; nothing is judged."""

import os
import shlex
import sys
from collections.abc import Iterator

import psutil

from checks.api import Chapter, Check, Host, Struct, Text
from checks.errors import UnexpectedOutput, part
from wire.messages import Failure

CPUINFO = "/proc/cpuinfo"
DISK_SIZES = "/sys/block/*/size"
OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
RESOLVER = "/etc/resolv.conf"
# systemd's stub names itself in the usual file; the real servers stand here.
UPSTREAM_RESOLVER = "/run/systemd/resolve/resolv.conf"
ROUTES = "/proc/net/route"
ZONE_NAME = "/etc/timezone"
SSH_HOST_KEYS = "/etc/ssh/ssh_host_*_key.pub"
_MOST_SSH_KEYS = 10
_LARGEST_KEY_BYTES = 4096
SECTOR_BYTES = 512
"""The unit of /sys/block/*/size, whatever the disk's own sectors are."""
_NO_DISKS = ("dm-", "fd", "loop", "md", "nbd", "ram", "sr", "zram")
# What makers leave in their firmware instead of a value.
_PLACEHOLDERS = frozenset(
    {"", "0", "default string", "none", "not applicable", "not specified", "system serial number",
     "to be filled by o.e.m.", "unknown"}
)  # fmt: skip
_ARM_MAKERS = {"0x41": "Arm", "0x48": "HiSilicon", "0x70": "Phytium"}


class Disk(Struct, frozen=True):
    """One disk, physical or the hypervisor's."""

    name: str
    size_bytes: int
    model: str | None
    rotational: bool | None


class Hardware(Struct, frozen=True, kw_only=True):
    """What the host is made of; None: the firmware or the kernel does not say."""

    vendor: str | Failure | None
    model: str | Failure | None
    serial: str | Failure | None
    """Readable for root only."""
    virtualization: str | Failure
    """`none`, or what systemd-detect-virt calls it: kvm, vmware, microsoft, docker."""
    processor: str | Failure | None
    logical_cores: int | None
    physical_cores: int | None
    memory_bytes: int
    disks: tuple[Disk, ...] | Failure


class OperatingSystem(Struct, frozen=True):
    """What runs on it."""

    name: str
    id: str
    version: str
    kernel: str
    architecture: str


class Interface(Struct, frozen=True):
    """The addresses of one interface; link-local ones are left out."""

    name: str
    hardware_address: str
    addresses: tuple[str, ...]


class Facts(Struct, frozen=True, kw_only=True):
    """The host as it stands in the report's chapter on the objects inspected."""

    hardware: Hardware
    system: OperatingSystem | None
    system_failure: Failure | None = None
    interfaces: tuple[Interface, ...]
    default_gateways: tuple[str, ...] | Failure
    name_servers: tuple[str, ...] | Failure
    time_zone: str | Failure
    ssh_host_keys: tuple[str, ...] | Failure = ()
    """Public keys by which the host shows itself over SSH, `type base64` each; empty: it has no
    SSH server, or the agent is older than this fact."""


def probe(host: Host) -> Facts:
    """Read what there is; a part that can't be read says why and leaves the others standing."""
    system = part(lambda: _system(host))
    return Facts(
        hardware=_hardware(host),
        system=None if isinstance(system, Failure) else system,
        system_failure=system if isinstance(system, Failure) else None,
        interfaces=tuple(_interfaces()),
        default_gateways=part(lambda: tuple(gateways(host.read(ROUTES)))),
        name_servers=part(lambda: _name_servers(host)),
        time_zone=part(lambda: _time_zone(host)),
        ssh_host_keys=part(lambda: tuple(_ssh_host_keys(host))),
    )


def _hardware(host: Host) -> Hardware:
    return Hardware(
        vendor=_firmware(host, "sys_vendor"),
        model=_firmware(host, "product_name"),
        serial=_firmware(host, "product_serial"),
        # It exits with 1 where it finds none, after printing `none`.
        virtualization=part(
            lambda: host.run("systemd-detect-virt", exit_codes=(0, 1)).text.strip() or "none"
        ),
        # The first processor stands in the first lines; a large host has a megabyte of them.
        processor=part(lambda: processor_model(host.read(CPUINFO, limit_bytes=4096))),
        logical_cores=psutil.cpu_count(),
        physical_cores=psutil.cpu_count(logical=False),
        memory_bytes=psutil.virtual_memory().total,
        disks=part(lambda: tuple(_disks(host))),
    )


def _firmware(host: Host, name: str) -> str | Failure | None:
    path = f"/sys/class/dmi/id/{name}"
    value = part(lambda: host.read(path, limit_bytes=256).strip() if host.exists(path) else None)
    placeholder = isinstance(value, str) and value.lower() in _PLACEHOLDERS
    return None if placeholder else value


def processor_model(cpuinfo: str) -> str | None:
    """Return the name of the first processor; ARM kernels give numbers of maker and part only."""
    fields: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    if "model name" in fields:
        return fields["model name"]
    maker = fields.get("CPU implementer")
    if maker is None:
        return None
    return f"{_ARM_MAKERS.get(maker, maker)} (part {fields.get('CPU part', '?')})"


def _disks(host: Host) -> Iterator[Disk]:
    for path in host.list(DISK_SIZES):
        folder = path.rpartition("/")[0]
        name = folder.rpartition("/")[2]
        sectors = _text(host, path) or "0"
        if name.startswith(_NO_DISKS) or not sectors.isdecimal() or int(sectors) == 0:
            continue
        model = _text(host, f"{folder}/device/model")
        rotational = _text(host, f"{folder}/queue/rotational")
        yield Disk(
            name,
            int(sectors) * SECTOR_BYTES,
            model,
            rotational == "1" if rotational is not None else None,
        )


def _text(host: Host, path: str) -> str | None:
    value = part(lambda: host.read(path, limit_bytes=256).strip() if host.exists(path) else None)
    return value if isinstance(value, str) and value else None


def _system(host: Host) -> OperatingSystem:
    path = next((path for path in OS_RELEASE if host.exists(path)), OS_RELEASE[0])
    release = os_release(host.read(path))
    return OperatingSystem(
        name=release.get("PRETTY_NAME") or release.get("NAME", "Linux"),
        id=release.get("ID", "linux"),
        version=release.get("VERSION_ID", ""),
        kernel=host.read("/proc/sys/kernel/osrelease", limit_bytes=256).strip(),
        architecture=os.uname().machine,
    )


def os_release(text: str) -> dict[str, str]:
    """Return the fields of an os-release file, unquoted as its manual page says."""
    fields = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        try:
            fields[name] = "".join(shlex.split(value))
        except ValueError:  # a quote that is never closed
            fields[name] = value.strip("\"'")
    return fields


def _interfaces() -> Iterator[Interface]:
    for name, rows in sorted(psutil.net_if_addrs().items()):
        hardware = next((row.address for row in rows if row.family == psutil.AF_LINK), "")
        addresses = tuple(
            _with_prefix(row.address, row.netmask)
            for row in rows
            if row.family != psutil.AF_LINK and not row.address.startswith(("fe80:", "127.", "::1"))
        )
        if addresses:
            yield Interface(name, hardware, addresses)


def _with_prefix(address: str, netmask: str | None) -> str:
    """Return `10.0.0.5/24`; IPv6 addresses come without their prefix."""
    if ":" in address or not netmask:
        return address
    return f"{address}/{sum(int(octet).bit_count() for octet in netmask.split('.'))}"


def gateways(routes: str) -> Iterator[str]:
    """Yield the default gateways of the kernel's IPv4 routes, the lowest metric first."""
    found = []
    for line in routes.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8 or fields[1] != "00000000" or fields[7] != "00000000":
            continue
        try:
            octets = int(fields[2], 16).to_bytes(4, sys.byteorder)
            found.append((int(fields[6]), ".".join(str(octet) for octet in octets)))
        except (ValueError, OverflowError) as error:
            raise UnexpectedOutput(ROUTES, line) from error
    # A default route without a gateway goes out to a line: a tunnel, a modem.
    yield from (address for _, address in sorted(found) if address != "0.0.0.0")  # noqa: S104 - compared, not bound


def _name_servers(host: Host) -> tuple[str, ...]:
    servers = tuple(_nameserver_lines(host.read(RESOLVER)))
    if servers == ("127.0.0.53",) and host.exists(UPSTREAM_RESOLVER):
        return tuple(_nameserver_lines(host.read(UPSTREAM_RESOLVER)))
    return servers


def _nameserver_lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 2 and fields[0] == "nameserver":
            yield fields[1]


def _time_zone(host: Host) -> str:
    if host.exists(ZONE_NAME):
        return host.read(ZONE_NAME, limit_bytes=256).strip()
    target = host.run("readlink", "-f", "/etc/localtime").text.strip()
    return target.partition("/zoneinfo/")[2] or target


def _ssh_host_keys(host: Host) -> Iterator[str]:
    """Yield the public keys, which everybody may read; the private ones beside are not touched."""
    for path in sorted(host.list(SSH_HOST_KEYS))[:_MOST_SSH_KEYS]:
        words = host.read(path, limit_bytes=_LARGEST_KEY_BYTES).split()
        if len(words) >= 2:
            yield " ".join(words[:2])


CHECK = Check(
    title=Text("主机配置清单", "Inventory"),
    chapter=Chapter.HOST,
    facts=Facts,
    probe=probe,
    rules=(),
    privilege=Text(
        "普通用户；读取序列号需要 root", "unprivileged user; root for the serial number"
    ),
    reads=(
        "/sys/class/dmi/id/{sys_vendor,product_name,product_serial}",
        "/sys/block/*/{size,device/model,queue/rotational}",
        CPUINFO,
        "/proc/meminfo",
        *OS_RELEASE,
        "/proc/sys/kernel/osrelease",
        "uname",
        "getifaddrs",
        ROUTES,
        RESOLVER,
        UPSTREAM_RESOLVER,
        ZONE_NAME,
        SSH_HOST_KEYS,
        "readlink -f /etc/localtime",
        "systemd-detect-virt",
    ),
)
