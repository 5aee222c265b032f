"""The scripts of the least accounts: whole in both languages, for the version that was named."""

import re

import pytest

from agent.cli import main
from agent.databases.granting import script
from agent.errors import AgentError
from checks.databases import Engine
from checks.discovery import discover

VERSIONS = [
    (Engine.MSSQL, "2012"),
    (Engine.MSSQL, "2019"),
    (Engine.MSSQL, "2022"),
    (Engine.POSTGRESQL, "15"),
    (Engine.KINGBASE, "V8R6"),
    (Engine.MYSQL, "8.0"),
    (Engine.MARIADB, "10.4"),
    (Engine.MARIADB, "10.11"),
    (Engine.ORACLE, "11.2"),
    (Engine.ORACLE, "19c"),
    (Engine.DAMENG, "8"),
]


def statements(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("-- ")]


@pytest.mark.parametrize(("engine", "version"), VERSIONS)
def test_both_languages_grant_the_same_and_speak_their_own(engine: Engine, version: str) -> None:
    chinese = script(engine, version, "inspector", "zh-CN")
    english = script(engine, version, "inspector", "en")
    swapped = [re.sub(r"\*{3}.*\*{3}", "", line) for line in statements(chinese)]
    assert swapped == [re.sub(r"\*{3}.*\*{3}", "", line) for line in statements(english)]
    assert not re.search("[一-鿿]", english)
    assert re.search("[一-鿿]", chinese)
    for text, never, optional in (
        (chinese, "切勿授予", "可选"),
        (english, "Never grant", "Optional"),
    ):
        assert never in text
        assert optional in text
        assert "{{" not in text
        assert "inspector" in text
        assert "xunjian" not in text


@pytest.mark.parametrize(("engine", "version"), VERSIONS)
def test_nothing_is_granted_that_must_never_be(engine: Engine, version: str) -> None:
    granting = "\n".join(statements(script(engine, version, "inspector", "en")))
    wrong = (
        r"\bGRANT ALL\b|SYSADMIN|CONTROL SERVER|\bDBA\b|SUPER\b|GRANT OPTION|db_owner|db_datareader"
        r"|pg_read_all_data|pg_write|pg_execute|SELECT ANY|\bFILE\b|INSERT|UPDATE|DELETE|SYSDBA"
        r"|SECURABLES|xp_cmdshell|RESOURCE TO"
    )
    assert re.findall(wrong, granting) == []
    # One place to fill in, in no quotation marks: nothing can be taken for a password.
    assert len(re.findall(r"[*]{3} PUT THE PASSWORD HERE[^*]*[*]{3}", granting)) == 1
    assert not re.search("['\"][*]{3}", granting)


@pytest.mark.parametrize(
    ("engine", "version", "words"),
    [
        (Engine.MSSQL, "2012", "2008 to 2012"),
        (Engine.MSSQL, "2008 R2", "2008 to 2012"),
        (Engine.MSSQL, "11.0.7001", "2008 to 2012"),
        (Engine.MSSQL, "15.0.4345.5", "2014 to 2019"),
        (Engine.MSSQL, "16", "2022 and newer"),
        (Engine.MSSQL, "18", "2022 and newer"),
        (Engine.MSSQL, "", "2022 and newer"),
        (Engine.MYSQL, "5.7.44", "MySQL 5.7, 8.0"),
        (Engine.MYSQL, "10.3.39", "MariaDB 10.3 and 10.4"),
        (Engine.MYSQL, "10.11.6-MariaDB", "MariaDB 10.5 and newer"),
        (Engine.MYSQL, "11.4", "MariaDB 10.5 and newer"),
        (Engine.MARIADB, "", "MariaDB 10.5 and newer"),
        (Engine.ORACLE, "11.2.0.4", "11g R2"),
        (Engine.ORACLE, "12.1.0.1", "11g R2"),
        (Engine.ORACLE, "12.1.0.2", "12.1.0.2 and newer"),
        (Engine.ORACLE, "12c", "12.1.0.2 and newer"),
        (Engine.KINGBASE, "V9", "KingbaseES V8R6, V9"),
    ],
)
def test_the_script_is_that_of_the_version(engine: Engine, version: str, words: str) -> None:
    assert words in script(engine, version, "inspector", "en").splitlines()[0]


@pytest.mark.parametrize(
    ("engine", "version", "user", "words"),
    [
        (Engine.POSTGRESQL, "9.6", "a", "10 is the oldest"),
        (Engine.MYSQL, "5.6", "a", "5.7 is the oldest"),
        (Engine.MSSQL, "2005", "a", "2008 is the oldest"),
        (Engine.MSSQL, "8.0", "a", "2008 is the oldest"),
        (Engine.ORACLE, "10.2", "a", "11.2 is the oldest"),
        (Engine.POSTGRESQL, "newest", "a", "newest is no version"),
        (Engine.POSTGRESQL, "15", 'a"; DROP ROLE b; --', "can't be an account"),
        (Engine.MYSQL, "8", "a'b", "can't be an account"),
        (Engine.MSSQL, "2019", "a]b", "can't be an account"),
        (Engine.ORACLE, "19", "", "can't be an account"),
    ],
)
def test_what_can_not_be_is_said_in_one_sentence(
    engine: Engine, version: str, user: str, words: str
) -> None:
    with pytest.raises(AgentError) as caught:
        script(engine, version, user, "en")
    assert words in caught.value.text.en


def test_sql_server_2022_grants_its_two_states_and_older_ones_the_whole() -> None:
    old, new = (script(Engine.MSSQL, version, "a", "en") for version in ("2019", "2022"))
    assert "GRANT VIEW SERVER STATE TO [a];" in old
    assert "GRANT VIEW SERVER STATE TO [a];" not in new
    for right in ("VIEW SERVER PERFORMANCE STATE", "VIEW SERVER SECURITY STATE", "VIEW ANY ERROR"):
        assert f"GRANT {right}" in new
    # One batch: what does not compile is not run in part.
    assert not re.search(r"^\s*GO\s*$", new, re.MULTILINE | re.IGNORECASE)


@pytest.mark.parametrize("engine", list(Engine))
def test_the_command_prints_what_is_to_be_run_unchanged(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["database", "grant-script", engine.value, "--user", "reader"]) == 0
    assert capsys.readouterr().out == script(engine, "", "reader", "zh-CN") + "\n"


def test_what_can_not_be_ends_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["database", "grant-script", "postgresql", "--version", "9.6"]) == 2
    assert "最低支持 10" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("chapter", "engine", "version", "pattern"),
    [
        ("mssql.", Engine.MSSQL, "2019", r"msdb\.dbo\.(\w+)"),
        ("mssql.", Engine.MSSQL, "2022", r"msdb\.dbo\.(\w+)"),
        ("oracle.", Engine.ORACLE, "11.2", r"\b(v\$\w+|dba_\w+)"),
        ("oracle.", Engine.ORACLE, "19", r"\b(v\$\w+|dba_\w+)"),
        ("dameng.", Engine.DAMENG, "8", r"\b(dba_\w+)"),
    ],
)
def test_what_checks_say_they_read_is_granted(
    chapter: str, engine: Engine, version: str, pattern: str
) -> None:
    granted = script(engine, version, "a", "en").lower()
    for check_id, check in discover().checks.items():
        if check_id.startswith(chapter):
            for name in re.findall(pattern, " ".join(check.reads).lower()):
                view = name.replace("v$", "v_$")
                # Since 12.1.0.2 alone.
                if version == "11.2" and view in (
                    "dba_registry_sqlpatch",
                    "v_$pdbs",
                    "v_$containers",
                ):
                    continue
                assert re.search(rf"[. ]{re.escape(view)} to ", granted), (check_id, view)
