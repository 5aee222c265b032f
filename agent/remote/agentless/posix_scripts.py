"""The scripts of posix_host.py: what POSIX promises of a shell, and `head -c`.

A script goes in by standard input: the user's own shell, whichever it is, only has to start /bin/sh
from a line without quotes. It is one group of commands, so that all of it has been read before any
of it runs.
"""

from shlex import quote

from agent.remote.agentless import marks
from agent.tools import TOOL_FOLDERS

SHELL = "/bin/sh -s"
_PATH = ":".join(TOOL_FOLDERS)


def framed(body: str, number: str) -> str:
    """Return a script that marks its output on both streams; `$s` is what the second mark says."""
    first, second = quote(marks.begin(number)), quote(marks.end(number))
    return f"""{{
PATH={_PATH}; LC_ALL=C; export PATH LC_ALL; unset IFS CDPATH; cd /
printf '\\036%s\\n' {first}; printf '\\036%s\\n' {first} >&2
s=
{body}
printf '\\036%s%s\\n' {second} "$s"; printf '\\036%s%s\\n' {second} "$s" >&2
exit 0
}} </dev/null
"""


SURVEY = """uname -s
case $(timeout --version 2>/dev/null) in
*coreutils*) command -v timeout; s=group ;;
*) timeout -s KILL 5 /bin/sh -c : 2>/dev/null && s=plain ;;
esac
[ "$(printf abc | head -c 1 2>/dev/null)" = a ] && s="$s head"
"""
"""The name of the system; where a `timeout` is that ends all that a command has started (GNU), or
whether there is one that ends the command alone (Busybox); whether head cuts by bytes."""


def read(path: str, limit_bytes: int) -> str:
    """Print a regular file; else why it can't be."""
    name = quote(path)
    return f"""if [ -f {name} ]; then head -c {limit_bytes} <{name}; s="read $?"
{_absent(name)}"""


def date(path: str) -> str:
    """Print the seconds since 1970 when a path was changed; else why they can't be told.

    GNU prints a fraction for %.9Y, Busybox nine digits at least.
    """
    name = quote(path)
    operand = quote(path if path.startswith("/") else f"./{path}")
    return f"""if [ -e {name} ]; then
stat -L -c %.9Y {operand} 2>/dev/null || date -r {operand} +%s 2>/dev/null; s="dated $?"
{_absent(name)}"""


def look(path: str) -> str:
    """Tell whether something is at a path."""
    name = quote(path)
    return f"""if [ -e {name} ]; then s=there
{_absent(name)}"""


def paths(folder: str, words: tuple[str, ...], *, links: bool) -> str:
    """Print the paths that words expand to, a NUL behind each."""
    name = quote(folder)
    real = '[ -e "$f" ] || [ -L "$f" ]' if links else '[ -e "$f" ]'
    return f"""if [ -d {name} ]; then
if [ -r {name} ] && [ -x {name} ]; then
for f in {" ".join(words)}; do
if {real}; then printf '%s\\000' "$f"; fi
done
s=listed
else s=refused
fi
{_absent(name)}"""


def tool(command: tuple[str, ...], limit_bytes: int, kill_seconds: int) -> str:
    """Run a tool from the fixed folders with a bare environment, its two streams apart.

    The script ends when both streams have ended, whoever of its children holds them open.
    `kill_seconds` are given to a `timeout` that ends the tool alone; 0: without one.
    """
    name = quote(command[0])
    places = name if "/" in command[0] else " ".join(f"{each}/{name}" for each in TOOL_FOLDERS)
    guard = f"timeout -s KILL {kill_seconds} " if kill_seconds else ""
    bare = f"env -i LC_ALL=C.UTF-8 PATH={_PATH} HOME=/ TERM=dumb"
    words = " ".join(quote(argument) for argument in command[1:])
    most = limit_bytes + 1
    return f"""for t in {places}; do [ -f "$t" ] && break; t=; done
exec 3>&1
if [ -z "$t" ]; then s=missing
elif [ ! -x "$t" ]; then s=locked; printf '%s' "$t"
else
s="ran $(
{{ {{ {{
{guard}{bare} "$t" {words} 3>&- 4>&- 5>&-
printf '%s' "$?" >&4
}} 2>&1 >&5 3>&- | head -c {most} >&2 3>&- 4>&- 5>&-
}} 5>&1 | head -c {most} >&3 3>&- 4>&-
}} 4>&1)"
fi"""


def _absent(name: str) -> str:
    return f"""elif [ -e {name} ]; then s=odd
else ls -dL -- {name} >/dev/null; s="absent $?"
fi"""
