"""Ask pgBackRest about a stanza. Its exit code is 0 whatever it found: only its words count."""

import os
import pwd
import re
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.backups.kind import Source
from agent.redaction import clean
from checks.api import Output
from checks.errors import NotPermitted, ProbeError, UnexpectedOutput, Unreachable

_USUAL_FILES = ("/etc/pgbackrest/pgbackrest.conf", "/etc/pgbackrest.conf")
_USUAL_PARTS = "/etc/pgbackrest/conf.d/*.conf"
_USUAL_PLACE = "/var/lib/pgbackrest"
_DATABASE_OWNER = "postgres"
_QUIET = ("--log-level-file=off", "--log-level-console=off")
_REFUSED = "permission denied"
_LOCKED = 50
_SILENT = ("unable to connect", "connection refused", "timeout", "HostConnectError")
_OK, _NO_STANZA, _NO_BACKUPS, _NO_DATA, _OTHER_DATABASE = 0, 1, 2, 3, 5


class _Status(Struct, frozen=True):
    code: int
    message: str = ""


class Repository(Struct, frozen=True):
    """One of the repositories of a stanza."""

    key: int
    status: _Status
    cipher: str = "none"


class _Database(Struct, frozen=True, rename="kebab"):
    id: int = 0
    repo_key: int = 1


class _Range(Struct, frozen=True):
    start: str | None = None
    stop: str | None = None


class _Moments(Struct, frozen=True):
    start: int
    stop: int


class _InRepository(Struct, frozen=True):
    size: int = 0
    delta: int = 0


class _Sizes(Struct, frozen=True):
    size: int = 0
    delta: int = 0
    repository: _InRepository = _InRepository()


class Backup(Struct, frozen=True):
    """A backup as `info` lists it."""

    label: str
    type: str
    timestamp: _Moments
    database: _Database = _Database()
    archive: _Range = _Range()
    info: _Sizes = _Sizes()
    error: bool | None = None
    prior: str | None = None


class Archive(Struct, frozen=True):
    """The range of WAL of one repository."""

    id: str
    database: _Database = _Database()
    min: str | None = None
    max: str | None = None


class _Held(Struct, frozen=True):
    held: bool = False


class _Locks(Struct, frozen=True):
    backup: _Held = _Held()


class _StanzaStatus(Struct, frozen=True):
    code: int
    message: str = ""
    lock: _Locks = _Locks()


class Cluster(Struct, frozen=True, rename="kebab"):
    """A PostgreSQL cluster that a repository knows."""

    id: int = 0
    repo_key: int = 1
    version: str = ""


class Stanza(Struct, frozen=True):
    """One stanza of `info`."""

    name: str
    status: _StanzaStatus
    repo: tuple[Repository, ...] = ()
    backup: tuple[Backup, ...] = ()
    archive: tuple[Archive, ...] = ()
    db: tuple[Cluster, ...] = ()

    def backups_of(self, key: int) -> list[Backup]:
        """Return the backups of one repository, the oldest first."""
        found = [entry for entry in self.backup if entry.database.repo_key == key]
        return sorted(found, key=lambda entry: entry.timestamp.stop)


def ask(source: Source, *arguments: str, timeout_seconds: float = 120) -> Output:
    """Run pgBackRest on the set's stanza as the owner of its repository, and let it write no log.

    Run as root it would leave files that its owner can't write.
    """
    return source.run(
        *command(source, *arguments),
        timeout_seconds=timeout_seconds,
        user=owner(source),
    )


def command(source: Source, *arguments: str) -> tuple[str, ...]:
    """Return the words that run pgBackRest on the set's stanza."""
    own = source.settings.configuration
    return (
        source.settings.command or "pgbackrest",
        *((f"--config={own}",) if own else ()),
        f"--stanza={source.settings.place}",
        *_QUIET,
        *arguments,
    )


def version(source: Source) -> str:
    """Return the name and version of the tool."""
    return source.run(source.settings.command or "pgbackrest", "version").text.strip()[:255]


def stanza(source: Source) -> Stanza:
    """Return what `info` tells of the set's stanza. Raise a ProbeError if that is nothing."""
    output = ask(source, "--output=json", "info")
    if output.exit_code != 0:
        raise refusal(source, output)
    try:
        found = msgspec.json.decode(output.text, type=list[Stanza])
    except msgspec.DecodeError as error:
        raise UnexpectedOutput("pgbackrest info", str(error)) from error
    named = [entry for entry in found if entry.name == source.settings.place]
    if not named or not named[0].repo:
        raise UnexpectedOutput(source.settings.place[:255], "pgBackRest knows no such stanza")
    return named[0]


def own_key(found: Stanza) -> int:
    """Return the number of the first repository: the set's own."""
    return min(entry.key for entry in found.repo)


def demand_sound(found: Stanza, key: int) -> None:
    """Raise what keeps a repository from being listed; no backups yet is a listing, too."""
    repository = next(entry for entry in found.repo if entry.key == key)
    status = repository.status
    name = f"{found.name} repo{key}"[:255]
    if status.code in (_OK, _NO_BACKUPS, _OTHER_DATABASE):
        return
    if status.code in (_NO_STANZA, _NO_DATA):
        raise UnexpectedOutput(name, f"no repository: {status.message}")
    words = clean(" ".join(status.message.split()))[:1500]
    if _REFUSED in words.lower():
        raise NotPermitted(name, words)
    if any(word.lower() in words.lower() for word in _SILENT):
        raise Unreachable(name, words)
    raise UnexpectedOutput(name, words)


def refusal(source: Source, output: Output) -> ProbeError:
    """Return why pgBackRest did not do as it was told."""
    words = said(output)
    name = source.settings.place[:255]
    if _REFUSED in words.lower():
        return NotPermitted(name, words)
    if output.exit_code == _LOCKED:
        return UnexpectedOutput(name, f"locked: {words}")
    if any(word.lower() in words.lower() for word in _SILENT):
        return Unreachable(name, words)
    return UnexpectedOutput(name, words)


def said(output: Output) -> str:
    """Return pgBackRest's own warnings and errors."""
    lines = [line.strip() for line in output.error_text.splitlines()]
    kept = [line for line in lines if not line.startswith(("INFO", "DETAIL", "P00   INFO"))]
    return clean("; ".join(kept))[:1500] or f"exit code {output.exit_code}"


def places(source: Source) -> dict[int, Path]:
    """Return the folders of the repositories, as far as they are named on this host."""
    found = {1: Path(_USUAL_PLACE)}
    for text in _configuration(source):
        for number, place in re.findall(r"(?m)^\s*repo(\d+)-path\s*=\s*(\S+)", text):
            found[int(number)] = Path(place)
        for number in re.findall(r"(?m)^\s*repo(\d+)-(?:host|type)\s*=\s*(?!posix)", text):
            found.pop(int(number), None)
    return found


def keeps_less_archive(source: Source, key: int) -> bool:
    """Return whether older WAL than the backups' own may be gone by the settings."""
    option = re.compile(rf"(?m)^\s*repo{key}-retention-archive\s*=")
    return any(option.search(text) for text in _configuration(source))


def owner(source: Source) -> str | None:
    """Return as whom to run where we are root: the owner of the repository."""
    if os.geteuid() != 0:
        return None
    for place in places(source).values():
        try:
            name = place.owner()
        except (OSError, KeyError):
            continue
        if name != "root":
            return name
    try:
        return pwd.getpwnam(_DATABASE_OWNER).pw_name
    except KeyError:
        return None


def _configuration(source: Source) -> list[str]:
    own = source.settings.configuration
    files = [own] if own else [*_USUAL_FILES, *source.host.list(_USUAL_PARTS)]
    texts = []
    for path in files:
        try:
            texts.append(source.host.read(path))
        except ProbeError:  # one of the usual places is not used, or pgBackRest will say so
            continue
    return texts
