"""The agent's own package: what a remote inspection brings to a host (docs/agent-package.md)."""

import hashlib
import sys
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from agent import VERSION
from agent.errors import RemoteError
from checks.api import Text

FOLDERS = (
    Path(__file__).parent.parent.parent / "build" / "agent-package",
    Path(sys.prefix) / "share" / "xunjian" / "agent-package",
)
"""Where it is looked for: in a source tree, and beside an installed distribution."""


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """What stands beside the archive, in JSON."""

    version: str
    system: str
    machine: str
    """Both as uname(1) says them, `system` in small letters."""
    glibc: str
    """The oldest that it runs with: the highest version of a symbol in it."""
    sha256: str
    bytes: int
    """Of the archive."""
    files: int
    checks_digest: str
    """Of the checks in it: agent.surroundings.checks_digest says the same on the host."""


class Package(Manifest, frozen=True):
    """A package that was looked through: its bytes are those that were built."""

    path: Path
    """Of the archive, a .tar.gz that is unpacked into a folder of its own."""


def archive_name(version: str) -> str:
    """Return the file name of the archive of a version."""
    return f"xunjian-agent-{version}-linux-x86_64.tar.gz"


def manifest_name(version: str) -> str:
    """Return the file name of its manifest."""
    return f"xunjian-agent-{version}-linux-x86_64.json"


def find() -> Package | None:
    """Return the package of this installation, None if it has none. Raise RemoteError."""
    return next((found for folder in FOLDERS if (found := load(folder)) is not None), None)


def load(folder: Path) -> Package | None:
    """Return the package of this very version in a folder, None if there is none.

    Raise RemoteError where it can't be read, or is not what was built.
    """
    path = folder / archive_name(VERSION)
    try:
        manifest = msgspec.json.decode(
            (folder / manifest_name(VERSION)).read_bytes(), type=Manifest
        )
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except (FileNotFoundError, NotADirectoryError) as error:
        if path.exists():
            raise _unusable(path, Text("清单缺失", "its manifest is missing")) from error
        if (folder / manifest_name(VERSION)).exists():
            raise _unusable(path, Text("文件缺失", "it is missing")) from error
        return None
    except OSError as error:
        raise _unusable(path, Text.same(error.strerror or str(error))) from error
    except msgspec.DecodeError as error:
        raise _unusable(
            path, Text(f"清单有误：{error}", f"its manifest is wrong: {error}")
        ) from error
    if (size, digest) != (manifest.bytes, manifest.sha256):
        raise _unusable(path, Text("内容与清单不符", "its content is not what the manifest says"))
    if manifest.version != VERSION:
        raise _unusable(
            path,
            Text(f"清单写的版本是 {manifest.version}", f"its manifest says {manifest.version}"),
        )
    return Package(**structs.asdict(manifest), path=path)


def _unusable(path: Path, why: Text) -> RemoteError:
    return RemoteError(
        Text(
            f"不能使用代理安装包 {path}：{why.zh}。请重新生成（make agent-package）或重新取得",
            f"the agent's package {path} can't be used: {why.en}. "
            "Build it again (make agent-package) or fetch it again",
        )
    )
