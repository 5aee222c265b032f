"""A made-up ERP server: the facts of every check on any day of a year, without chance.

The shape is that of a real run of the agent on Debian 12 (same fields, lengths and numbers of
rows); what moves over a year moves here: volumes fill, load comes and goes with the week, the host
is restarted every quarter, updates wait and are installed.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

YEAR = 2026
MEBIBYTE, GIBIBYTE = 2**20, 2**30
_START = datetime(YEAR, 1, 1, 0, 30, tzinfo=UTC)
_SERVICES = (
    *("cron", "dbus", "ssh", "rsyslog", "chrony", "polkit", "postgresql@15-main", "nginx"),
    *("systemd-journald", "systemd-logind", "systemd-udevd", "unattended-upgrades", "erp-portal"),
    *("erp-server", "erp-scheduler", "getty@tty1", "zabbix-agent", "user@0"),
)
_VOLUMES = (
    # mount point, device, GiB, share in use on the first day, growth of the share in a year
    ("/", "/dev/sda2", 60, 0.41, 0.09),
    ("/backup", "/dev/sdc1", 2048, 0.55, 0.40),
    ("/data", "/dev/sdb1", 1024, 0.48, 0.30),
    ("/var", "/dev/sda3", 120, 0.35, 0.22),
)
_PACKAGES = (
    *("openssl", "libssl3", "linux-image-amd64", "bind9-host", "curl", "libcurl4", "git", "vim"),
    *("postgresql-15", "postgresql-client-15", "nginx", "nginx-common", "openssh-server", "sudo"),
    *("openssh-client", "libexpat1", "libxml2", "python3.11", "systemd", "systemd-timesyncd"),
)
_MESSAGES = (
    ("erp-server", 3, "Connection to licence server lost, retry in # s"),
    ("postgresql", 3, "FATAL: remaining connection slots are reserved for superuser"),
    ("sshd", 3, "error: kex_exchange_identification: Connection closed by remote host"),
    ("nginx", 3, "upstream timed out (#: Connection timed out) while reading response header"),
    ("kernel", 4, "TCP: request_sock_TCP: Possible SYN flooding on port #. Sending cookies."),
)


@dataclass(frozen=True)
class Server:
    """One of the servers."""

    name: str
    number: int
    """0, 1, 2 …: makes each a little different."""


SERVERS = tuple(
    Server(name, number)
    for number, name in enumerate(("erp-app-01", "erp-db-01", "erp-db-02", "file-01", "web-01"))
)


def moment(server: Server, day: int) -> datetime:
    """Return when the server is inspected on a day of the year (0 is the first)."""
    return _START + timedelta(days=day, minutes=7 * server.number)


def boot_id(server: Server, day: int) -> str:
    """Return the id of the boot that a day lies in: a restart every quarter."""
    return f"{server.name}-boot-{day // 91}"


def facts(server: Server, day: int) -> dict[str, dict[str, Any]]:
    """Return the facts of every check, by the check's id, as JSON values."""
    at = moment(server, day)
    return {
        "host.accounts": {
            "accounts": 31 + server.number,
            "root_accounts": ["root"],
            "administrators": ["admin", "deploy"],
            "without_password": [],
        },
        "host.certificates": _certificates(server),
        "host.clock": {
            "service": "chronyd",
            "source": "ntp.aliyun.com",
            "stratum": 3,
            "offset_seconds": 0.004 * _wave(server, day, 11),
        },
        "host.exposure": _exposure(server),
        "host.file_system_errors": {
            "error_counts": [
                {"device": device, "mount_point": place, "errors": 0, "last_error_at": None}
                for place, device, *_ in _VOLUMES
            ]
        },
        "host.inventory": _inventory(server),
        "host.kernel_log": _log(server, day, at),
        "host.memory": _memory(server, day),
        "host.mounts": _mounts(),
        "host.network_interfaces": _interfaces(server, day),
        "host.processor": _processor(server, day),
        "host.release": {
            "system_id": "debian",
            "version_id": "12",
            "version": "12 (bookworm)",
            "name": "Debian GNU/Linux",
            "running_kernel": f"6.1.0-{20 + day // 91}-amd64",
            "installed_kernels": [f"6.1.0-{20 + day // 91 + step}-amd64" for step in (0, 1)],
            "newest_installed_at": _written(at - timedelta(days=day % 91)),
        },
        "host.services": _services(server, day),
        "host.software": {
            "packages": [
                {"product": "PostgreSQL", "package": "postgresql-15", "version": "15.14-0+deb12u1"},
                {"product": "nginx", "package": "nginx", "version": "1.22.1-9+deb12u3"},
                {"product": "OpenSSH", "package": "openssh-server", "version": "1:9.2p1-2+deb12u7"},
                {"product": "Java", "package": "openjdk-17-jre-headless", "version": "17.0.16+8"},
            ],
            "running": [{"product": "PostgreSQL", "processes": 14}],
        },
        "host.uptime": {
            "booted_at": _written(at - timedelta(days=day % 91, hours=3)),
            "uptime_seconds": 86400.0 * (day % 91) + 10800,
        },
        "host.volumes": {"volumes": [_volume(server, day, place) for place in _VOLUMES]},
        "patch.apt": _updates(server, day, at),
        "patch.reboot": {
            "required": day % 91 > 60,
            "packages": ["linux-image-amd64"] if day % 91 > 60 else [],
            "since": _written(at - timedelta(days=day % 91 - 60)) if day % 91 > 60 else None,
        },
    }


def _wave(server: Server, day: int, period: float) -> float:
    """Return a value between -1 and 1 that swings over `period` days, with a faster ripple."""
    angle = 2 * math.pi * day / period + server.number
    return 0.8 * math.sin(angle) + 0.2 * math.sin(7.3 * angle)


def _written(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _volume(server: Server, day: int, volume: tuple[str, str, int, float, float]) -> dict[str, Any]:
    place, device, size, start, growth = volume
    share = start + growth * day / 365 + 0.03 * server.number + 0.01 * _wave(server, day, 30)
    total = size * GIBIBYTE
    used = int(total * 0.95 * min(share, 0.995))
    files = size * 65536
    return {
        "mount_point": place,
        "device": device,
        "file_system": "ext4",
        "kind": "local",
        "read_only": False,
        "usage": {
            "total_bytes": total,
            "used_bytes": used,
            "free_bytes": int(total * 0.95) - used,
            "files_total": files,
            "files_used": int(files * share / 5),
        },
    }


def _memory(server: Server, day: int) -> dict[str, Any]:
    total = 32 * GIBIBYTE
    return {
        "total_bytes": total,
        "available_bytes": int(total * (0.35 - 0.03 * server.number + 0.1 * _wave(server, day, 7))),
        "swap_total_bytes": 8 * GIBIBYTE,
        "swap_used_bytes": int(8 * GIBIBYTE * (0.12 + 0.1 * _wave(server, day, 45))),
        "oom_kills_since_boot": 0,
    }


def _processor(server: Server, day: int) -> dict[str, Any]:
    busy = 35 + 8 * server.number + 20 * _wave(server, day, 7)
    return {
        "window_seconds": 8.0,
        "samples": 8,
        "logical_cores": 8,
        "physical_cores": 4,
        "busy": _share(busy),
        "iowait": _share(4 + 3 * _wave(server, day, 13)),
        "steal": _share(1 + _wave(server, day, 17)),
        "load1": 8 * busy / 100,
        "load5": 7 * busy / 100,
        "load15": 6 * busy / 100,
    }


def _share(average: float) -> dict[str, float]:
    top = min(max(average, 0) * 1.6, 100.0)
    return {"average_percent": max(average, 0), "p95_percent": top, "max_percent": top}


def _services(server: Server, day: int) -> dict[str, Any]:
    failed = day % 40 < 7 and server.number % 2 == 1
    return {
        "units": [
            {
                "name": f"{name}.service",
                "load": "loaded",
                "active": "failed" if failed and name == "erp-scheduler" else "active",
                "sub": "failed" if failed and name == "erp-scheduler" else "running",
            }
            for name in _SERVICES
        ],
        "restarts": [{"name": "erp-server.service", "count": day % 91 // 30}],
    }


def _certificates(server: Server) -> dict[str, Any]:
    ends = (datetime(2027, 1, 20, tzinfo=UTC), datetime(2028, 6, 1, tzinfo=UTC))
    return {
        "certificates": [
            {
                "place": place,
                "subject": f"CN={server.name}.example.com",
                "issuer": "CN=Example Issuing CA G2,O=Example,C=CN",
                "not_before": "2025-06-01T00:00:00Z",
                "not_after": _written(end),
            }
            for place, end in zip(("/etc/ssl/certs/erp.pem", "tcp/443"), ends, strict=True)
        ],
        "unread": [],
    }


def _exposure(server: Server) -> dict[str, Any]:
    open_to_all = ((22, "sshd"), (80, "nginx"), (443, "nginx"), (5432, "postgres"))
    return {
        "listeners": [
            {"address": "0.0.0.0", "port": port, "process": name} for port, name in open_to_all
        ]
        + [{"address": "127.0.0.1", "port": 8009 + server.number, "process": "java"}],
        "sshd": [
            {"keyword": "permitrootlogin", "value": "yes" if server.number == 3 else "no"},
            {"keyword": "passwordauthentication", "value": "yes"},
            {"keyword": "permitemptypasswords", "value": "no"},
        ],
        "sshd_effective": True,
    }


def _inventory(server: Server) -> dict[str, Any]:
    return {
        "hardware": {
            "vendor": "Inspur",
            "model": "NF5280M5",
            "serial": f"2102311{server.number}",
            "virtualization": "kvm",
            "processor": "Intel(R) Xeon(R) Gold 5218 CPU @ 2.30GHz",
            "logical_cores": 8,
            "physical_cores": 4,
            "memory_bytes": 32 * GIBIBYTE,
            "disks": [
                {"name": name, "size_bytes": size * GIBIBYTE, "model": "VBOX", "rotational": False}
                for name, size in (("sda", 200), ("sdb", 1024), ("sdc", 2048))
            ],
        },
        "system": {
            "name": "Debian GNU/Linux 12 (bookworm)",
            "id": "debian",
            "version": "12",
            "kernel": "6.1.0-23-amd64",
            "architecture": "x86_64",
        },
        "interfaces": [
            {
                "name": "eth0",
                "hardware_address": f"52:54:00:00:00:{server.number:02x}",
                "addresses": [f"192.0.2.{10 + server.number}/24"],
            }
        ],
        "default_gateways": ["192.0.2.1"],
        "name_servers": ["192.0.2.2", "192.0.2.3"],
        "time_zone": "Asia/Shanghai",
    }


def _interfaces(server: Server, day: int) -> dict[str, Any]:
    packets = 40_000_000 * (day % 91 + 1)
    counters = {"packets": packets, "errors": 0, "drops": packets // 900_000}
    return {
        "interfaces": [
            {
                "name": f"eth{number}",
                "up": True,
                "speed_mbit": 10_000,
                "mtu_bytes": 1500,
                "counters": counters,
            }
            for number in range(1 + server.number % 2)
        ]
    }


def _mounts() -> dict[str, Any]:
    entries = [
        {
            "device": device,
            "mount_point": place,
            "file_system": "ext4",
            "options": ["rw", "relatime"],
        }
        for place, device, *_ in _VOLUMES
    ]
    return {"wanted": entries, "mounted": entries, "active_swaps": 1}


def _log(server: Server, day: int, at: datetime) -> dict[str, Any]:
    return {
        "journal": True,
        "truncated": False,
        "groups": [
            {
                "message": message,
                "source": source,
                "priority": priority,
                "count": 1 + (day * 7 + server.number * 3 + place) % 90,
                "first_at": _written(at - timedelta(days=6)),
                "last_at": _written(at - timedelta(hours=5)),
            }
            for place, (source, priority, message) in enumerate(_MESSAGES)
            if (day // 7 + place + server.number) % 3
        ],
    }


def _updates(server: Server, day: int, at: datetime) -> dict[str, Any]:
    waiting = (day // 7 + server.number) % 5 * 4
    return {
        "updates": [
            {
                "package": package,
                "installed": f"{place + 1}.{day // 91}-1+deb12u1",
                "candidate": f"{place + 1}.{day // 91}-1+deb12u2",
                "archives": ["Debian-Security:12/stable-security"],
                "security": place % 2 == 0,
            }
            for place, package in enumerate(_PACKAGES[:waiting])
        ],
        "lists_updated_at": _written(at - timedelta(hours=6)),
        "security_lists_updated_at": _written(at - timedelta(hours=6)),
    }
