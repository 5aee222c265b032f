"""Secrets: where the settings say they are kept, and how they are held.

A secret never stands in the settings themselves, in an argument or in an environment. One of:

proxy_password = { credential = "proxy" }              # LoadCredential= of the systemd unit
proxy_password = { file = "/etc/xunjian/proxy.secret" }  # mode 0600 or 0400
proxy_password = { command = ["/usr/bin/pass", "show", "proxy"] }   # the first line it prints

Of a file its first line is the secret, all of it where that begins a private key.

Whatever is obtained is remembered by the output filter (agent/redaction.py) at once.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

from msgspec import Meta, Struct

from agent import redaction
from agent.errors import AgentError
from agent.tools import find_tool, run_tool
from checks.api import Text
from checks.errors import ProbeError

COMMAND_SECONDS = 10.0
LONGEST_BYTES = 16384
_PEM = "-----BEGIN "
"""How a private key begins: the one secret that has more lines than one."""

_AbsolutePath = Annotated[str, Meta(pattern=r"^/[^\0]*$")]

_WHERE = Text("机密 {name}（{place}）", "the secret {name} ({place})")
_NO_CREDENTIALS = Text(
    "没有 systemd 凭据目录：请在服务单元中写 LoadCredential=，或改用 file",
    "systemd gave no credentials: add LoadCredential= to the unit, or use file",
)
_MISSING = Text("不存在：请建立它", "does not exist: make it")
_UNREADABLE = Text("无法读取（{detail}）", "can't be read ({detail})")
_NOT_REGULAR = Text("不是普通文件（链接也不行）", "is no regular file (nor may it be a link)")
_OPEN_TO_OTHERS = Text(
    "权限为 {mode}，他人也可访问：请执行 chmod 600",
    "has mode {mode}, so that others can get at it: chmod 600",
)
_FOREIGN = Text(
    "属于其他用户（uid {owner}）：请改为代理的用户或 root 所有",
    "belongs to another user (uid {owner}): give it to the agent's user or root",
)
_COMMAND_FAILED = Text("命令没有给出机密（{detail}）", "the command gave no secret ({detail})")
_EMPTY = Text("第一行是空的", "has an empty first line")
_TOO_SHORT = Text(
    "少于 {least} 个字符，无法从输出中滤除：请使用更长的机密",
    "has fewer than {least} characters, too few to keep it out of what is printed: take another",
)
_TOO_LONG = Text("超过 {most} 字节，不像是机密", "has more than {most} bytes: that is no secret")
_NOT_TEXT = Text("不是 UTF-8 文本", "is not UTF-8")
_SENTENCE = Text("{where}：{what}", "{where}: {what}")


Complaint = Callable[[Text], "SecretError"]


class SecretError(AgentError):
    """A secret that the settings name can't be obtained; the sentence never holds any of it."""


class Secret:
    """A value that nobody prints by accident: only `reveal` shows it.

    It can't be compared, hashed by value, copied through pickle, or encoded by msgspec.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        redaction.remember(value)
        self._value = value

    def reveal(self) -> str:
        """Return the value. Hand it on; don't keep it."""
        return self._value

    def __repr__(self) -> str:
        return redaction.MASK

    def __format__(self, _form: str) -> str:
        return redaction.MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written down")


class SecretSource(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a secret is kept: exactly one of the three."""

    credential: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$")] | None = None
    """Name in $CREDENTIALS_DIRECTORY, which systemd fills by LoadCredential=."""
    file: _AbsolutePath | None = None
    command: Annotated[tuple[str, ...], Meta(min_length=1)] | None = None

    def __post_init__(self) -> None:
        """Refuse none, several, and a command that would be looked for."""
        given = [place for place in (self.credential, self.file, self.command) if place is not None]
        if len(given) != 1:
            raise ValueError("exactly one of credential, file, command")
        if self.command is not None and not self.command[0].startswith("/"):
            raise ValueError("command starts with an absolute path")


_obtained: dict[SecretSource, Secret] = {}


def obtain(source: SecretSource, name: str) -> Secret:
    """Return the secret; `name` is the settings' key, for the sentence of a SecretError.

    A source is asked once in the life of a process.
    """
    if source not in _obtained:
        _obtained[source] = _read(source, name)
    return _obtained[source]


def foresee(settings: object) -> None:
    """Obtain every secret that the settings name, so that the filter knows it before a probe runs.

    One that can't be obtained is nobody's yet: who needs it will say so.
    """
    if isinstance(settings, SecretSource):
        try:
            obtain(settings, "")
        except SecretError:
            return
    elif isinstance(settings, Struct):
        for field in settings.__struct_fields__:
            foresee(getattr(settings, field))
    elif isinstance(settings, dict):
        for entry in settings.values():
            foresee(entry)
    elif isinstance(settings, tuple | list):
        for entry in settings:
            foresee(entry)


def _read(source: SecretSource, name: str) -> Secret:
    place = source.credential or source.file or (source.command or ("",))[0]
    where = _WHERE.format(name=name, place=place)

    def wrong(what: Text) -> SecretError:
        return SecretError(_SENTENCE.format(where=where, what=what))

    if source.command is not None:
        content = _printed(source.command, wrong)
    elif source.credential is not None:
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise wrong(_NO_CREDENTIALS)
        # systemd alone writes there; its modes differ with the file system that it has.
        content = _content(Path(folder, source.credential), wrong, guarded=False)
    else:
        assert source.file is not None
        content = _content(Path(source.file), wrong, guarded=True)
    if len(content) > LONGEST_BYTES:
        raise wrong(_TOO_LONG.format(most=LONGEST_BYTES))
    try:
        text = content.decode()
        value = text if text.startswith(_PEM) else text.split("\n", 1)[0].rstrip("\r")
    except UnicodeDecodeError:
        # Without the cause: a UnicodeDecodeError carries the bytes.
        raise wrong(_NOT_TEXT) from None
    if not value:
        raise wrong(_EMPTY)
    if len(value) < redaction.SHORTEST_CHARACTERS:
        raise wrong(_TOO_SHORT.format(least=redaction.SHORTEST_CHARACTERS))
    return Secret(value)


def _content(path: Path, wrong: Complaint, *, guarded: bool) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise wrong(_MISSING) from error
    except OSError as error:
        if path.is_symlink():
            raise wrong(_NOT_REGULAR) from error
        raise wrong(_UNREADABLE.format(detail=error.strerror or str(error))) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise wrong(_NOT_REGULAR)
        mode = stat.S_IMODE(status.st_mode)
        if guarded and mode & 0o177:
            raise wrong(_OPEN_TO_OTHERS.format(mode=f"{mode:04o}"))
        if guarded and status.st_uid not in (0, os.geteuid()):
            raise wrong(_FOREIGN.format(owner=status.st_uid))
        return os.read(descriptor, LONGEST_BYTES + 1)
    finally:
        os.close(descriptor)


def _printed(command: tuple[str, ...], wrong: Complaint) -> bytes:
    try:
        tool = find_tool(command[0])
        output = run_tool(tool, command, COMMAND_SECONDS, LONGEST_BYTES)
    except ProbeError as error:
        raise wrong(_COMMAND_FAILED.format(detail=f"{error.reason.value}: {error}")) from error
    if output.exit_code != 0:
        # Not its words: they may hold what it should have kept to itself.
        raise wrong(_COMMAND_FAILED.format(detail=f"exit code {output.exit_code}"))
    return output.text.encode()
