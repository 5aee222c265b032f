"""The guard: it holds the private folder on the host, and removes it whatever happens.

A command on a channel of its own makes the folder and then waits for the end of its input. That
comes when this side closes it, when the line is cut, and when the workstation dies. Then it kills
what runs from the folder, with all that this started, removes the folder, looks whether it is gone,
and says so. It does the same when the visit's command ends on its own account (a workstation that
fell silent), on TERM and HUP (a host that ends the sessions of those who sign out), and after a
time limit.

Processes are found by their command line, which names something in the folder: `FOLDER/x…`. The
guard's own never does.
"""

import secrets
import shlex
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from agent.errors import CannotStart, RecordLost
from agent.remote.recording import Recording
from agent.remote.visit.channel import BEAT_SECONDS, Channel, Line, words
from checks.api import Text
from checks.errors import ProbeError
from wire.record import Noted

BRING_SECONDS = 1800
"""For the package to come and to start."""
LONGEST_SECONDS = 12 * 3600
"""For a visit."""
_READY_SECONDS = 30.0
_GONE_SECONDS = 20.0
_EXIT_SECONDS = 5.0
_LONGEST_LINE_BYTES = 2**16
_READY, _GONE, _LEFT = b"xunjian ready", b"xunjian gone", b"xunjian left"

_CLEAN = """
own=; read -r line <"/proc/$$/stat" && { set -- ${line##*) }; own=$4; };
n=0;
while [ "$n" -lt 10 ]; do
  hit=" ${g:+$g }"; g=;
  for p in $(grep -ls "$f/[x]" /proc/[0-9]*/cmdline); do
    p=${p#/proc/}; p=${p%/cmdline};
    read -r line <"/proc/$p/stat" || continue;
    set -- ${line##*) };
    [ "$1" = Z ] && continue;
    if [ "$4" = "$own" ]; then kill -9 "$p"; hit="${hit}own "; else hit="$hit$4 "; fi;
  done;
  [ "$hit" = " " ] && break;
  for s in /proc/[0-9]*/stat; do
    read -r line <"$s" || continue;
    p=${line%% *};
    set -- ${line##*) };
    [ "$1" = Z ] && continue;
    [ "$4" = "$own" ] && continue;
    case "$hit" in (*" $4 "*) kill -9 "$p" ;; esac;
  done;
  n=$((n+1));
  [ "$n" -gt 2 ] && sleep 1;
done 2>/dev/null;
n=0;
while [ -e "$f" ] && [ "$n" -lt 5 ]; do
  rm -rf "$f" 2>/dev/null;
  n=$((n+1));
  [ -e "$f" ] && sleep 1;
done;
if [ -e "$f" ]; then e=left; else e=gone; fi;
printf "\\n%s %s\\n" xunjian "$e"
"""
"""Of folder `$f`, and of session `$g` if it is given.

Whole sessions are killed: a probe has one of its own, for it and its tools.
"""

_GUARD = """
umask 077;
mkdir "$f" || exit 3;
trap : HUP INT TERM;
read -r line <"/proc/$$/stat" && { set -- ${line##*) }; s=$4; };
echo "$$ ${s:-}" >"$f/guard" || { rm -rf "$f"; exit 4; };
exec 3<&0 </dev/null;
cat <&3 >/dev/null 2>&1 & c=$!;
( trap "kill \\$!; exit 0" TERM;
  sleep @bring@ & wait $!;
  [ -e "$f/xrun" ] && { sleep @longest@ & wait $!; };
  kill "$c"
) >/dev/null 2>&1 3<&- & w=$!;
exec 3<&-;
printf "\\n%s %s\\n" xunjian ready;
wait "$c";
trap "" HUP INT TERM PIPE;
kill "$c" "$w" 2>/dev/null;
wait;
"""

_AGAIN = """
read -r p g <"$f/guard";
"""
"""Where the guard itself was killed, what it had started goes, too."""

_NO_FOLDER = Text(
    "无法在目标主机建立临时目录 {path}（{detail}）",
    "no temporary folder {path} can be made on the host ({detail})",
)
_STILL_THERE = Text(
    "目标主机上的临时目录 {path} 未能确认已删除，请管理员检查",
    "it is not certain that the temporary folder {path} on the host was removed: look after it",
)


class Guard:
    """The private folder on a host, held for the time of a `with` block."""

    def __init__(self, line: Line, parent: str, record: Recording) -> None:
        """Make the folder. Raise CannotStart where there can't be one, and what the line does."""
        self._line = line
        self._record = record
        self.left = ""
        """After the block: the folder, where it is not known to be gone."""
        self.folder = f"{parent.rstrip('/')}/.xunjian-{secrets.token_hex(16)}"
        script = _GUARD.replace("@bring@", str(BRING_SECONDS))
        script = self.script(script.replace("@longest@", str(LONGEST_SECONDS)) + _CLEAN)
        self._channel = Channel(line, script, "guard", record)
        try:
            self._await_ready()
        except BaseException:
            self._channel.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the guard and wait until the folder is gone.

        Raise nothing of the line: what broke it is told by whoever used it.
        """
        try:
            gone = self._heard_gone()
            if not gone and not isinstance(error, RecordLost):
                # It was killed itself, or never came to its end: once more, by another command.
                with Channel(
                    self._line, self.script(_AGAIN + _CLEAN), "cleaning", self._record
                ) as again:
                    gone = self._awaited(again)
        except ProbeError:
            gone = False
        if not gone:
            self.left = self.folder
            # Where nothing can be recorded any more, that is what is told.
            if not isinstance(error, RecordLost):
                self._record(Noted(_STILL_THERE.format(path=self.left).zh))

    def script(self, script: str) -> str:
        """Return a script that has the folder as `$f`."""
        return f"f={shlex.quote(self.folder)};{script}"

    def _await_ready(self) -> None:
        ends = time.monotonic() + _READY_SECONDS
        while time.monotonic() < ends:
            found = self._channel.line(BEAT_SECONDS, _LONGEST_LINE_BYTES)
            if found == _READY:
                return
            if found is None:
                break
        detail = words(self._channel.errors) or "-"
        raise CannotStart(_NO_FOLDER.format(path=self.folder, detail=detail))

    def _heard_gone(self) -> bool:
        try:
            self._channel.end_input()
            return self._awaited(self._channel)
        except ProbeError:
            return False
        finally:
            self._channel.close()

    def _awaited(self, channel: Channel) -> bool:
        ends = time.monotonic() + _GONE_SECONDS
        gone = False
        while time.monotonic() < ends:
            found = channel.line(BEAT_SECONDS, _LONGEST_LINE_BYTES)
            if found in (_GONE, _LEFT):
                gone = found == _GONE
            if found is None:
                with suppress(ProbeError):  # the folder is what counts
                    channel.exit_code(_EXIT_SECONDS)
                return gone
        return gone
