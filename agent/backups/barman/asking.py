"""Ask barman about a server. As root it changes to its own user by itself."""

import configparser
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Raw, Struct

from agent.backups.kind import Source
from agent.backups.tool_versions import tool_version
from agent.redaction import clean
from checks.api import Output
from checks.errors import NotPermitted, ProbeError, ToolMissing, UnexpectedOutput

_USUAL_FILES = ("/etc/barman.conf", "/etc/barman/barman.conf")
_REFUSED = ("permission denied", "please run barman as", "operation not permitted")
_ABSENT = ("pg_verifybackup", "not found")


class Answer(Struct, frozen=True):
    """What barman says in JSON. Its messages stand between the names of servers."""

    exit_code: int
    content: Mapping[str, Raw]
    told: Mapping[str, tuple[str, ...]]
    words: str

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what barman warns of: settings that it ignores, for one."""
        return self.told.get("_WARNING", ())

    @property
    def errors(self) -> tuple[str, ...]:
        """Return what went wrong."""
        return (*self.told.get("_ERROR", ()), *self.told.get("_EXCEPTION", ()))


class Folders(Struct, frozen=True):
    """Where the settings of barman say that a server's backups are."""

    base: Path
    wals: Path


def ask(source: Source, *arguments: str, timeout_seconds: float = 120) -> Answer:
    """Run barman. Raise NotPermitted, ToolMissing, or UnexpectedOutput if it answers no JSON."""
    own = source.settings.configuration
    output = source.run(
        source.settings.command or "barman",
        *(("-c", own) if own else ()),
        *("-f", "json"),
        *arguments,
        timeout_seconds=timeout_seconds,
    )
    answer = _read(output)
    words = answer.words.lower()
    if any(refused in words for refused in _REFUSED):
        raise NotPermitted(source.settings.place[:255], answer.words)
    if all(word in words for word in _ABSENT):
        raise ToolMissing("pg_verifybackup")
    return answer


def demand(answer: Answer, subject: str) -> None:
    """Raise UnexpectedOutput where barman tells of errors."""
    if answer.errors or answer.exit_code != 0:
        raise UnexpectedOutput(subject[:255], answer.words or f"exit code {answer.exit_code}")


def version(source: Source) -> str:
    """Return the name and version of the tool."""
    tool = source.settings.command or "barman"
    return tool_version(source, tool, lambda: f"barman {_first_word(source, tool)}")


def folders(source: Source) -> Folders | None:
    """Return where a server's backups are; None where barman's settings can't be read."""
    own = source.settings.configuration
    parser = configparser.RawConfigParser(strict=False)
    for path in (own,) if own else _USUAL_FILES:
        _add(source, parser, path)
    if not parser.has_section("barman"):
        return None
    if parser.has_option("barman", "configuration_files_directory"):
        more = parser.get("barman", "configuration_files_directory")
        for path in source.host.list(f"{more}/*.conf"):
            _add(source, parser, path)
    name = source.settings.place
    home = parser.get("barman", "barman_home", fallback="/var/lib/barman")
    root = parser.get(name, "backup_directory", fallback=f"{home}/{name}")
    base = parser.get(name, "basebackups_directory", fallback=f"{root}/base")
    wals = parser.get(name, "wals_directory", fallback=f"{root}/wals")
    return Folders(Path(base), Path(wals))


def _first_word(source: Source, tool: str) -> str:
    words = source.run(tool, "--version").text.split()
    return words[0] if words else ""


def _add(source: Source, parser: configparser.RawConfigParser, path: str) -> None:
    try:
        parser.read_string(source.host.read(path))
    except (ProbeError, configparser.Error):  # barman itself will say what is wrong with it
        return


def _read(output: Output) -> Answer:
    try:
        content = msgspec.json.decode(output.text or "{}", type=dict[str, Raw])
    except msgspec.DecodeError:
        content = {}
    told = {}
    for name in list(content):
        if name.startswith("_"):
            told[name] = tuple(msgspec.json.decode(content.pop(name), type=list[str]))
    errors = (*told.get("_ERROR", ()), *told.get("_EXCEPTION", ()))
    words = "; ".join(errors) or output.error_text or ("" if content else output.text)
    return Answer(output.exit_code, content, told, clean(" ".join(words.split()))[:1500])
