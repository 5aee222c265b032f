"""The programs that the agent is measured beside: Debian's packages and one bare script.

A peer that is not installed is named as such, not left out and not guessed.
"""

import shlex
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.processes import Usage, measure, measure_server

PLUGINS = Path("/usr/lib/nagios/plugins")
TEN_PLUGINS = (
    ("check_disk", "-w", "20%", "-c", "10%", "-l"),
    ("check_disk", "-W", "20%", "-K", "10%", "-l"),
    ("check_load", "-w", "15,10,5", "-c", "30,20,10"),
    ("check_procs", "-w", "500"),
    ("check_procs", "-s", "Z", "-w", "5"),
    ("check_procs", "-m", "RSS", "-w", "4000000"),
    ("check_swap", "-w", "20%", "-c", "10%"),
    ("check_file_age", "-w", "604800", "-f", "/etc/hostname"),
    ("check_icmp", "-n", "1", "127.0.0.1"),
    ("check_ping", "-H", "127.0.0.1", "-w", "100,20%", "-c", "500,60%", "-p", "1"),
)
"""Those that can work anywhere: check_ntp_time without a server only waits, busily, for its
timeout, and check_users crashes where nobody has signed in yet."""
BARE_SCRIPT = """
import json, psutil
print(json.dumps([
    psutil.cpu_times(), psutil.getloadavg(), psutil.virtual_memory(), psutil.swap_memory(),
    [(each.mountpoint, psutil.disk_usage(each.mountpoint)) for each in psutil.disk_partitions()],
    psutil.net_io_counters(pernic=True), psutil.net_if_stats(), psutil.boot_time(),
    [each.info for each in psutil.process_iter(["pid", "name", "status"])],
]))
"""

Measured = tuple[str, list[Usage]]


def host_peers(*, tiny: bool = False) -> list[Measured]:
    """Return what each peer took; an empty list where it is not installed."""
    if tiny:
        return [("a bare psutil script", [_bare_script()])]
    return list(_host_peers())


def package_peer() -> Measured:
    """Return what asking apt for pending updates takes by itself."""
    name = "apt-get -s upgrade"
    if shutil.which("apt-get") is None:
        return name, []
    return name, [measure(["apt-get", "-s", "upgrade"]) for _ in range(3)]


def _host_peers() -> Iterator[Measured]:
    yield "a bare psutil script", [_bare_script() for _ in range(5)]
    yield "ten monitoring plugins", [_plugins() for _ in range(5)] if _have_plugins() else []
    yield (
        "node_exporter, start and one scrape",
        [_node_exporter() for _ in range(5)] if shutil.which("prometheus-node-exporter") else [],
    )
    yield (
        "zabbix_agentd -p",
        [measure(["zabbix_agentd", "-p"]) for _ in range(5)]
        if shutil.which("zabbix_agentd")
        else [],
    )
    # About a minute; once is enough to see the order of magnitude.
    yield "lynis audit system --quick", [_lynis()] if shutil.which("lynis") else []


def _bare_script() -> Usage:
    return measure([sys.executable, "-c", BARE_SCRIPT])


def _have_plugins() -> bool:
    return all((PLUGINS / plugin[0]).is_file() for plugin in TEN_PLUGINS)


def _plugins() -> Usage:
    # One shell starts them, as NRPE or a scheduler would; their exit codes are their verdicts.
    lines = [f"{PLUGINS}/{shlex.join(plugin)} || :" for plugin in TEN_PLUGINS]
    return measure(["sh", "-c", "\n".join(lines)])


def _node_exporter() -> Usage:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = ["prometheus-node-exporter", f"--web.listen-address={address}"]
    return measure_server(command, f"http://{address}/metrics")


def _lynis() -> Usage:
    with tempfile.TemporaryDirectory(prefix="xunjian-bench-") as folder:
        command = ["lynis", "audit", "system", "--quick", "--quiet", "--no-colors"]
        command += ["--logfile", f"{folder}/log", "--report-file", f"{folder}/report"]
        return measure(command, codes=None)
