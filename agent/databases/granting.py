"""The script that makes the least account for the inspection, for an administrator to read and run.

The scripts are plain files, one for each range of versions (`grants/`). Lines that begin with
`--zh ` or `--en ` are comments in one language; `{{user}}` and so on are filled in.
"""

import re
from importlib.resources import files

from msgspec import Struct

from agent import messages
from agent.databases import texts
from agent.errors import AgentError
from checks.databases import Engine

_USER = re.compile(r"[A-Za-z][A-Za-z0-9_$#]{0,29}")
"""What every engine takes, and what ends no quotation marks."""
_COMMENT = re.compile(r"--(zh|en) ")
_YEAR = 2000
_YEARS = {9: 2005, 10: 2008, 11: 2012, 12: 2014, 13: 2016, 14: 2017, 15: 2019, 16: 2022, 17: 2025}
"""Of SQL Server, by the number that it has itself."""
_MARIADB_FROM = 10
"""MySQL has no version 10: who says `mysql --version 10.11` means MariaDB."""


class _Variant(Struct, frozen=True):
    """A script, and from which version on it is the one."""

    file: str
    since: tuple[int, ...]


_VARIANTS = {
    Engine.MSSQL: (
        _Variant("mssql-2008", (2008,)),
        _Variant("mssql-2014", (2014,)),
        _Variant("mssql-2022", (2022,)),
    ),
    Engine.POSTGRESQL: (_Variant("postgresql", (10,)),),
    Engine.KINGBASE: (_Variant("kingbase", (8,)),),
    Engine.MYSQL: (_Variant("mysql", (5, 7)),),
    Engine.MARIADB: (_Variant("mariadb-10.3", (10, 3)), _Variant("mariadb-10.5", (10, 5))),
    Engine.ORACLE: (_Variant("oracle-11", (11, 2)), _Variant("oracle-12", (12, 1, 0, 2))),
    Engine.DAMENG: (_Variant("dameng", (8,)),),
}


def script(engine: Engine, version: str, user: str, language: str) -> str:
    """Return the script; without a version that for the newest.

    Raise AgentError for a version that is none or too old, and for a user that would not be one.
    """
    if not _USER.fullmatch(user):
        raise AgentError(texts.BAD_USER.format(user=user))
    numbers = _numbers(engine, version)
    if engine is Engine.MYSQL and numbers and numbers[0] >= _MARIADB_FROM:
        engine = Engine.MARIADB
    variants = _VARIANTS[engine]
    fitting = [each for each in variants if not numbers or each.since <= numbers]
    if not fitting:
        least = ".".join(str(part) for part in variants[0].since)
        raise AgentError(texts.TOO_OLD.format(engine=engine.value, version=version, least=least))
    values = {
        "user": user,
        "version": version or messages.spoken(texts.NEWEST, language),
        "password": messages.spoken(texts.PASSWORD, language),
        "quoted_password": messages.spoken(texts.QUOTED_PASSWORD, language),
    }
    place = files("agent.databases") / "grants" / f"{fitting[-1].file}.sql"
    return _filled(place.read_text("utf-8"), values, language)


def _numbers(engine: Engine, version: str) -> tuple[int, ...]:
    found = tuple(int(part) for part in re.findall(r"\d+", version)[:4])
    if version and not found:
        raise AgentError(texts.NO_VERSION.format(version=version))
    if engine is Engine.MSSQL and found and found[0] < _YEAR:
        return (_YEARS.get(found[0], _YEARS[max(_YEARS)] if found[0] > max(_YEARS) else 0),)
    # A bare 12 or 19 means the release as it is today.
    if engine is Engine.ORACLE and len(found) == 1:
        return (*found, 99)
    return found


def _filled(text: str, values: dict[str, str], language: str) -> str:
    mark = "en" if language == "en" else "zh"
    lines = []
    for line in text.splitlines():
        comment = _COMMENT.match(line)
        if comment is None:
            lines.append(line)
        elif comment.group(1) == mark:
            lines.append(f"-- {line[comment.end() :]}")
    filled = "\n".join(lines)
    for name, value in values.items():
        filled = filled.replace("{{" + name + "}}", value)
    return filled
