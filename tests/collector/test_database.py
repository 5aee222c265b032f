"""The database opens, or says in one sentence why not."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select, text

from collector.customers.models import Customer
from collector.database import Database, open_database
from collector.errors import DatabaseUnusable
from collector.tables import metadata
from tests.messages import START


def test_the_migrations_make_the_tables_that_the_code_has(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata()) == []


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/collector.db")
    yield opened
    opened.close()


def test_what_is_committed_is_flushed_to_disk(on_sqlite: Database) -> None:
    with on_sqlite.reading() as session:
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


def test_a_full_disk_is_told_and_loses_nothing(on_sqlite: Database) -> None:
    with on_sqlite.writing() as session:
        pages = session.execute(text("PRAGMA page_count")).scalar()
        session.execute(text(f"PRAGMA max_page_count = {pages}"))
        insert = "INSERT INTO customer VALUES (:id, :name, '2026-11-21 08:00:00')"
        session.execute(text(insert), {"id": "1", "name": "kept"})

    def fill() -> None:
        with on_sqlite.writing() as session:
            for number in range(2, 5000):
                session.execute(text(insert), {"id": str(number), "name": str(number) * 40})

    with pytest.raises(DatabaseUnusable, match="full"):
        fill()
    with on_sqlite.reading() as session:
        assert session.execute(text("SELECT name FROM customer")).scalars().all() == ["kept"]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://xunjian:S3cret!@127.0.0.1:1/none",
        "postgres://xunjian:S3cret!@127.0.0.1/none",
        "postgresql+asyncpg://xunjian:S3cret!@127.0.0.1/none",
        "mysql://xunjian:S3cret!@127.0.0.1/none",
        "xunjian:S3cret!@127.0.0.1",
        "postgresql+psycopg://xunjian:S3cret!@127.0.0.1:port/none",
    ],
)
def test_a_password_in_the_url_is_never_shown(url: str) -> None:
    with pytest.raises(DatabaseUnusable) as told:
        open_database(url)
    assert "S3cret" not in str(told.value) + told.value.text.zh
    assert "\n" not in str(told.value)


def test_both_ends_of_the_calendar_are_kept(database: Database) -> None:
    moments = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
    with database.writing() as session:
        for number, moment in enumerate(moments):
            session.add(Customer(id=str(number), name=str(number), created_at=moment))
    with database.reading() as session:
        kept = session.scalars(select(Customer.created_at).order_by(Customer.id)).all()
    assert kept == moments


def test_one_reading_sees_one_state(database: Database) -> None:
    with database.reading() as reading:
        count = select(func.count()).select_from(Customer)
        assert reading.scalar(count) == 0
        with database.writing() as session:
            session.add(Customer(id="1", name="later", created_at=START))
        assert reading.scalar(count) == 0


def test_alone_is_one_after_the_other(database: Database) -> None:
    """Two at a time would each read the number before the other has added one."""

    def add(_: int) -> None:
        with database.writing(alone=True) as session:
            count = session.scalar(select(func.count()).select_from(Customer))
            session.add(Customer(id=str(count), name=str(count), created_at=START))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(12)))
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Customer)) == 12
