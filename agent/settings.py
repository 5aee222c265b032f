"""The agent's settings: a TOML file, checked whole before anything runs.

[agent]
state = "/var/lib/xunjian"          # folder of the spool; absolute

[collector]
url = "https://inspection.example.com"
ca_file = "/etc/xunjian/ca.pem"     # optional: trust these authorities, not the system's
proxy = "http://proxy.example:3128" # optional; the environment's proxies are never used
proxy_user = "inspection"
proxy_password = { file = "/etc/xunjian/proxy.secret" }  # or credential, or command

[run]
parallel = 4                        # probes at once
memory_mebibytes = 1024             # address space of one probe
heavy_interval_hours = 20           # a heavy check is read once in this time; 0: in every run
interval_hours = 24                 # how often the timer starts an inspection; 0: by hand only

[checks."host.volumes"]
enabled = true
deadline_seconds = 20
"""

import importlib
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from agent import messages
from agent.errors import SettingsError
from agent.secret import SecretSource
from agent.settings_expected import EXPECTED
from agent.settings_lines import line_of, place_of
from checks.api import Text

Model = TypeVar("Model")

DEFAULT_PATH = "/etc/xunjian/agent.toml"
LONGEST_FILE_BYTES = 2**20
_INDEX = re.compile(r"\[(\.\.\.|\d+)\]")
"""What msgspec puts behind the name of a list or a table."""
_ADDRESS = r"^(https://[^\s/?#]+|http://(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d+)?)(/[^\s?#]*)?$"


class Agent(Struct, frozen=True, forbid_unknown_fields=True):
    """Where this agent keeps its identity, and what it has not handed over yet."""

    state: Annotated[str, Meta(pattern=r"^/")] = "/var/lib/xunjian"


class Collector(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the batches go."""

    url: Annotated[str, Meta(pattern=_ADDRESS)]
    """In the clear only to this very host: what is read here is nobody else's to see."""
    ca_file: Annotated[str, Meta(pattern=r"^/")] | None = None
    proxy: Annotated[str, Meta(pattern=r"^http://[^\s/?#@]+/?$")] | None = None
    """Reached in the clear; what goes to an https collector passes through it encrypted."""
    proxy_user: Annotated[str, Meta(pattern=r"^[^:\x00-\x1f\x7f]+$", max_length=255)] | None = None
    """For HTTP's Basic authentication, which a colon would end."""
    proxy_password: SecretSource | None = None


class Run(Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the host an inspection may take."""

    parallel: Annotated[int, Meta(ge=1, le=16)] = 4
    memory_mebibytes: Annotated[int, Meta(ge=128, le=16384)] = 1024
    heavy_interval_hours: Annotated[float, Meta(ge=0, le=720)] = 20
    """Below a day, so that one inspection a day reads everything."""
    interval_hours: Annotated[float, Meta(ge=0, le=8784)] = 24
    """What the timer of this host is set to; the collector tells missed inspections by it."""


class CheckSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What the customer's administrator decides about one check."""

    enabled: bool = True
    deadline_seconds: Annotated[float, Meta(gt=0, le=3600)] | None = None


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """All of it."""

    collector: Collector
    agent: Agent = Agent()
    run: Run = Run()
    checks: dict[str, CheckSettings] = {}
    backups: dict[str, Any] = {}
    """By name: agent.backups.settings.BackupSettings, which is loaded where there are some."""
    databases: dict[str, Any] = {}
    """By name: agent.databases.settings.DatabaseSettings, likewise."""
    products: dict[str, Any] = {}
    """By name: agent.products.settings.ProductSettings, likewise."""


_MODELS = {
    "backups": ("agent.backups", "BackupSettings"),
    "databases": ("agent.databases", "DatabaseSettings"),
    "products": ("agent.products", "ProductSettings"),
}
"""Sections whose entries are of a type that is loaded where there are some: a package with a module
`settings`, which has the type, and a module `expected`, which has what each setting must be
(EXPECTED) and finds two that contradict each other (contradiction). Where entries of a section name
some of another, `expected` finds what does not fit them, too (conflict)."""
_NAMING_OTHERS = ("products",)
_NAMED = ("checks", *_MODELS)
"""Sections that have a section for each name."""


def load(path: str, known_checks: Collection[str] | None = None) -> Settings:
    """Return the settings of a file.

    Where `known_checks` is given, a section for any other check is an error. Raise SettingsError
    with the line, the key and what is expected there for everything that is wrong.
    """
    text = _read(path)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, column = place_of(str(error), text)
        raise SettingsError(
            messages.SETTINGS_NOT_TOML.format(column=column, detail=str(error).split(" (at ")[0]),
            file=path,
            line=line,
        ) from error
    tables = content.get("checks", {})
    if not isinstance(tables, dict):
        raise _wrong(path, text, ("checks",), content)
    sections: dict[str, dict[str, Any]] = {name: content.get(name, {}) for name in _MODELS}
    for name, section in sections.items():
        if not isinstance(section, dict):
            raise _wrong(path, text, (name,), content)
    plain = {**content, "checks": {}, **{name: {} for name in _MODELS}}
    base = _convert(path, text, plain, Settings, ())
    chosen = {}
    for check_id, table in tables.items():
        if known_checks is not None and check_id not in known_checks:
            raise SettingsError(
                messages.SETTINGS_UNKNOWN_CHECK.format(
                    name=check_id, hint=messages.nearest(check_id, known_checks)
                ),
                file=path,
                line=line_of(text, ("checks", check_id)),
                key=f"checks.{check_id}",
            )
        chosen[check_id] = _convert(path, text, table, CheckSettings, ("checks", check_id))
    if base.collector.ca_file is not None and not Path(base.collector.ca_file).is_file():
        raise _wrong(path, text, ("collector", "ca_file"), content)
    for key, needed in (("proxy_user", "proxy"), ("proxy_password", "proxy_user")):
        if getattr(base.collector, key) and not getattr(base.collector, needed):
            raise _wrong(path, text, ("collector", key), content)
    entries: dict[str, dict[str, Any]] = {
        section: {name: _entry(path, text, section, name, table) for name, table in tables.items()}
        for section, tables in sections.items()
    }
    for naming in _NAMING_OTHERS:
        for name, each in entries[naming].items():
            wrong = _expected_module(naming).conflict(each, entries)
            if wrong is not None:
                raise _contradicted(path, text, (naming, name, *wrong[0]), wrong[1])
    return msgspec.structs.replace(base, checks=chosen, **entries)


def _entry(path: str, text: str, section: str, name: str, table: object) -> object:
    package, model = _MODELS[section]
    above = (section, name)
    kind = getattr(importlib.import_module(f"{package}.settings"), model)
    settings: object = _convert(path, text, table, kind, above)
    wrong = _expected_module(section).contradiction(name, settings)
    if wrong is None:
        return settings
    raise _contradicted(path, text, above + wrong[0], wrong[1])


def _contradicted(path: str, text: str, keys: tuple[str, ...], expected: Text) -> SettingsError:
    key = ".".join(keys)
    problem = messages.SETTINGS_WRONG_VALUE.format(key=key, expected=expected)
    return SettingsError(problem, file=path, line=line_of(text, keys), key=key)


def _expected_module(section: str) -> ModuleType:
    return importlib.import_module(f"{_MODELS[section][0]}.expected")


def written(state: str, url: str) -> str:
    """Return the text of new settings, the least that there can be. JSON's strings are TOML's."""

    def quoted(text: str) -> str:
        return msgspec.json.encode(text).decode()

    return f"[agent]\nstate = {quoted(state)}\n\n[collector]\nurl = {quoted(url)}\n"


def _read(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(LONGEST_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise SettingsError(messages.SETTINGS_MISSING, file=path) from error
    except OSError as error:
        raise SettingsError(
            messages.SETTINGS_UNREADABLE.format(detail=error.strerror or str(error)), file=path
        ) from error
    if len(content) > LONGEST_FILE_BYTES:
        raise SettingsError(messages.SETTINGS_TOO_LONG, file=path)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError(messages.SETTINGS_NOT_UTF8, file=path, line=line) from error


def _convert(
    path: str, text: str, content: object, model: type[Model], above: tuple[str, ...]
) -> Model:
    try:
        return msgspec.convert(content, model)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        keys = above + tuple(part for part in _INDEX.sub("", where.rstrip("`")).split(".") if part)
        if "unknown field" in message or "missing required field" in message:
            keys += (message.split("`")[1],)
        raise _wrong(path, text, keys, content, unknown="unknown field" in message) from error


def _wrong(
    path: str, text: str, keys: tuple[str, ...], content: object, *, unknown: bool = False
) -> SettingsError:
    name = ".".join(keys)
    pattern = ".".join((keys[0], "*", *keys[2:]) if keys[0] in _NAMED and keys[1:] else keys)
    line = line_of(text, keys)
    expected = _expected(keys[0])
    if unknown:
        folder = pattern.rpartition(".")[0]
        siblings = [key.rpartition(".")[2] for key in expected if key.rpartition(".")[0] == folder]
        problem = messages.SETTINGS_UNKNOWN_KEY.format(
            key=name, allowed=", ".join(siblings), hint=messages.nearest(keys[-1], siblings)
        )
    else:
        present = _present(content, keys)
        sentence = messages.SETTINGS_WRONG_VALUE if present else messages.SETTINGS_MISSING_KEY
        problem = sentence.format(key=name, expected=expected[pattern])
    return SettingsError(problem, file=path, line=line, key=name)


def _expected(section: str) -> Mapping[str, Text]:
    if section not in _MODELS:
        return EXPECTED
    expected: Mapping[str, Text] = _expected_module(section).EXPECTED
    return expected


def _present(content: object, keys: tuple[str, ...]) -> bool:
    if keys[0] in _NAMED:
        keys = keys[2:]  # `content` is the section itself
        if not keys:
            return True
    for key in keys:
        if not isinstance(content, Mapping) or key not in content:
            return False
        content = content[key]
    return True
