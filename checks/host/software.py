"""Software: installed and running versions of what a customer's system is built on."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import psutil

from checks.api import Chapter, Check, Host, Struct, Text
from checks.errors import Unsupported, part
from wire.messages import Failure

DPKG_DATABASE = "/var/lib/dpkg/status"
RPM_DATABASES = ("/var/lib/rpm", "/usr/lib/sysimage/rpm")
RPM_FILES = ("Packages", "Packages.db", "rpmdb.sqlite")
FRESH_WHILE = (
    DPKG_DATABASE,
    *(f"{folder}/{name}" for folder in RPM_DATABASES for name in RPM_FILES),
)
DPKG_COMMAND = ("dpkg-query", "-W", "-f", "${db:Status-Abbrev}\\t${Package}\\t${Version}\\n")
RPM_COMMAND = ("rpm", "-qa", "--qf", "ii\\t%{NAME}\\t%{VERSION}-%{RELEASE}\\n")


class Product(Struct, frozen=True):
    """A product, the packages that hold its server, the names of its processes."""

    name: str
    packages: str = ""
    """A regular expression for the whole package name; empty: it comes without a package."""
    processes: str = ""
    """A regular expression for the whole process name."""
    argument: str = ""
    """Text in the command line that tells products of one process name (java) apart."""


PRODUCTS = (
    Product("PostgreSQL", r"postgresql(\d*-server|-\d+)?", r"postgres|postmaster"),
    Product("MySQL", r"mysql-(community-|commercial-)?server(-[\d.]+)?", r"mysqld"),
    Product("MariaDB", r"(?i:mariadb)-server(-[\d.]+)?", r"mariadbd"),
    Product("SQL Server", r"mssql-server", r"sqlservr"),
    Product("Oracle Database", r"oracle-(database|xe|ee).*", r"ora_pmon_.+"),
    Product("达梦 DM", "", r"dmserver"),
    Product("KingbaseES", r"kingbase.*", r"kingbase"),
    Product("openGauss", r"opengauss.*", r"gaussdb"),
    Product("Redis", r"redis(-server)?|valkey(-server)?", r"redis-server|valkey-server"),
    Product("MongoDB", r"mongodb(-org-server|-server)?", r"mongod"),
    Product("nginx", r"nginx|openresty|tengine", r"nginx"),
    Product("Apache httpd", r"apache2|httpd", r"apache2|httpd"),
    Product("Tomcat", r"tomcat\d*", r"java", "org.apache.catalina.startup.Bootstrap"),
    Product("WebLogic", "", r"java", "weblogic.Server"),
    Product(
        "Java", r"openjdk-\d+-j(re|dk)-headless|java-[\d.]+-openjdk-headless|temurin-.+", "java"
    ),
    Product("Docker", r"docker-ce|docker\.io|docker-engine|moby-engine", r"dockerd"),
    Product("Podman", r"podman"),
    Product("Python", r"python3", r""),
    Product("PHP", r"php[\d.]*-fpm|php-fpm", r"php-fpm.*"),
    Product("Node.js", r"nodejs", r"node"),
    Product("RabbitMQ", r"rabbitmq-server", r"beam\.smp", "rabbit"),
    Product("HAProxy", r"haproxy", r"haproxy"),
    Product("Keepalived", r"keepalived", r"keepalived"),
    Product("Samba", r"samba", r"smbd"),
    Product("NFS server", r"nfs-kernel-server|nfs-utils", r"nfsd"),
    Product("OpenSSH", r"openssh-server", r"sshd"),
)


class Package(Struct, frozen=True):
    """One installed package of a product that matters."""

    product: str
    package: str
    version: str


class Running(Struct, frozen=True):
    """A product that runs, by whatever way it was installed."""

    product: str
    processes: int


class Facts(Struct, frozen=True):
    """What is installed from packages, and what runs."""

    packages: tuple[Package, ...] | Failure
    running: tuple[Running, ...]


def probe(host: Host) -> Facts:
    """Ask the package database once, and look at the names of the processes."""
    return Facts(
        packages=part(lambda: tuple(installed(_package_lines(host)))),
        running=tuple(running(_processes())),
    )


def _package_lines(host: Host) -> str:
    if host.exists(DPKG_DATABASE):
        return host.run(*DPKG_COMMAND, timeout_seconds=15).text
    if any(host.exists(folder) for folder in RPM_DATABASES):
        return host.run(*RPM_COMMAND, timeout_seconds=15).text
    raise Unsupported("package database", "neither dpkg nor rpm")


def installed(lines: str) -> Iterator[Package]:
    """Yield the packages that matter from lines of `status, name, version`, sorted."""
    # Compiled here and not above: the agent loads every check, but runs this one rarely.
    any_product = re.compile("|".join(f"(?:{it.packages})" for it in PRODUCTS if it.packages))
    found = set()
    for line in lines.splitlines():
        status, _, rest = line.partition("\t")
        name, _, version = rest.partition("\t")
        # `ii`: wanted and installed; `rc` has only left its configuration behind.
        if status.strip() != "ii" or not any_product.fullmatch(name):
            continue
        for product in PRODUCTS:
            if product.packages and re.fullmatch(product.packages, name):
                found.add((product.name, name, version.strip()))
    yield from (Package(*row) for row in sorted(found))


def _processes() -> Iterator[tuple[str, Sequence[str]]]:
    """Yield name and command line of every process; the latter only where a rule needs it."""
    asked = {product.processes for product in PRODUCTS if product.argument}
    for process in psutil.process_iter(["name"]):
        name = process.info["name"] or ""
        arguments: Sequence[str] = ()
        if any(re.fullmatch(pattern, name) for pattern in asked):
            try:
                arguments = process.cmdline()
            except psutil.Error:  # it ended, or belongs to somebody else: its name still counts
                arguments = ()
        yield name, arguments


def running(processes: Iterable[tuple[str, Sequence[str]]]) -> Iterator[Running]:
    """Yield the products that run; a process counts for the first product it fits."""
    counted = Counter(product for name, arguments in processes if (product := _of(name, arguments)))
    yield from (Running(product, counted[product]) for product in sorted(counted))


def _of(name: str, arguments: Sequence[str]) -> str | None:
    for product in PRODUCTS:
        if not product.processes or not re.fullmatch(product.processes, name):
            continue
        if not product.argument or any(product.argument in argument for argument in arguments):
            return product.name
    return None


CHECK = Check(
    title=Text("已安装与运行中的软件", "Software installed and running"),
    chapter=Chapter.HOST,
    facts=Facts,
    probe=probe,
    rules=(),
    heavy=True,
    fresh_while=FRESH_WHILE,
    deadline_seconds=30,
    reads=(
        " ".join(DPKG_COMMAND[:2]),
        " ".join(RPM_COMMAND[:2]),
        "/proc/*/stat",
        "/proc/*/cmdline (java, beam.smp)",
        *(f"{path} (date)" for path in FRESH_WHILE),
    ),
)
