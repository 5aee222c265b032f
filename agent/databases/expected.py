"""What each setting of a database must be, in words, and which two contradict each other."""

import re
from typing import TYPE_CHECKING

from agent.databases.connecting import CREDENTIALS
from agent.databases.settings import DatabaseSettings
from checks.api import Text
from checks.databases import Engine

if TYPE_CHECKING:
    from agent.settings import Settings

_TEXT = Text("不超过 255 个字符的文本", "a text of at most 255 characters")
_SECTION = Text("形如 [databases.erp] 的节", "sections like [databases.erp]")
_SECRET = Text(
    '{ credential = "…" }、{ file = "/…" } 或 { command = ["/…"] } 之一',
    'one of { credential = "…" }, { file = "/…" }, { command = ["/…"] }',
)
_ENGINES = "、".join(engine.value for engine in Engine)
_OPTIONS = Text(
    '驱动的其他关键字，如 "Encrypt=yes"；不写 UID、PWD、DRIVER',
    'further keywords of the driver, like "Encrypt=yes", without UID, PWD and DRIVER',
)
EXPECTED = {
    "databases": _SECTION,
    "databases.*": _SECTION,
    "databases.*.kind": Text(f"{_ENGINES} 之一", f"one of {_ENGINES.replace('、', ', ')}"),
    "databases.*.title": _TEXT,
    "databases.*.host": Text("服务器的名称或地址", "the server's name or address"),
    "databases.*.port": Text("1 至 65535 的整数", "a whole number from 1 to 65535"),
    "databases.*.socket": Text("一个绝对路径，不与 host 同用", "an absolute path, instead of host"),
    "databases.*.instance": Text("SQL Server 的实例名", "a named instance of SQL Server"),
    "databases.*.service": Text("Oracle 的服务名", "a service name of Oracle"),
    "databases.*.database": _TEXT,
    "databases.*.driver": Text(
        "ODBC 驱动的名称或绝对路径", "name or absolute path of an ODBC driver"
    ),
    "databases.*.options": _OPTIONS,
    "databases.*.user": _TEXT,
    "databases.*.password": _SECRET,
    "databases.*.password.credential": Text(
        "LoadCredential= 中的名称", "a name of LoadCredential="
    ),
    "databases.*.password.file": Text("一个绝对路径", "an absolute path"),
    "databases.*.password.command": Text(
        "以绝对路径开头的列表", "a list that starts with an absolute path"
    ),
    "databases.*.exclude": Text(
        '数据库或 库.模式.表 的模式列表，如 ["test_*"]',
        'a list of patterns of databases, or of tables as database.schema.table: ["test_*"]',
    ),
    "databases.*.login_seconds": Text("1 至 60 的整数", "a whole number from 1 to 60"),
    "databases.*.query_seconds": Text("1 至 300 的整数", "a whole number from 1 to 300"),
}
_NAME = re.compile(r"[\w.-]{1,64}")
_NAMED = Text(
    "名称只能由字母、汉字、数字、点、下划线和连字符组成，最多 64 个",
    "a section whose name has letters, digits, dots, underscores and hyphens, at most 64",
)


def contradiction(name: str, settings: DatabaseSettings) -> tuple[tuple[str, ...], Text] | None:
    """Return the key that can't be, with what is expected there; None: all fits together."""
    if not _NAME.fullmatch(name):
        return (), _NAMED
    if CREDENTIALS.search(settings.options):
        return ("options",), _OPTIONS
    if settings.socket is not None and settings.host != "127.0.0.1":
        return ("socket",), EXPECTED["databases.*.socket"]
    if settings.instance and settings.kind is not Engine.MSSQL:
        return ("instance",), EXPECTED["databases.*.instance"]
    if settings.kind is Engine.ORACLE and not (settings.service or settings.database):
        return ("service",), EXPECTED["databases.*.service"]
    if settings.password is not None and not settings.user:
        return ("password",), Text("与 user 一起设置", "set beside user")
    return None


def contradiction_among(
    name: str, settings: DatabaseSettings, among: "Settings"
) -> tuple[tuple[str, ...], Text] | None:
    """Return why a database can't stand beside a backup set of its name; None: it can.

    The backup history of both is told by one check, and verdicts are known by its target's name.
    """
    beside = among.backups.get(name)
    if beside is not None and beside.kind.value == settings.kind.value:
        return (), Text(
            f"与 [backups.{name}] 不同的名称：两者都会给出备份历史",
            f"another name than that of [backups.{name}]: both tell the history of backups",
        )
    return None
