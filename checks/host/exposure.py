"""What this host offers to the network: listeners on risky ports, and how sshd lets people in."""

import ipaddress
from collections.abc import Iterator
from typing import Annotated

import psutil

from checks.api import (
    Chapter,
    Check,
    Failure,
    Host,
    Past,
    Rule,
    Scope,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.errors import NotPermitted, ProbeError, part
from checks.host._sshd_settings import (
    Setting,
    configured_sshd_settings,
    effective_sshd_settings,
)
from checks.wording import listing
from wire.messages import Reason

RISKY_PORTS = {
    21: "FTP",
    22: "SSH",
    23: "Telnet",
    111: "RPC portmapper",
    139: "NetBIOS",
    445: "SMB",
    873: "rsync",
    1433: "SQL Server",
    1521: "Oracle",
    2049: "NFS",
    2375: "Docker API",
    2379: "etcd",
    3306: "MySQL",
    3389: "RDP",
    5236: "达梦 DM",
    5432: "PostgreSQL",
    5900: "VNC",
    6379: "Redis",
    9200: "Elasticsearch",
    11211: "memcached",
    27017: "MongoDB",
    54321: "KingbaseES",
}


class Listener(Struct, frozen=True):
    """One listening TCP socket."""

    address: str
    port: int
    process: str = ""
    """Name of the program; empty where it is not visible to the agent's account."""


class Facts(Struct, frozen=True):
    """The listeners, and sshd's settings that decide who gets in."""

    listeners: tuple[Listener, ...] | Failure
    sshd: tuple[Setting, ...] | Failure
    """Empty where no OpenSSH server is installed. A keyword that is absent has its default."""
    sshd_effective: bool = False
    """True where sshd itself printed its settings, defaults included."""


def probe(host: Host) -> Facts:
    """Read the listening sockets and sshd's settings."""
    listeners = part(read_listeners)
    configured = part(lambda: configured_sshd_settings(host))
    if isinstance(configured, tuple) and "permitrootlogin" in {one.keyword for one in configured}:
        return Facts(listeners, configured)
    try:
        # Asked only where the files leave root's sign-in open: it costs more than all the rest,
        # and needs root to open the host keys.
        return Facts(listeners, effective_sshd_settings(host), sshd_effective=True)
    except ProbeError:
        return Facts(listeners, configured)


def read_listeners() -> tuple[Listener, ...]:
    """Return the listening TCP sockets of this machine, without duplicates."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied as error:
        raise NotPermitted("net_connections") from error
    listening = {
        (str(one.laddr.ip), int(one.laddr.port), one.pid)
        for one in connections
        if one.status == psutil.CONN_LISTEN
    }
    names = {pid: _process_name(pid) for _, _, pid in listening if pid}
    found = {Listener(address, port, names.get(pid, "")[:64]) for address, port, pid in listening}
    return tuple(sorted(found, key=lambda one: (one.port, one.address, one.process)))


def _process_name(pid: int) -> str:
    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return ""  # It ended, or belongs to somebody else; the socket counts all the same.


class ExposureThresholds(Thresholds, frozen=True):
    """Which ports count, and which of them are accepted on this host."""

    risky_ports: Annotated[
        tuple[int, ...], limit("TCP ports", "CIS; DBC service and port checks; databases OWN")
    ] = tuple(RISKY_PORTS)
    accepted_ports: Annotated[
        tuple[int, ...], limit("TCP ports", "OWN: agreed with the customer, per role of the host")
    ] = ()


def exposure(facts: Facts, thresholds: ExposureThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge every risky port that listens, and the three settings of sshd."""
    if isinstance(facts.listeners, Failure):
        yield not_run("listeners", facts.listeners)
    else:
        yield from _ports(facts.listeners, thresholds)
    yield from _sshd(facts)


def _ports(listeners: tuple[Listener, ...], thresholds: ExposureThresholds) -> Iterator[Verdict]:
    reference = Text("仅本机或受限来源可访问", "reachable from this host or named sources only")
    risky = [one for one in listeners if one.port in thresholds.risky_ports]
    if not risky:
        yield ok("listeners", Text("无高风险端口监听", "no risky port listens"), reference)
    for port in sorted({one.port for one in risky}):
        mine = [one for one in risky if one.port == port]
        addresses = listing(sorted({one.address for one in mine}))
        programs = listing(sorted({one.process for one in mine} - {""}))
        current = Text.same(f"{addresses} {programs}".strip())
        open_to = [one for one in mine if not _loopback(one.address)]
        if not open_to or port in thresholds.accepted_ports:
            yield ok(f"tcp/{port}", current, reference)
            continue
        yield warning(
            f"tcp/{port}",
            current,
            reference,
            Text(
                "高风险端口 {port}（{what}{program}）监听在 {addresses}，"
                "网络上的其他主机可以尝试连接；主机外的防火墙是否拦截需另行确认。",
                "The risky port {port} ({what}{program}) listens on {addresses}: other hosts can"
                " try to connect. Whether a firewall elsewhere stops them is not known here.",
            ).format(
                port=port,
                what=RISKY_PORTS.get(port, "TCP"),
                program=f", {programs}" if programs else "",
                addresses=listing(sorted({one.address for one in open_to})),
            ),
        )


def _loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def _sshd(facts: Facts) -> Iterator[Verdict]:
    if isinstance(facts.sshd, Failure):
        yield not_run("sshd", facts.sshd)
        return
    if not facts.sshd and not facts.sshd_effective:
        has_server = not isinstance(facts.listeners, Failure) and any(
            one.port == 22 for one in facts.listeners
        )
        if not has_server:
            yield not_applicable(
                "sshd", Text("本机没有 OpenSSH 服务。", "There is no OpenSSH server here.")
            )
            return
    values = {one.keyword: one.value for one in facts.sshd}
    yield _root_login(values.get("permitrootlogin"))
    # These two defaults are the same in every OpenSSH that is in use; root's is not.
    yield _password_login(values.get("passwordauthentication", "yes"))
    yield _empty_passwords(values.get("permitemptypasswords", "no"))


def _root_login(value: str | None) -> Verdict:
    name, reference = "sshd:PermitRootLogin", Text.same("no / prohibit-password")
    if value is None:
        failure = Failure(Reason.PERMISSION, "sshd -T", "the default differs between versions")
        return not_run(name, failure)
    if value != "yes":
        return ok(name, Text.same(value), reference)
    return warning(
        name,
        Text.same(value),
        reference,
        Text(
            "sshd 允许 root 直接用口令登录（PermitRootLogin yes），易被暴力破解且无法追溯到人。",
            "sshd lets root sign in with a password (PermitRootLogin yes): open to guessing, and"
            " nobody can tell who it was.",
        ),
    )


def _password_login(value: str) -> Verdict:
    name, reference = "sshd:PasswordAuthentication", Text.same("no")
    if value != "yes":
        return ok(name, Text.same(value), reference)
    return warning(
        name,
        Text.same(value),
        reference,
        Text(
            "sshd 允许口令登录（PasswordAuthentication yes），建议改用密钥登录。",
            "sshd accepts passwords (PasswordAuthentication yes); keys are safer.",
        ),
    )


def _empty_passwords(value: str) -> Verdict:
    name, reference = "sshd:PermitEmptyPasswords", Text.same("no")
    if value != "yes":
        return ok(name, Text.same(value), reference)
    return critical(
        name,
        Text.same(value),
        reference,
        Text(
            "sshd 允许空口令登录（PermitEmptyPasswords yes）。",
            "sshd accepts empty passwords (PermitEmptyPasswords yes).",
        ),
    )


CHECK = Check(
    title=Text("网络暴露面", "Exposure to the network"),
    chapter=Chapter.SECURITY,
    facts=Facts,
    probe=probe,
    reads=(
        "listening TCP sockets and the names of their processes",
        "sshd -T",
        "/etc/ssh/sshd_config",
        "/etc/ssh/sshd_config.d/*.conf",
    ),
    privilege=Text(
        "root（sshd -T 与其他用户的进程名）", "root (sshd -T, and names of others' processes)"
    ),
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(
        Rule(
            "OS-SEC-003",
            Text("高风险端口与 SSH 登录设置", "Risky ports and SSH sign-in"),
            why=Text(
                "数据库、远程管理等端口直接暴露在网络上，是勒索病毒和数据泄露最常见的入口。",
                "Database and administration ports open to the network are the most common way in"
                " for ransomware and data theft.",
            ),
            remedy=Text(
                "用防火墙只放行业务服务器和堡垒机的地址"
                "（如 firewall-cmd --add-rich-rule 或 ufw allow from）；"
                "仅本机使用的服务改为监听 127.0.0.1；"
                "在 sshd_config 中设置 PermitRootLogin no、PasswordAuthentication no"
                "（先部署密钥）、PermitEmptyPasswords no，用 sshd -t 检查后重载服务。",
                "Let only application servers and the bastion through the firewall (firewall-cmd"
                " --add-rich-rule, ufw allow from); bind local services to 127.0.0.1; set"
                " PermitRootLogin no, PasswordAuthentication no (deploy keys first) and"
                " PermitEmptyPasswords no in sshd_config, test with sshd -t and reload.",
            ),
            priority=1,
            thresholds=ExposureThresholds,
            evaluate=exposure,
        ),
    ),
)
