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

import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from agent import messages
from agent import settings_sections as sections
from agent.errors import SettingsError
from agent.secret import SecretSource
from agent.settings_expected import EXPECTED
from agent.settings_lines import line_of, place_of

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
    queries: dict[str, Any] = {}
    """By name: agent.queries.settings.QuerySettings, likewise."""
    products: dict[str, Any] = {}
    """By name: agent.products.settings.ProductSettings, likewise."""


_NAMED = ("checks", *sections.SECTIONS)
"""Sections that have a section for each name."""


def load(path: str, known_checks: Collection[str] | None = None) -> Settings:
    """Return the settings of a file.

    Where `known_checks` is given, an inspection is meant: a section for any other check is an
    error, and so is what contradicts another section. Raise SettingsError with the line, the key
    and what is expected there for everything that is wrong.
    """
    text = _read(path)
    content = parsed(path, text)
    tables = content.get("checks", {})
    if not isinstance(tables, dict):
        raise _wrong(path, text, ("checks",), content)
    tables_of: dict[str, dict[str, Any]] = {
        name: content.get(name, {}) for name in sections.SECTIONS
    }
    for name, section in tables_of.items():
        if not isinstance(section, dict):
            raise _wrong(path, text, (name,), content)
    plain = {**content, "checks": {}, **{name: {} for name in sections.SECTIONS}}
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
        for section, tables in tables_of.items()
    }
    settings = msgspec.structs.replace(base, checks=chosen, **entries)
    # What only hands over data does not stop at a query that can't be asked.
    if known_checks is not None:
        wrong = sections.contradiction_among(settings)
        if wrong is not None:
            raise _contradicting(path, text, wrong)
    return settings


def parsed(path: str, text: str) -> dict[str, Any]:
    """Return what the TOML of a file says. Raise SettingsError with the place where it is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, column = place_of(str(error), text)
        raise SettingsError(
            messages.SETTINGS_NOT_TOML.format(column=column, detail=str(error).split(" (at ")[0]),
            file=path,
            line=line,
        ) from error


def _entry(path: str, text: str, section: str, name: str, table: object) -> object:
    above = (section, name)
    settings: object = _convert(path, text, table, sections.model(section), above)
    wrong = sections.contradiction(section, name, settings)
    if wrong is not None:
        raise _contradicting(path, text, wrong)
    return settings


def _contradicting(path: str, text: str, wrong: sections.Wrong) -> SettingsError:
    keys, expected = wrong
    problem = messages.SETTINGS_WRONG_VALUE.format(key=".".join(keys), expected=expected)
    return SettingsError(problem, file=path, line=line_of(text, keys), key=".".join(keys))


def written(state: str, url: str) -> str:
    """Return the text of new settings, the least that there can be."""
    return f"[agent]\nstate = {quoted(state)}\n\n[collector]\nurl = {quoted(url)}\n"


def quoted(text: str) -> str:
    """Return a text as TOML writes it: JSON's strings are TOML's."""
    return msgspec.json.encode(text).decode()


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
    expected = sections.expected(keys[0]) if keys[0] in sections.SECTIONS else EXPECTED
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
