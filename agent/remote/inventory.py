"""The inventory: a TOML file with the hosts of one inspection, checked whole before anything runs.

[[host]]
target = "root@192.0.2.10"
key = "/home/zhang/.ssh/id_ed25519"     # optional, like all that follows
jump = ["oper@bastion.example"]
host_key = ["SHA256:…"]
pack = ["light"]
agentless = false
settings = "erp-db.toml"                # beside this file
"""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from agent import messages
from agent.errors import AgentError, SettingsError
from agent.remote import home as place
from agent.remote import inspect_texts
from agent.remote import target as address
from agent.remote.wishes import Wish, pack_of, settings_text
from agent.settings import parsed
from agent.settings_lines import line_of
from checks.api import Text

LARGEST_BYTES = 2**20
MOST_HOSTS = 500
_HOST = "host"
_EXPECTED = {
    "target": Text("[用户@]主机[:端口]", "[USER@]HOST[:PORT]"),
    "key": Text("SSH 私钥文件的路径", "the path of a private key for SSH"),
    "jump": Text('列表，例如 ["oper@bastion"]', 'a list such as ["oper@bastion"]'),
    "host_key": Text('列表，例如 ["SHA256:…"]', 'a list such as ["SHA256:…"]'),
    "pack": Text(
        '列表，例如 ["light"]、["all"] 或 ["host"]', 'a list such as ["light"] or ["host"]'
    ),
    "agentless": Text("true 或 false", "true or false"),
    "settings": Text("条目文件的路径", "the path of a file of entries"),
}

Words = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=500)], ...], Meta(max_length=50)
]


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """One host of the file."""

    target: Annotated[str, Meta(min_length=1, max_length=255)]
    key: str | None = None
    jump: Words | None = None
    host_key: Words | None = None
    pack: Words | None = None
    agentless: bool | None = None
    settings: str | None = None


def load(path: str, default: Wish) -> tuple[Wish, ...]:
    """Return the hosts of a file; what one does not say is as in `default`.

    Raise SettingsError with the line, the key and what is expected there.
    """
    text = _read(path)
    content = parsed(path, text)
    for key in content:
        if key != _HOST:
            problem = messages.SETTINGS_UNKNOWN_KEY.format(
                key=key, allowed="[[host]]", hint=messages.nearest(key, [_HOST])
            )
            raise SettingsError(problem, file=path, line=line_of(text, (key,)), key=key)
    tables = content.get(_HOST, [])
    if not isinstance(tables, list) or not 0 < len(tables) <= MOST_HOSTS:
        raise SettingsError(
            inspect_texts.NO_HOSTS.format(most=MOST_HOSTS), file=path, line=line_of(text, (_HOST,))
        )
    wishes: list[Wish] = []
    for number, table in enumerate(tables):
        wish = _wish(path, text, number, table, default)
        if any(address.read(each.target) == address.read(wish.target) for each in wishes):
            raise _wrong(
                path, text, number, "target", inspect_texts.HOST_TWICE.format(target=wish.target)
            )
        wishes.append(wish)
    return tuple(wishes)


def _wish(path: str, text: str, number: int, table: object, default: Wish) -> Wish:
    entry = _entry(path, text, number, table)
    key = ""
    try:
        key = "target"
        address.read(entry.target)
        key = "jump"
        for each in entry.jump or ():
            address.read(each)
        key = "pack"
        pack = default.pack if entry.pack is None else pack_of(entry.pack)
        key = "settings"
        settings = default.settings
        if entry.settings is not None:
            settings = settings_text(str(Path(path).parent / place.named(entry.settings)))
    except AgentError as error:
        raise _wrong(path, text, number, key, error.text) from error
    return Wish(
        target=entry.target,
        jumps=default.jumps if entry.jump is None else entry.jump,
        key=default.key if entry.key is None else entry.key,
        host_keys=default.host_keys if entry.host_key is None else entry.host_key,
        pack=pack,
        agentless=default.agentless if entry.agentless is None else entry.agentless,
        settings=settings,
    )


def _entry(path: str, text: str, number: int, table: object) -> Entry:
    try:
        return msgspec.convert(table, Entry)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$.")
        key = where.rstrip("`").partition("[")[0].partition(".")[0]
        if "unknown field" in message or "missing required field" in message:
            key = message.split("`")[1]
        if "unknown field" in message:
            problem = messages.SETTINGS_UNKNOWN_KEY.format(
                key=key, allowed=", ".join(_EXPECTED), hint=messages.nearest(key, _EXPECTED)
            )
        else:
            missing = "missing required field" in message
            sentence = messages.SETTINGS_MISSING_KEY if missing else messages.SETTINGS_WRONG_VALUE
            expected = _EXPECTED.get(key, Text("[[host]] 节", "a section [[host]]"))
            problem = sentence.format(key=key or _HOST, expected=expected)
        raise _wrong(path, text, number, key, problem) from error


def _wrong(path: str, text: str, number: int, key: str, problem: Text) -> SettingsError:
    return SettingsError(problem, file=path, line=_line(text, number, key), key=f"host.{key}")


def _line(text: str, number: int, key: str) -> int:
    """Return the line that sets a key of the so many-th host, or where that host begins."""
    lines = text.splitlines()
    headers = [place for place, line in enumerate(lines) if line.lstrip().startswith("[[")]
    if number >= len(headers):  # written in another form of TOML
        return line_of(text, (_HOST,))
    begin = headers[number]
    end = headers[number + 1] if number + 1 < len(headers) else len(lines)
    return begin + line_of("\n".join(lines[begin:end]), (_HOST, key))


def _read(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        problem = inspect_texts.UNREADABLE.format(detail=error.strerror or str(error))
        raise SettingsError(problem, file=path) from error
    if len(content) > LARGEST_BYTES:
        raise SettingsError(messages.SETTINGS_TOO_LONG, file=path)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError(messages.SETTINGS_NOT_UTF8, file=path, line=line) from error
