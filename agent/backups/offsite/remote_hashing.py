"""Digests made where the copies lie, by `openssl dgst` or `sha256sum` over a shell.

The files are named in a script that /bin/sh reads from its input: no argument is too long, whatever
the user's own shell is, and a name may hold anything. Each file goes to the tool's input, so that
an answer is a number and a digest and never holds a name; what is no such line is no digest.
"""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from agent.backups.offsite.side import Entry
from agent.ssh.connection import Connection
from checks.errors import UnexpectedOutput
from wire.messages import Failure, Reason

_EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""SHA-256 of nothing."""
_TOOLS = ("openssl dgst -sha256 -r", "sha256sum")
"""openssl first: it hashes four times as fast as Debian's coreutils, which leave SHA-NI alone."""
_ANSWER = re.compile(r"(\d+) ([0-9a-f]{64}) [ *](?:stdin|-)")
_REFUSED = re.compile(r"(\d+) (.*)")
SHELL = "/bin/sh -s"
"""Reads its script from its input."""
_ASIDE = ("nice -n 19 ionice -c 3 ", "")
"""Where they are there: the other side has work of its own, too."""
_CHOICES = [(tool, aside) for tool in _TOOLS for aside in _ASIDE]
_LINE_BYTES = 4096


class ShellHashing(Struct, frozen=True):
    """agent.backups.offsite.side.Hashing over SSH."""

    connection: Connection
    place: str
    tool: str
    aside: str

    @property
    def method(self) -> str:
        """The command, in words."""
        return f"{self.tool} over ssh"

    def digests(self, entries: Sequence[Entry], seconds: float) -> Mapping[str, str | Failure]:
        """Return the digest of each file. Raise a ProbeError where the answer can't be trusted."""
        subject = f"{self.connection.server}: {self.tool}"
        answer = self.connection.run(
            SHELL,
            subject=subject,
            feed=script(self.place, [entry.path for entry in entries], f"{self.aside}{self.tool}"),
            timeout_seconds=seconds,
            limit_bytes=_LINE_BYTES * (len(entries) + 16),
        )
        lines = answer.output.decode("utf-8", "replace").splitlines()
        found = read_answers(lines, len(entries))
        if found is None:
            words = lines[-1][:200] if lines else answer.errors.decode("utf-8", "replace")[:200]
            raise UnexpectedOutput(subject, f"no digests in its answer: {words}")
        return {entry.path: each for entry, each in zip(entries, found, strict=True)}


def self_test() -> str:
    """Return the script that lets each tool hash nothing: an account without a shell has words."""
    return _asking((f"{aside}{tool}", "/dev/null") for tool, aside in _CHOICES)


def find_hashing(connection: Connection, place: str, said: Sequence[str]) -> ShellHashing | None:
    """Return what hashes there, by the lines that the self-test printed; None: nothing does."""
    found = read_answers(said, len(_CHOICES)) or []
    for (tool, aside), digest in zip(_CHOICES, found, strict=False):
        if digest == _EMPTY:
            return ShellHashing(connection, place, tool, aside)
    return None


def script(place: str, paths: Sequence[str], tool: str) -> bytes:
    """Return the script that prints a number and a digest, or what went wrong, for each path."""
    # In a folder of its own name: a path that begins with a dash or a tilde is one, too.
    asked = _asking((tool, f"./{path}") for path in paths)
    text = f"LC_ALL=C; export LC_ALL\ncd -- {shlex.quote(place)} || exit 1\n{asked}"
    return text.encode("utf-8", "surrogateescape")


def _asking(asked: Iterable[tuple[str, str]]) -> str:
    lines = [
        f"printf '{number} '; {{ {tool} < {shlex.quote(path)}; }} 2>&1 || echo"
        for number, (tool, path) in enumerate(asked)
    ]
    return "\n".join([*lines, "echo end", ""])


def read_answers(lines: Sequence[str], count: int) -> list[str | Failure] | None:
    """Return the answers in the order of the paths; None unless there is one for each."""
    if not lines or lines[-1] != "end":
        return None
    found: dict[int, str | Failure] = {}
    for line in lines[:-1]:
        good = _ANSWER.fullmatch(line)
        bad = _REFUSED.fullmatch(line)
        if good is not None:
            found[int(good[1])] = good[2]
        elif bad is not None:
            found.setdefault(int(bad[1]), _failure(bad[2]))
    return [found[number] for number in range(count)] if set(found) == set(range(count)) else None


def _failure(words: str) -> Failure:
    denied = "permission denied" in words.lower()
    reason = Reason.PERMISSION if denied else Reason.ERROR
    return Failure(reason, "offsite copy", words[:500])
