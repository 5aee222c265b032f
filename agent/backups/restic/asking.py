"""Ask restic about a repository, and say apart what kept it from answering."""

from pathlib import Path

from msgspec import Struct

from agent.backups.kind import Source
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

_LOCAL = "local:"
_WRONG_PASSWORD = ("wrong password or no key found", "an empty password is not a password")
_REFUSED = ("permission denied", "operation not permitted", "access denied", "status 403")
_LOCKED = ("already locked", "unable to create lock")
_ABSENT = ("unable to open config file", "repository does not exist", "is there a repository at")
_SILENT = (
    "connection refused",
    "no such host",
    "dial tcp",
    "i/o timeout",
    "connection reset",
    "no route to host",
)
_EXIT_ABSENT, _EXIT_LOCKED, _EXIT_PASSWORD = 10, 11, 12  # from 0.17 on; before, all are 1


class Repository(Struct, frozen=True):
    """A repository of restic, the set's own or the one on the other side."""

    source: Source
    place: str
    password: SecretSource | None
    side: str = "own"

    @property
    def folder(self) -> Path | None:
        """Return its folder on this host; None if it is somewhere else."""
        place = self.place.removeprefix(_LOCAL)
        return Path(place) if place.startswith("/") else None

    @property
    def name(self) -> str:
        """Return its place as a person may read it."""
        return clean(self.place)


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
    return " ".join(source.run(_tool(source), "version").text.split()[:2])


def ask(repository: Repository, *arguments: str, timeout_seconds: float = 120) -> Output:
    """Run restic on a repository without a lock, whatever its exit code; see `demand`.

    The place is in its environment, not among its arguments: it may hold a password.
    """
    source = repository.source
    if repository.password is None:
        raise NotConfigured("backups.password", "restic reads nothing without it")
    secret = source.secret(repository.password, "password")
    return source.run(
        _tool(source),
        "--no-lock",
        *arguments,
        environment={
            "RESTIC_REPOSITORY": repository.place,
            "RESTIC_CACHE_DIR": str(source.cache / "restic"),
            "TMPDIR": str(source.cache),
        },
        secrets={"RESTIC_PASSWORD_FILE": secret},
        timeout_seconds=timeout_seconds,
    )


def demand(repository: Repository, *arguments: str, timeout_seconds: float = 120) -> str:
    """Return what restic prints. Raise a ProbeError that says why it did not."""
    output = ask(repository, *arguments, timeout_seconds=timeout_seconds)
    refusal = hindrance(repository, output)
    if refusal is not None:
        raise refusal
    if output.exit_code != 0:
        raise UnexpectedOutput(repository.name[:255], said(output))
    return output.text


def hindrance(repository: Repository, output: Output) -> ProbeError | None:
    """Return what kept restic from looking; None if it looked, whatever it found."""
    words = output.error_text.lower()
    name = repository.name[:255]
    # Some refusals end with exit code 0 and an empty list, so the words count alone.
    if any(refused in words for refused in _REFUSED):
        return NotPermitted(name, said(output))
    if output.exit_code == 0:
        return None
    if output.exit_code == _EXIT_PASSWORD or any(word in words for word in _WRONG_PASSWORD):
        return NotPermitted(name, said(output))
    if output.exit_code == _EXIT_LOCKED or any(word in words for word in _LOCKED):
        return UnexpectedOutput(name, f"locked: {said(output)}")
    if output.exit_code == _EXIT_ABSENT or any(word in words for word in _ABSENT):
        return UnexpectedOutput(name, f"no repository: {said(output)}")
    if any(word in words for word in _SILENT):
        return Unreachable(name, said(output))
    return None


def said(output: Output) -> str:
    """Return restic's own last words, without secrets."""
    lines = [line.strip() for line in output.error_text.splitlines() if line.strip()]
    kept = [line for line in lines if "retrying after" not in line] or lines
    return clean("; ".join(kept))[:1500] or f"exit code {output.exit_code}"


def _tool(source: Source) -> str:
    return source.settings.command or "restic"
