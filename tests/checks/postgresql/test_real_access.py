"""Access rules, roles and rights on a real PostgreSQL: what each account may see, and what not."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from psycopg import sql

from agent.databases.subject import ConfiguredDatabase
from checks.api import Check
from checks.discovery import discover
from checks.errors import NotPermitted
from checks.postgresql import access, connections, roles, sessions
from scripts.postgresql import Cluster
from tests.databases import judged
from tests.databases import postgresql as signed_in
from tests.postgresql_servers import connect, states, verdicts

MINE = (
    *("access", "archiving", "connections", "instance", "replication", "roles"),
    *("sessions", "settings", "slots", "wraparound"),
)
CHECKS = {name: discover().checks[f"postgresql.{name}"] for name in MINE}


@pytest.fixture
def rules(postgresql: Cluster) -> Iterator[Path]:
    """Give the server's pg_hba.conf, and put it back."""
    file = Path(postgresql.folder, "data/pg_hba.conf")
    text = file.read_text()
    yield file
    file.write_text(text)


@pytest.fixture
def account(postgresql: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a login with nothing but the roles that the test asks for."""
    postgresql.administer(
        sql.SQL("CREATE ROLE xunjian_watch LOGIN PASSWORD {}").format(
            sql.Literal(postgresql.password)
        )
    )
    for role in getattr(request, "param", ()):
        postgresql.administer(f"GRANT {role} TO xunjian_watch")
    yield "xunjian_watch"
    postgresql.administer("DROP ROLE xunjian_watch")


def add(file: Path, line: str) -> None:
    with file.open("a") as opened:
        opened.write(f"{line}\n")


def test_trust_is_told_until_it_is_taken_out(postgresql: Cluster, rules: Path) -> None:
    with signed_in(postgresql) as asked:
        assert states(access.CHECK, "PG-031", asked) == {"": "ok"}
        before = rules.read_text()
        add(rules, "host all all 10.0.0.0 255.0.0.0 trust")
        add(rules, "host erp app 0.0.0.0/0 md5")
        add(rules, 'host "all" all ::1/128 trust')
        add(rules, "host all all 10.0.0.0/33 md5")
        number = len(rules.read_text().splitlines())
        assert states(access.CHECK, "PG-031", asked) == {
            "host all all 10.0.0.0/8 trust": "critical",
            "host erp app 0.0.0.0/0 md5": "warning",
            "host all all ::1/128 trust": "warning",
            f"line {number}": "warning",
            "": "ok",
        }
        rules.write_text(before)
        assert states(access.CHECK, "PG-031", asked) == {"": "ok"}


@pytest.mark.parametrize("account", [("pg_monitor",)], indirect=True)
def test_the_file_tells_what_the_view_refuses_to_pg_monitor(
    postgresql: Cluster, account: str, rules: Path
) -> None:
    add(rules, "host all all 10.0.0.0 255.0.0.0 trust")
    ldap = 'ldapserver=a ldapbasedn="dc=a" ldapbinddn="cn=b" ldapbindpasswd="hidden word"'
    add(rules, f'host erp,hr "all" samenet  ldap {ldap} # why')
    add(rules, 'hostnossl  "my db",+group  app  .example.com\tmd5')
    add(rules, "host all all fe80::1/10 \\\n  reject")
    add(rules, "host all all fe80::1 ffff:ffff:: password")
    add(rules, "local  replication all peer map=a")
    add(rules, "host all all 10.0.0.0/8")
    with signed_in(postgresql) as asked:
        by_view = access.probe(asked)
    with signed_in(postgresql, user=account) as asked:
        by_file = access.probe(asked)
    assert by_view.source != by_file.source
    assert by_view.entries == by_file.entries
    assert "hidden" not in str(by_file)


@pytest.mark.parametrize("account", [("pg_monitor",)], indirect=True)
def test_pg_monitor_may_read_all_but_passwords_and_access_rules(
    postgresql: Cluster, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the server ran on another host than the agent.
    monkeypatch.setattr(ConfiguredDatabase, "here", None)
    with signed_in(postgresql, user=account) as asked:
        for name, check in CHECKS.items():
            if name == "access":
                with pytest.raises(NotPermitted, match="pg_hba_file_rules"):
                    judged(check, asked)
            else:
                assert refused(check, asked) == ({"md5"} if name == "roles" else set()), name


def test_an_account_without_pg_monitor_is_told_what_it_may_not_see(
    postgresql: Cluster, account: str
) -> None:
    with (
        connect(postgresql),
        signed_in(postgresql, user=account) as asked,
    ):
        with pytest.raises(NotPermitted, match="pg_hba_file_rules"):
            access.probe(asked)
        found = {name: refused(CHECKS[name], asked) for name in MINE if name != "access"}
        assert connections.probe(asked).states is None
        assert not sessions.probe(asked).sessions
    assert {name for name, objects in found.items() if objects} == {
        *("archiving", "roles", "sessions")
    }


def refused(check: Check[object], asked: ConfiguredDatabase) -> set[str]:
    """Return the objects that could not be judged, and demand that each lacked a right."""
    missing = [each for each in judged(check, asked).values() if each.state.value == "not_run"]
    assert {each.failure.reason.value for each in missing if each.failure} <= {"permission"}
    return {each.object for each in missing}


def test_superusers_and_ending_passwords_are_told_until_they_are_put_right(
    postgresql: Cluster,
) -> None:
    names = [f"xunjian_super_{number}" for number in range(2)]
    with signed_in(postgresql) as asked:
        assert states(roles.CHECK, "PG-032", asked)["SUPERUSER"] == "ok"
        for name in names:
            postgresql.administer(f"CREATE ROLE {name} LOGIN SUPERUSER")
        found = verdicts(roles.CHECK, "PG-032", asked)["SUPERUSER"]
        assert found.state.value == "warning"
        assert names[0] in str(found.message)
        first, second = names
        postgresql.administer(f"ALTER ROLE {first} NOSUPERUSER")
        assert states(roles.CHECK, "PG-032", asked)["SUPERUSER"] == "ok"

        place = f"VALID UNTIL {first}"
        for until_when, state in (
            ("-1 day", "critical"),
            ("2 days", "critical"),
            ("5 days", "warning"),
            ("90 days", "ok"),
        ):
            end = postgresql.ask(f"SELECT (now() + interval '{until_when}')::text")[0][0]
            postgresql.administer(f"ALTER ROLE {first} VALID UNTIL '{end}'")
            assert states(roles.CHECK, "PG-032", asked)[place] == state
        postgresql.administer(f"ALTER ROLE {first} VALID UNTIL 'infinity'")
        assert place not in states(roles.CHECK, "PG-032", asked)

        with connect(postgresql) as held:
            held.execute("SET password_encryption = 'md5'")
            held.execute(f"ALTER ROLE {second} PASSWORD 'hidden-word'")
        assert states(roles.CHECK, "PG-032", asked)["md5"] == "warning"
        stored = postgresql.ask(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{second}'")
        assert str(stored[0][0]) not in str(roles.probe(asked))
        with connect(postgresql) as held:
            held.execute(f"ALTER ROLE {second} PASSWORD 'hidden-word'")
        assert states(roles.CHECK, "PG-032", asked)["md5"] == "ok"
    for name in names:
        postgresql.administer(f"DROP ROLE {name}")


ELSEWHERE = {"SLOTS", "SLOTS_9", "STANDBYS_9", "REPLAY_9", "WAITING_9"}
"""Queries with names that 15 does not know: of 17, and of 9.x."""


def test_queries_for_other_versions_run_where_their_names_are_known(postgresql: Cluster) -> None:
    asked_queries = 0
    with signed_in(postgresql) as asked:
        for check in CHECKS.values():
            for name, query in queries(check).items():
                if name not in ELSEWHERE and "pg_is_wal_replay_paused" not in query:
                    asked.rows(query)
                    asked_queries += 1
    assert asked_queries > 25


def queries(check: Check[object]) -> dict[str, str]:
    """Return the queries of a check's module and of that of its facts."""
    assert check.probe is not None
    found = {**vars(import_module(check.facts.__module__))}
    return {
        name: value
        for name, value in found.items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str)
    }
