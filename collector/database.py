"""The database: SQLite in one file, or PostgreSQL by URL; same code, same tables.

SQLite runs with WAL and synchronous=FULL: what is committed survives a power cut. Every writing
transaction takes the write lock at once (BEGIN IMMEDIATE), because one that reads first and
writes later fails when somebody else wrote in between.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import alembic.script
from sqlalchemy import DateTime, Dialect, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from checks.api import Text
from collector.errors import DatabaseUnusable


class Base(DeclarativeBase):
    """Base of all tables."""


class Moment(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps no time zone of its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Store UTC."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return an aware moment."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """Sessions on one database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self._immediate = self.engine.execution_options(immediate=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that reads one consistent state."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session that is committed at the end of the block, or rolled back.

        Raise DatabaseUnusable when the disk is full or the database can't be written.
        """
        try:
            with Session(self._immediate) as session, session.begin():
                yield session
        except OperationalError as error:
            raise DatabaseUnusable(_sentence(self.url, error.orig)) from error

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Return the database, its tables brought up to date.

    Raise DatabaseUnusable if it can't be opened or written, or if a newer version made it.
    """
    location = make_url(url)
    try:
        if location.get_backend_name() == "sqlite" and location.database:
            Path(location.database).parent.mkdir(parents=True, exist_ok=True)
        database = Database(url)
        with database._immediate.begin() as connection:
            _migrate(connection, url)
    except (DatabaseError, OSError) as error:
        raise DatabaseUnusable(_sentence(url, getattr(error, "orig", error))) from error
    return database


def _migrate(connection: Connection, url: str) -> None:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    scripts = alembic.script.ScriptDirectory.from_config(config)
    present = _revision(connection)
    known = {revision.revision for revision in scripts.walk_revisions()}
    if present is not None and present not in known:
        place, head = _shown(url), scripts.get_current_head()
        raise DatabaseUnusable(
            Text(
                f"数据库 {place} 由更新版本的巡检系统建立（其版本为 {present}，本程序最高识别 "
                f"{head}）：请安装该版本，或使用其他数据库。",
                f"The database {place} was made by a newer version of Xunjian (its revision is "
                f"{present}, this one knows up to {head}): install that version, or use another "
                "database.",
            )
        )
    if present != scripts.get_current_head():
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar()
    return revision


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": 10})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 - pool's
    # The driver's own transaction handling is switched off: _begin_sqlite says BEGIN.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _shown(url: str) -> str:
    """Return where the database is, without a password."""
    location = make_url(url)
    if location.get_backend_name() == "sqlite":
        return location.database or "in memory"
    return location.render_as_string(hide_password=True)


def _sentence(url: str, error: BaseException | None) -> Text:
    what = " ".join(str(error).split()).rstrip(".")
    return Text(
        f"数据库 {_shown(url)} 无法使用：{what}。请检查路径、权限和磁盘剩余空间。",
        f"The database {_shown(url)} can't be used: {what}. "
        "Look at the path, its permissions and the free space on its disk.",
    )
