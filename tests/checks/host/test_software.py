"""Software is found in either package database, and among the processes where it has no package."""

import subprocess

import pytest

from agent.host import LocalHost
from checks.host import software
from checks.host.software import DPKG_COMMAND, RPM_COMMAND, Package, Running, installed, running
from tests.situation import CapturedHost
from wire.messages import Failure, Reason


def test_packages_that_matter_are_taken_and_removed_ones_are_not() -> None:
    lines = (
        "ii \tpostgresql-15\t15.18-0+deb12u1\n"
        "ii \tpostgresql-common\t248\n"
        "rc \tnginx\t1.22.1-9\n"
        "ii \tmariadb-server\t1:10.11.6\n"
        "ii \tlibc6\t2.36-9\n"
        "ii \tbroken line without a version\n"
    )
    assert list(installed(lines)) == [
        Package("MariaDB", "mariadb-server", "1:10.11.6"),
        Package("PostgreSQL", "postgresql-15", "15.18-0+deb12u1"),
    ]


@pytest.mark.parametrize(
    ("product", "package"),
    [
        ("PostgreSQL", "postgresql15-server"),
        ("MySQL", "mysql-community-server"),
        ("MySQL", "mysql-server-8.0"),
        ("MariaDB", "MariaDB-server"),
        ("SQL Server", "mssql-server"),
        ("Oracle Database", "oracle-database-ee-19c"),
        ("Java", "java-1.8.0-openjdk-headless"),
        ("Docker", "docker.io"),
        ("nginx", "tengine"),
    ],
)
def test_a_product_is_known_by_its_packages(product: str, package: str) -> None:
    assert [found.product for found in installed(f"ii\t{package}\t1-1\n")] == [product]


def test_a_red_hat_family_is_asked_by_its_own_tool() -> None:
    command = {"command": list(RPM_COMMAND), "output": "ii\tredis\t5.0.3-5.el8\n"}
    host = CapturedHost({"files": {"/var/lib/rpm/Packages": ""}, "commands": [command]})
    assert software.probe(host).packages == (Package("Redis", "redis", "5.0.3-5.el8"),)


def test_a_package_database_that_hangs_leaves_the_processes() -> None:
    command = {"command": list(DPKG_COMMAND), "failure": "timeout"}
    host = CapturedHost({"files": {"/var/lib/dpkg/status": ""}, "commands": [command]})
    facts = software.probe(host)
    assert facts.packages == Failure(Reason.TIMEOUT, "dpkg-query")


def test_a_system_without_a_known_database_is_unsupported() -> None:
    facts = software.probe(CapturedHost({}))
    assert facts.packages == Failure(Reason.UNSUPPORTED, "package database", "neither dpkg nor rpm")


def test_processes_are_counted_and_java_is_told_apart() -> None:
    tomcat = ["/usr/bin/java", "-Xmx4g", "org.apache.catalina.startup.Bootstrap", "start"]
    found = running(
        [
            ("postgres", ()),
            ("postgres", ()),
            ("ora_pmon_ORCL", ()),
            ("dmserver", ()),
            ("java", tomcat),
            ("java", ()),
            ("bash", ()),
        ]
    )
    assert list(found) == [
        Running("Java", 1),
        Running("Oracle Database", 1),
        Running("PostgreSQL", 2),
        Running("Tomcat", 1),
        Running("达梦 DM", 1),
    ]


def test_the_live_packages_agree_with_dpkg() -> None:
    packages = software.probe(LocalHost()).packages
    if isinstance(packages, Failure):
        assert packages.reason in (Reason.UNSUPPORTED, Reason.MISSING_TOOL)
        return
    for found in packages:
        version = subprocess.check_output(
            ["dpkg-query", "-W", "-f", "${Version}", found.package], text=True
        )
        assert version == found.version
