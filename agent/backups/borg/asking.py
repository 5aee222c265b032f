"""Ask borg about a repository, without leaving a trace in it.

`borg check` rewrites a repository's config and nonce, and `list` may rewrite its index: as root,
that takes both away from their owner. So a repository on this host is read through a stand-in: a
folder of ours with copies of its small files and a link to its data.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.backups.kind import Source
from agent.backups.tool_versions import tool_version
from agent.redaction import clean
from agent.secret import SecretSource
from checks.api import Output
from checks.errors import (
    NotConfigured,
    NotPermitted,
    ProbeError,
    UnexpectedOutput,
    Unreachable,
)

_FILE = "file://"
_COPIED = ("README", "config", "nonce")
_COPIED_PATTERNS = ("index.*", "hints.*", "integrity.*")
_POSITION = "last_segment_checked"
_REFUSED = {
    "PassphraseWrong",
    "NoPassphraseFailure",
    "PasscommandFailure",
    "KeyfileNotFoundError",
    "KeyfileInvalidError",
    "RepoKeyNotFoundError",
}
_ABSENT = {
    "Repository.DoesNotExist",
    "Repository.InvalidRepository",
    "Repository.ParentPathDoesNotExist",
}
_LOCKED = {"LockTimeout", "LockFailed", "LockError", "LockErrorT"}
_SILENT = {"ConnectionClosed", "ConnectionClosedWithHint", "RemoteRepository.ConnectionClosed"}


class Message(Struct, frozen=True):
    """A line of --log-json."""

    type: str = ""
    levelname: str = ""
    name: str = ""
    message: str = ""
    msgid: str = ""


class Repository(Struct, frozen=True):
    """A repository of borg, the set's own or the one on the other side."""

    source: Source
    place: str
    password: SecretSource | None
    side: str = "own"

    @property
    def folder(self) -> Path | None:
        """Return its folder on this host; None if it is somewhere else."""
        place = self.place.removeprefix(_FILE)
        return Path(place) if place.startswith("/") else None

    @property
    def name(self) -> str:
        """Return its place as a person may read it."""
        return clean(self.place)[:255]


class Opened(Struct, frozen=True):
    """A repository that can be asked."""

    repository: Repository
    place: str
    """What borg gets as its repository."""
    base: Path
    """Caches and security notes of this one visit: those of earlier ones would refuse a mirror
    that is older."""

    def ask(self, *arguments: str, timeout_seconds: float = 300) -> Output:
        """Run borg, whatever its exit code. `{}` among the arguments stands for the repository."""
        repository = self.repository
        source = repository.source
        surroundings = {
            "BORG_BASE_DIR": str(self.base),
            "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        }
        secrets = {}
        if repository.password is None:
            # Without it borg asks on the terminal.
            surroundings["BORG_PASSPHRASE"] = ""
        else:
            secrets["BORG_PASSPHRASE_FD"] = source.secret(repository.password, "password")
        return source.run(
            source.settings.command or "borg",
            "--log-json",
            *(argument.replace("{}", self.place) for argument in arguments),
            environment=surroundings,
            secrets=secrets,
            timeout_seconds=timeout_seconds,
        )

    def demand(self, *arguments: str, timeout_seconds: float = 300) -> str:
        """Return what borg prints. Raise a ProbeError that says why it did not."""
        output = self.ask(*arguments, timeout_seconds=timeout_seconds)
        refusal = hindrance(self.repository, output)
        if refusal is not None:
            raise refusal
        if output.exit_code != 0:
            raise UnexpectedOutput(self.repository.name, said(output))
        return output.text


def own(source: Source) -> Repository:
    """Return the repository of the set."""
    return Repository(source, source.settings.place, source.settings.password)


def other(source: Source) -> Repository:
    """Return the second repository; its password is the first one's where none is named."""
    offsite = source.settings.offsite
    if offsite is None or not offsite.place:
        raise NotConfigured("backups.offsite.place", "the second repository")
    password = offsite.password or source.settings.password
    return Repository(source, offsite.place, password, "offsite")


def version(source: Source) -> str:
    """Return the name and version of the tool."""
    tool = source.settings.command or "borg"
    return tool_version(source, tool, lambda: source.run(tool, "--version").text.strip())


@contextmanager
def opened(repository: Repository) -> Iterator[Opened]:
    """Give a repository to be asked. Raise a ProbeError if it can't be read."""
    visit = repository.source.cache / f"borg-{repository.side}"
    shutil.rmtree(visit, ignore_errors=True)
    base = visit / "base"
    try:
        try:
            base.mkdir(parents=True)
            place = repository.place
            if repository.folder is not None:
                place = str(_stand_in(repository, repository.folder, visit / "repository"))
        except PermissionError as error:
            raise NotPermitted(str(error.filename)[:255]) from error
        except OSError as error:
            raise UnexpectedOutput(repository.name, str(error)) from error
        yield Opened(repository, place, base)
    finally:
        shutil.rmtree(visit, ignore_errors=True)


def _stand_in(repository: Repository, folder: Path, place: Path) -> Path:
    # Its folder may be closed to us: then this says so, and not that there is nothing.
    names = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
    if not {"config", "data"} <= names:
        raise UnexpectedOutput(repository.name, "no repository of borg is there")
    next((folder / "data").iterdir(), None)
    place.mkdir()
    for name in _COPIED:
        if name in names:
            shutil.copyfile(folder / name, place / name)
    for pattern in _COPIED_PATTERNS:
        for path in folder.glob(pattern):
            shutil.copyfile(path, place / path.name)
    (place / "data").symlink_to(folder / "data", target_is_directory=True)
    _continue(repository, place / "config")
    return place


def _position(repository: Repository) -> Path:
    """Return the file with the last segment of an unfinished check."""
    return repository.source.cache / f"borg-{repository.side}.position"


def keep_position(visit: Opened) -> None:
    """Remember where a check for a limited time has stopped: borg keeps it in the config."""
    lines = (Path(visit.place) / "config").read_text("utf-8", "replace").splitlines()
    found = [line.partition("=")[2].strip() for line in lines if line.startswith(_POSITION)]
    place = _position(visit.repository)
    if found and found[0].isdecimal():
        place.write_text(found[0], encoding="utf-8")
    else:
        place.unlink(missing_ok=True)


def _continue(repository: Repository, config: Path) -> None:
    """Put where the last check stopped into the copy of the config, in place of the owner's."""
    text = config.read_text("utf-8", "surrogateescape")
    kept = [line for line in text.splitlines() if not line.startswith(_POSITION)]
    stopped = _position(repository)
    if stopped.exists() and "[repository]" in kept:
        where = kept.index("[repository]") + 1
        kept.insert(where, f"{_POSITION} = {stopped.read_text('utf-8')}")
    config.write_text("\n".join(kept) + "\n", encoding="utf-8", errors="surrogateescape")


def messages(output: Output) -> list[Message]:
    """Return what borg logged; lines of other form (argument errors) are messages, too."""
    found = []
    for line in output.error_text.splitlines():
        try:
            found.append(msgspec.json.decode(line, type=Message))
        except msgspec.DecodeError:
            found.append(Message("log_message", "ERROR", "", line))
    return [entry for entry in found if entry.message]


def hindrance(repository: Repository, output: Output) -> ProbeError | None:
    """Return what kept borg from looking; None if it looked, whatever it found."""
    if output.exit_code == 0:
        return None
    told = messages(output)
    ids = {entry.msgid for entry in told}
    words = said(output)
    if any("permission denied" in entry.message.lower() for entry in told) or ids & _REFUSED:
        return NotPermitted(repository.name, words)
    if ids & _LOCKED:
        return UnexpectedOutput(repository.name, f"locked: {words}")
    if ids & _ABSENT:
        return UnexpectedOutput(repository.name, f"no repository: {words}")
    if ids & _SILENT:
        return Unreachable(repository.name, words)
    return None


def said(output: Output) -> str:
    """Return borg's own words of warnings and errors, of a traceback its last line."""
    words = []
    for entry in messages(output):
        if entry.levelname not in ("ERROR", "CRITICAL", "WARNING"):
            continue
        text = entry.message.partition("\n\nPlatform:")[0].strip().splitlines()
        words.append(text[-1] if text[0].startswith("Traceback") else text[0])
    return clean("; ".join(words))[:1500] or f"exit code {output.exit_code}"
