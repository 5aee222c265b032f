"""The steps of installing and uninstalling: said before they are done, and done once.

Nothing is written through a link, and what is there already as it should be is left alone.
"""

import os
import shutil
import stat
from pathlib import Path

from msgspec import Struct

from agent.errors import AgentError
from agent.installation import texts
from agent.tools import find_tool, run_tool
from checks.api import Text
from checks.errors import ProbeError, ToolMissing

COMMAND_SECONDS = 60.0


class InstallationError(AgentError):
    """A step could not be done; those before it stand, and all may be repeated."""


class MakeFolder(Struct, frozen=True):
    """A folder, with its mode and its owner (a name of the target's passwd, or root)."""

    path: Path
    mode: int
    owner: str = "root"


class WriteFile(Struct, frozen=True):
    """A file of root's; `keep` leaves one that is there as the administrator has it."""

    path: Path
    content: str
    mode: int
    keep: bool = False


class Remove(Struct, frozen=True):
    """A file, or a folder with all that is in it."""

    path: Path


class Command(Struct, frozen=True):
    """A tool of the system; `may_fail` where it has nothing to do on some hosts."""

    command: tuple[str, ...]
    may_fail: bool = False


Step = MakeFolder | WriteFile | Remove | Command


def said(step: Step) -> Text:
    """Return what the step does, or that there is nothing to do."""
    match step:
        case MakeFolder(path=path, mode=mode):
            sentence = texts.SAME if path.is_dir() else texts.FOLDER
            return sentence.format(path=str(path), mode=f"{mode:04o}")
        case WriteFile(path=path, mode=mode, keep=keep):
            if keep and path.exists():
                return texts.KEEP.format(path=str(path))
            sentence = texts.SAME if _is_written(step) else texts.WRITE
            return sentence.format(path=str(path), mode=f"{mode:04o}")
        case Remove(path=path):
            return texts.REMOVE.format(path=str(path))
        case Command(command=command):
            return texts.COMMAND.format(command=" ".join(command))


def do(step: Step, root: Path) -> None:
    """Do the step. Raise InstallationError, with what it was, if it can't be done."""
    try:
        match step:
            case MakeFolder():
                _make(step, root)
            case WriteFile():
                _write(step)
            case Remove(path=path):
                _remove(path)
            case Command():
                _run(step)
    except OSError as error:
        raise _failed(step, error.strerror or str(error)) from error


def owner_of(name: str, root: Path) -> tuple[int, int]:
    """Return the user and group id of a user of the target. Raise InstallationError for none."""
    for line in (root / "etc/passwd").read_text().splitlines():
        fields = line.split(":")
        if fields[0] == name and len(fields) > 3:
            return int(fields[2]), int(fields[3])
    raise InstallationError(texts.STEP_FAILED.format(what="getpwnam", detail=name))


def _make(step: MakeFolder, root: Path) -> None:
    if step.path.is_symlink() or (step.path.exists() and not step.path.is_dir()):
        raise InstallationError(texts.FOREIGN_FILE.format(path=str(step.path)))
    step.path.mkdir(parents=True, exist_ok=True)
    user, group = (0, 0) if step.owner == "root" else owner_of(step.owner, root)
    os.chown(step.path, user, group)
    step.path.chmod(step.mode)


def _write(step: WriteFile) -> None:
    path = step.path
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InstallationError(texts.FOREIGN_FILE.format(path=str(path)))
    if (step.keep and path.exists()) or _is_written(step):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.xunjian-new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(step.content)
        os.fchmod(descriptor, step.mode)
        os.fsync(descriptor)
    draft.replace(path)


def _is_written(step: WriteFile) -> bool:
    try:
        status = step.path.lstat()
        same = step.path.read_text(encoding="utf-8") == step.content
    except (OSError, UnicodeDecodeError):
        return False
    return same and stat.S_IMODE(status.st_mode) == step.mode and status.st_uid == os.geteuid()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _run(step: Command) -> None:
    try:
        tool = find_tool(step.command[0])
        output = run_tool(tool, step.command, COMMAND_SECONDS, 2**20)
    except ToolMissing as error:
        if step.may_fail:
            return
        raise _failed(step, texts.TOOL_MISSING.format(tool=step.command[0]).en) from error
    except ProbeError as error:
        raise _failed(step, str(error)) from error
    if output.exit_code != 0 and not step.may_fail:
        raise _failed(step, output.error_text.strip()[:300] or f"exit code {output.exit_code}")


def _failed(step: Step, detail: str) -> InstallationError:
    return InstallationError(texts.STEP_FAILED.format(what=said(step), detail=detail))
