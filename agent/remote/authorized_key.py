"""The command `xunjian-agent remote authorized-key`: a key that can inspect and nothing else.

sshd then runs this command whatever the client asks for, without terminal, forwarding or the user's
start-up files (`restrict`, sshd(8)).
"""

import re
import shlex
import sys
from pathlib import Path

from agent.console import Console
from agent.errors import RemoteError
from agent.remote import texts
from checks.api import Text

LARGEST_BYTES = 16384
_LINE = re.compile(
    r"(?P<type>ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com|"
    r"sk-ecdsa-sha2-nistp256@openssh\.com) (?P<blob>[A-Za-z0-9+/]{40,}={0,3})(?: (?P<name>.*))?"
)
_PROGRAM = re.compile(r"/[^\x00-\x1f\x7f\"\\]*")

_EXPLANATION = Text(
    "请主机管理员把上面一行加入巡检所用账户的 ~/.ssh/authorized_keys：此密钥从此只能在授权范围内"
    "巡检，不能登录、传文件或转发端口；删去该行即收回，/etc/xunjian/veto.toml 始终优先",
    "an administrator of the host adds the line above to ~/.ssh/authorized_keys of the account for "
    "inspections: then this key can inspect within a grant, and neither sign in to a shell, nor "
    "move files, nor forward ports; removing the line takes that back, and /etc/xunjian/veto.toml "
    "beats it at any time",
)


def authorized_key(console: Console, key_file: str, program: str | None, *, as_json: bool) -> int:
    """Print the line. Raise RemoteError for what is no public key, or no path."""
    running = str(Path(sys.executable).with_name("xunjian-agent"))
    line = line_of(_content(key_file), key_file, program or running)
    if as_json:
        console.json({"line": line})
    else:
        console.say(line)
        console.complain(_EXPLANATION)
    return 0


def line_of(content: bytes, key_file: str, program: str) -> str:
    """Return the line for a public key. Raise RemoteError."""
    if not _PROGRAM.fullmatch(program):
        raise RemoteError(texts.PROGRAM_UNFIT.format(given=program[:200]))
    lines = [
        each
        for each in content.decode("utf-8", "replace").splitlines()
        if each.strip() and not each.startswith("#")
    ]
    match = _LINE.fullmatch(lines[0].strip()) if len(lines) == 1 else None
    if match is None:
        raise RemoteError(texts.NO_PUBLIC_KEY.format(file=key_file))
    name = "".join(each for each in match["name"] or "" if each.isprintable())
    command = f"{shlex.quote(program)} remote answer --forced"
    return f'restrict,command="{command}" {match["type"]} {match["blob"]} {name}'.rstrip()


def _content(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(LARGEST_BYTES)
    except OSError as error:
        detail = error.strerror or str(error)
        raise RemoteError(texts.FILE_UNREADABLE.format(file=path, detail=detail)) from error
