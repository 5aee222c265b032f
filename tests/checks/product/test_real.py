"""What the check asks every server of its databases is understood by real ones."""

from checks.api import Failure
from checks.databases import Engine
from checks.product._databases import backup_ages, check_ages, databases
from scripts.postgresql import Cluster
from tests import mariadb as throw_away
from tests.databases import mariadb_database
from tests.databases import postgresql as signed_in
from wire.messages import Reason


def test_postgresql_tells_size_and_state_of_each_database(postgresql: Cluster) -> None:
    name = postgresql.new_database()
    try:
        with signed_in(postgresql) as database:
            found = databases(database)
            assert found[name].state == "ONLINE"
            assert (found[name].size_bytes or 0) > 2**20
            assert "template1" not in found
            postgresql.administer(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            assert databases(database)[name].state == "NO CONNECTIONS"
            ages = backup_ages(database)
            assert isinstance(ages, Failure)
            assert ages.reason is Reason.NOT_APPLICABLE
            assert isinstance(check_ages(database), Failure)
    finally:
        postgresql.administer(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        postgresql.drop_database(name)


def test_mariadb_tells_the_size_of_each_schema(mariadb: throw_away.Server) -> None:
    mariadb.run("CREATE DATABASE erp_set; CREATE TABLE erp_set.t (a int) ENGINE=InnoDB;")
    try:
        _demand_sizes(mariadb)
    finally:
        mariadb.run("DROP DATABASE erp_set;")


def _demand_sizes(mariadb: throw_away.Server) -> None:
    with mariadb_database(mariadb) as database:
        assert database.engine is Engine.MARIADB
        found = databases(database)
        assert "information_schema" not in found
        assert "mysql" not in found
        assert found["erp_set"].size_bytes == 16384
        assert all(row.state == "ONLINE" for row in found.values())
