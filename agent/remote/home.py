"""The folder of an engineer's workstation, and where things lie in it.

key                the engineer's Ed25519 key, 0600
pending            a registration under way: name and nonce
trust              the collector's signed answer, kept as it came
collector.toml     optional: [collector] as in an agent's settings (url, ca_file, proxy …)
sessions/<id>/     one session each (agent/remote/folder.py)

Nothing here is deleted or made anew because of what somebody answered.
"""

import os
from pathlib import Path

from agent.errors import RemoteError
from agent.remote import texts

VARIABLE = "XUNJIAN_REMOTE_FOLDER"
KEY, PENDING, TRUST, COLLECTOR = "key", "pending", "trust", "collector.toml"


def folder() -> Path:
    """Return the folder: $XUNJIAN_REMOTE_FOLDER, else ~/.config/xunjian/remote. It may not exist.

    Raise RemoteError where there is no home folder to have it in.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).absolute()
    try:
        return Path.home() / ".config" / "xunjian" / "remote"
    except RuntimeError as error:
        raise RemoteError(texts.NO_HOME) from error


def made(home: Path) -> Path:
    """Return the folder, made (0700) if it isn't there and closed to others. Raise RemoteError."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if home.stat().st_mode & 0o077:
            home.chmod(0o700)
    except OSError as error:
        raise unusable(home, error) from error
    return home


def sessions(home: Path) -> Path:
    """Return where the sessions lie."""
    return home / "sessions"


def named(path: str) -> Path:
    """Return a path as a person writes it, with `~`. Raise RemoteError."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise RemoteError(texts.FILE_UNREADABLE.format(file=path, detail=str(error))) from error


def unusable(path: Path, error: OSError) -> RemoteError:
    """Return the error that says why something of the folder can't be used."""
    detail = error.strerror or str(error)
    return RemoteError(texts.FOLDER_UNUSABLE.format(path=str(path), detail=detail))
