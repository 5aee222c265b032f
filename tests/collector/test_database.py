"""The database opens, or says in one sentence why not."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from collector.database import Database, open_database
from collector.errors import DatabaseUnusable
from collector.tables import metadata


def test_the_migrations_make_the_tables_that_the_code_has(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata()) == []


def test_what_is_committed_is_flushed_to_disk(database: Database) -> None:
    with database.reading() as session:
        assert session.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert session.execute(text("PRAGMA synchronous")).scalar() == 2
        assert session.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_opening_again_keeps_what_is_there(database: Database) -> None:
    with database.writing() as session:
        session.execute(
            text("INSERT INTO customer VALUES ('1', '示例公司', '2026-11-21 08:00:00')")
        )
    again = open_database(database.url)
    with again.reading() as session:
        assert session.execute(text("SELECT name FROM customer")).scalar() == "示例公司"
    again.close()


def test_a_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    with database.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseUnusable, match=r"newer version of Xunjian.*9999.*knows up to"):
        open_database(database.url)
    with database.reading() as session:
        assert session.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "collector.db").write_bytes(b"something else" * 1000)
    with pytest.raises(DatabaseUnusable, match="file is not a database"):
        open_database(f"sqlite:///{tmp_path}/collector.db")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatabaseUnusable, match="file"):
        open_database(f"sqlite:///{tmp_path}/file/collector.db")


def test_a_full_disk_is_told_and_loses_nothing(database: Database) -> None:
    with database.writing() as session:
        pages = session.execute(text("PRAGMA page_count")).scalar()
        session.execute(text(f"PRAGMA max_page_count = {pages}"))
        insert = "INSERT INTO customer VALUES (:id, :name, '2026-11-21 08:00:00')"
        session.execute(text(insert), {"id": "1", "name": "kept"})

    def fill() -> None:
        with database.writing() as session:
            for number in range(2, 5000):
                session.execute(text(insert), {"id": str(number), "name": str(number) * 40})

    with pytest.raises(DatabaseUnusable, match="full"):
        fill()
    with database.reading() as session:
        assert session.execute(text("SELECT name FROM customer")).scalars().all() == ["kept"]


def test_a_password_in_the_url_is_never_shown() -> None:
    with pytest.raises(DatabaseUnusable) as told:
        open_database("postgresql+psycopg://xunjian:S3cret!@127.0.0.1:1/none")
    assert "S3cret" not in str(told.value)
