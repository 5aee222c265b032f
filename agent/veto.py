"""The last word of the host's administrator: a file of root's that beats everything else.

/etc/xunjian/veto.toml:

off = true                              # the agent does nothing at all
checks = ["host.accounts", "patch.*"]   # these never run; the report says so
upload = false                          # inspections are made and stay on this host

Settings, the command line and the collector can't take anything of it back. A veto that can't be
relied on, because it is broken or because others than root could have written it, stops the agent.
"""

import stat
import tomllib
from collections.abc import Collection
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from agent import messages
from agent.errors import AgentError
from agent.tools import demand_roots
from checks.api import Host, Text
from checks.errors import ProbeError

PATH = "/etc/xunjian/veto.toml"
LONGEST_BYTES = 65536

SWITCHED_OFF = Text(
    f"主机管理员已停用代理（{PATH} 中 off = true）：未执行任何操作",
    f"the administrator of this host has switched the agent off (off = true in {PATH}): nothing"
    " was done",
)
NOT_UPLOADED = Text(
    f"主机管理员禁止上传（{PATH} 中 upload = false）：数据保留在本机",
    f"the administrator of this host forbids uploads (upload = false in {PATH}): the data stay",
)
NO_CONTACT = Text(
    f"主机管理员禁止联系采集端（{PATH} 中 upload = false）：未发送任何内容",
    f"the administrator of this host forbids contact with the collector (upload = false in {PATH}):"
    " nothing was sent",
)
_STOPS = Text(
    "{path} 不可信（{what}），代理因此不执行任何操作：请以 root 更正",
    "{path} can't be relied on ({what}), so the agent does nothing: put it right as root",
)
_UNREADABLE = Text("无法读取：{detail}", "can't be read: {detail}")
_NOT_ROOTS = Text("root 以外的用户可以改写它：{detail}", "others than root can write it: {detail}")
_NOT_TOML = Text("不是有效的 TOML：{detail}", "not valid TOML: {detail}")
_WRONG = Text("内容有误：{detail}", "wrong content: {detail}")
_NO_CHECK = Text("没有检查符合 {name}{hint}", "no check fits {name}{hint}")


class VetoError(AgentError):
    """The veto can't be relied on; nothing may be done."""


class Veto(Struct, frozen=True, forbid_unknown_fields=True):
    """What the administrator forbids; by default nothing."""

    off: bool = False
    checks: tuple[Annotated[str, Meta(min_length=1, max_length=100)], ...] = ()
    """Ids, chapters or globs."""
    upload: bool = True


def load(known_checks: Collection[str] | None = None) -> Veto:
    """Return the veto of this host; one that forbids nothing where there is no file.

    Raise VetoError for one that can't be relied on, also for an entry that fits none of
    `known_checks`: a check that was meant and misspelt must not run.
    """
    path = Path(PATH)
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise _stop(_WRONG.format(detail="no regular file"))
        demand_roots(path)
        with path.open("rb") as file:
            content = file.read(LONGEST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return Veto()
    except OSError as error:
        raise _stop(_UNREADABLE.format(detail=error.strerror or str(error))) from error
    except ProbeError as error:
        raise _stop(_NOT_ROOTS.format(detail=error.detail)) from error
    return _understood(content, known_checks)


def of_host(host: Host, known_checks: Collection[str]) -> Veto:
    """Return the veto of a host where no agent is installed; whatever can't be read stops.

    Who may write it is not looked at: over a channel it can only forbid.
    """
    try:
        if not host.exists(PATH):
            return Veto()
        content = host.read_bytes(PATH, limit_bytes=LONGEST_BYTES + 1)
    except ProbeError as error:
        raise _stop(_UNREADABLE.format(detail=error.detail or str(error))) from error
    return _understood(content, known_checks)


def _understood(content: bytes, known_checks: Collection[str] | None) -> Veto:
    veto = _read(content)
    for pattern in veto.checks:
        if known_checks is not None and not any(_fits(name, pattern) for name in known_checks):
            hint = messages.nearest(pattern, known_checks)
            raise _stop(_NO_CHECK.format(name=pattern, hint=hint))
    return veto


def _read(content: bytes) -> Veto:
    if len(content) > LONGEST_BYTES:
        raise _stop(_WRONG.format(detail=f"> {LONGEST_BYTES} bytes"))
    try:
        return msgspec.convert(tomllib.loads(content.decode()), Veto)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _stop(_NOT_TOML.format(detail=str(error))) from error
    except msgspec.ValidationError as error:
        raise _stop(_WRONG.format(detail=str(error))) from error


def _fits(check_id: str, pattern: str) -> bool:
    return fnmatchcase(check_id, pattern) or check_id.startswith(f"{pattern}.")


def _stop(what: Text) -> VetoError:
    return VetoError(_STOPS.format(path=PATH, what=what))
