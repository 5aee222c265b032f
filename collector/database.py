"""The database: SQLite in one file, or PostgreSQL by URL; same code, same tables.

SQLite runs with WAL and synchronous=FULL: what is committed survives a power cut. Every writing
transaction takes the write lock at once (BEGIN IMMEDIATE), because one that reads first and
writes later fails when somebody else wrote in between.

PostgreSQL never answers a commit before it is flushed either, whatever its configuration says of
synchronous_commit. There several processes write side by side; `writing(alone=True)` is for what
must not.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import alembic.script
import psycopg
from sqlalchemy import (
    DateTime,
    Dialect,
    Engine,
    create_engine,
    event,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from checks.api import Text
from collector.errors import DatabaseUnusable

_DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
_NO_RIGHT = "42501"
_OF_THE_DATA = ("54000",)  # a row that no index takes: for psycopg an error of operation
_ALONE = 0x58554E4A  # "XUNJ": key of the advisory lock; locks count inside one database
_POSTGRESQL_CONNECTION = {
    # Seconds, and the last in milliseconds: a server that vanished is noticed within a minute.
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
_POSTGRESQL_SESSION = """
    SELECT set_config('timezone', 'UTC', false),
           set_config('tcp_keepalives_idle', '30', false),
           set_config('tcp_keepalives_interval', '10', false),
           set_config('tcp_keepalives_count', '3', false),
           CASE WHEN current_setting('synchronous_commit') = 'off'
                THEN set_config('synchronous_commit', 'on', false) END
"""


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
        self._consistent = self.engine
        if self.is_postgresql:
            # SQLite gives every transaction one state; here it has to be asked for.
            self._consistent = self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    @property
    def is_postgresql(self) -> bool:
        """Whether several processes may write at the same time."""
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that reads one consistent state.

        Raise DatabaseUnusable when the database can't be read.
        """
        with self.told(), Session(self._consistent) as session:
            yield session

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[Session]:
        """Give a session that is committed at the end of the block, or rolled back.

        `alone`: no other such block runs at the same time, in any process (on SQLite none does).
        Raise DatabaseUnusable when the disk is full or the database can't be written.
        """
        with self.told(), Session(self._immediate) as session, session.begin():
            if alone and self.is_postgresql:
                session.execute(select(func.pg_advisory_xact_lock(_ALONE)))
            yield session

    @contextmanager
    def told(self) -> Iterator[None]:
        """Raise DatabaseUnusable where the block meets an error of the database, not of data."""
        try:
            yield
        except DBAPIError as error:
            if not _is_unusable(error):
                raise
            raise DatabaseUnusable(_sentence(self.url, error.orig)) from error

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Return the database, its tables brought up to date.

    Raise DatabaseUnusable if it can't be opened or written, or if a newer version made it.
    """
    location = _location(url)
    try:
        if location.get_backend_name() == "sqlite" and location.database:
            Path(location.database).parent.mkdir(parents=True, exist_ok=True)
        database = Database(url)
    except OSError as error:
        raise DatabaseUnusable(_sentence(url, error)) from error
    with ExitStack() as failed:
        failed.callback(database.close)
        _bring_up(database)
        failed.pop_all()
    return database


def _bring_up(database: Database) -> None:
    """Bring the tables up to date. Raise DatabaseUnusable as open_database does."""
    url = database.url
    try:
        with database._immediate.begin() as connection:
            if database.is_postgresql:
                _check_encoding(connection, url)
                # Two processes that start together: the second finds the tables made.
                connection.execute(select(func.pg_advisory_xact_lock(_ALONE)))
            _migrate(connection, url)
    except (DatabaseError, InterfaceError) as error:
        raise DatabaseUnusable(_sentence(url, error.orig)) from error


def _location(url: str) -> URL:
    """Return the parts of a URL. Raise DatabaseUnusable if it is none that can be used."""
    try:
        location = make_url(url)
    except (ArgumentError, ValueError):
        location = None
    if location is None or location.drivername not in _DRIVERS:
        # Not repeated: what is no URL may still hold a password.
        raise DatabaseUnusable(
            Text(
                "XUNJIAN_DATABASE_URL 的写法无法识别：应为 "
                "postgresql+psycopg://用户:口令@主机:5432/数据库，或 sqlite:////路径/文件。",
                "XUNJIAN_DATABASE_URL is not understood: write "
                "postgresql+psycopg://user:password@host:5432/database, or sqlite:////path/file.",
            )
        )
    return location


def _check_encoding(connection: Connection, url: str) -> None:
    """Raise DatabaseUnusable for a database that can't hold every character."""
    encoding = connection.execute(text("SHOW server_encoding")).scalar()
    if encoding != "UTF8":
        place = _shown(url)
        raise DatabaseUnusable(
            Text(
                f"数据库 {place} 的编码为 {encoding}，无法保存中文：请以 "
                "ENCODING 'UTF8' TEMPLATE template0 重新建库。",
                f"The database {place} has the encoding {encoding} and can't hold Chinese: create "
                "it again with ENCODING 'UTF8' TEMPLATE template0.",
            )
        )


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
    location = make_url(url)
    if location.get_backend_name() != "sqlite":
        given = _POSTGRESQL_CONNECTION | dict(location.query)
        engine = create_engine(location.set(query=given), pool_pre_ping=True)
        event.listen(engine, "connect", _prepare_postgresql)
        return engine
    engine = create_engine(url, connect_args={"timeout": 10})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 - pool's
    # The driver's own transaction handling is switched off: _begin_sqlite says BEGIN.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_postgresql(connection: psycopg.Connection[Any], _record: Any) -> None:  # noqa: ANN401 - pool's
    # UTC: the first and the last day there are would be none in another time zone.
    # Keepalives of the server's side: an assessor whose machine vanished gives its turn back.
    connection.execute(_POSTGRESQL_SESSION)
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _shown(url: str) -> str:
    """Return where the database is, without a password."""
    location = make_url(url)
    if location.get_backend_name() == "sqlite":
        return location.database or "in memory"
    return location.render_as_string(hide_password=True)


def _is_unusable(error: DBAPIError) -> bool:
    """Tell an error of the database (away, full, read-only, no right) from one of the data."""
    state = getattr(error.orig, "sqlstate", None)
    if state in _OF_THE_DATA:
        return False
    if isinstance(error, (OperationalError, InterfaceError, InternalError)):
        return True
    return error.connection_invalidated or state == _NO_RIGHT


def _sentence(url: str, error: BaseException | None) -> Text:
    what = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    what = " ".join((what or str(error)).split()).rstrip(".?")
    if make_url(url).get_backend_name() != "sqlite":
        return Text(
            f"数据库 {_shown(url)} 无法使用：{what}。请检查 PostgreSQL 是否运行、地址与口令、"
            "该用户的权限以及磁盘剩余空间。",
            f"The database {_shown(url)} can't be used: {what}. Look whether PostgreSQL runs, at "
            "address and password, the rights of the user and the free space on its disk.",
        )
    return Text(
        f"数据库 {_shown(url)} 无法使用：{what}。请检查路径、权限和磁盘剩余空间。",
        f"The database {_shown(url)} can't be used: {what}. "
        "Look at the path, its permissions and the free space on its disk.",
    )
