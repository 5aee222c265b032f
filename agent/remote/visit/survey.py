"""The first command on a host: what answers, what there is for a visit. It changes nothing.

Lines begin with a mark that holds a number made for this survey: neither a greeting nor a shell
that complains about the command, and repeats it, says that. An empty line comes first, as a
greeting need not end with one.
"""

import secrets
import threading
import time
from contextlib import suppress
from enum import Enum

import msgspec
from msgspec import Struct

from agent.remote.lines import Hello, heard_from_host
from agent.remote.recording import Recording
from agent.remote.visit.channel import BEAT_SECONDS, Channel, Line, demand_going, words
from checks.errors import ProbeError, TimedOut

_SECONDS = 60.0
_EXIT_SECONDS = 5.0
_WINDOWS_SECONDS = 20.0
_MOST_BYTES = 2**20
_LONGEST_LINE_BYTES = 2**16
_WORDS_BYTES = 4096
ENOUGH_BYTES = 512 * 2**20
"""Where a folder has so much room, no further one is looked at: a home folder may be a share that
hangs."""

_SCRIPT = f"""
echo;
n=@number@;
say() {{ printf "%s-%s %s\\n" xunjian-survey "$n" "$*"; }};
say system "$(uname -s 2>/dev/null)";
say machine "$(uname -m 2>/dev/null)";
say user "$(id -u 2>/dev/null)";
say glibc "$(getconf GNU_LIBC_VERSION 2>/dev/null)";
for t in tar gzip mkdir rm cat sleep grep; do
  command -v "$t" >/dev/null 2>&1 && say tool "$t";
done;
for d in /tmp /var/tmp /dev/shm "$HOME"; do
  [ -n "$d" ] && [ -d "$d" ] && [ -w "$d" ] && [ -x "$d" ] || continue;
  df -Pk "$d" 2>/dev/null | {{
    free=; at=;
    while read -r a b c e f g; do free=$e; at=$g; done;
    x=yes;
    if [ -r /proc/mounts ]; then
      while read -r a b c options e; do
        [ "$b" = "$at" ] && case ",$options," in (*,noexec,*) x=no ;; (*) x=yes ;; esac;
      done </proc/mounts;
    fi;
    say folder "$x" "${{free:-0}}" "$d";
    [ "$x" = yes ] && [ "${{free:-0}}" -ge {ENOUGH_BYTES // 1024} ];
  }} && break;
done;
say end
"""
_WINDOWS = "cmd.exe /c ver"
_WINDOWS_SYSTEMS = ("MINGW", "MSYS", "CYGWIN", "Windows")


class Kind(Enum):
    """What answers."""

    POSIX = "posix"
    """A POSIX shell."""
    WINDOWS = "windows"
    FORCED = "forced"
    """An agent: the key that signed in can do nothing else."""
    UNKNOWN = "unknown"
    """Something else; `words` has what it said."""


class Survey(Struct, frozen=True, kw_only=True):
    """What answers at a host, and what it has for a visit."""

    kind: Kind
    system: str = ""
    """As uname(1) says it."""
    machine: str = ""
    user_id: int | None = None
    glibc: str = ""
    """Its version; empty: another C library."""
    tools: frozenset[str] = frozenset()
    temporary_folder: str = ""
    """That this user may write; empty: none."""
    free_bytes: int = 0
    """There."""
    executable: bool = False
    """False: programs don't run from there (`noexec`)."""
    words: str = ""
    """Of what is no POSIX shell: the first line that it said."""


class _Folder(Struct, frozen=True):
    path: str
    free_bytes: int
    executable: bool


def survey(line: Line, record: Recording, stop: threading.Event | None = None) -> Survey:
    """Look at a host. Raise TimedOut, UnexpectedOutput, Stopped, and what the line does."""
    stop = stop or threading.Event()
    number = secrets.token_hex(8)
    mark = f"xunjian-survey-{number} ".encode()
    said: list[str] = []
    other = bytearray()
    ends = time.monotonic() + _SECONDS
    with Channel(line, _SCRIPT.replace("@number@", number), "survey", record) as channel:
        while (found := channel.line(BEAT_SECONDS, _LONGEST_LINE_BYTES)) is not None:
            demand_going(stop)
            if time.monotonic() > ends:
                raise TimedOut(channel.subject, f"took more than {_SECONDS:.3g} s")
            if found.startswith(mark):
                said.append(found[len(mark) :].decode("utf-8", "replace"))
            elif _is_hello(found):
                return Survey(kind=Kind.FORCED)
            else:
                other += found[: max(0, _WORDS_BYTES - len(other))] + b"\n"
        other += channel.errors[:_WORDS_BYTES]
        with suppress(ProbeError):  # what it has said is what counts
            channel.exit_code(_EXIT_SECONDS)
    if "end" in said:
        return _understood(said)
    with Channel(line, _WINDOWS, "survey", record, plain=True) as channel:
        answer = channel.all_of_it(_WINDOWS_SECONDS, _MOST_BYTES, stop)
    if b"Microsoft Windows" in answer:
        return Survey(kind=Kind.WINDOWS, system="Windows", words=words(answer))
    return Survey(kind=Kind.UNKNOWN, words=words(bytes(other)))


def _is_hello(found: bytes) -> bool:
    try:
        return isinstance(heard_from_host(found), Hello)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def _understood(said: list[str]) -> Survey:
    values: dict[str, str] = {}
    tools, folders = set(), []
    for name, _, value in (each.partition(" ") for each in said):
        if name == "tool":
            tools.add(value)
        elif name == "folder":
            executable, _, rest = value.partition(" ")
            free, _, path = rest.partition(" ")
            if free.isdecimal() and path.startswith("/"):
                folders.append(_Folder(path, int(free) * 1024, executable == "yes"))
        else:
            values[name] = value
    system, user = values.get("system", ""), values.get("user", "")
    if system.startswith(_WINDOWS_SYSTEMS):
        return Survey(kind=Kind.WINDOWS, system="Windows", words=system)
    # The first with room, or that with most; one where nothing may be started comes last.
    best = max(
        folders,
        key=lambda each: (each.executable, min(each.free_bytes, ENOUGH_BYTES)),
        default=_Folder("", 0, False),
    )
    return Survey(
        kind=Kind.POSIX,
        system=system,
        machine=values.get("machine", ""),
        user_id=int(user) if user.isdecimal() else None,
        glibc=values.get("glibc", "").removeprefix("glibc").strip(),
        tools=frozenset(tools),
        temporary_folder=best.path,
        free_bytes=best.free_bytes,
        executable=best.executable,
    )
