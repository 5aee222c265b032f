"""A stand-in for Windows at the other end of a real SSH connection: a `powershell` that answers.

It runs nothing. It reads the line as PowerShell would, keeps the script that it holds, and gives
the answer that a test has laid out for it, with a console's line ends around.
"""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.remote.agentless.powershell_host import PowerShellHost, powershell_host
from agent.remote.recording import Recording, unrecorded
from scripts.openssh import serving
from tests.agent.remote.agentless.hosts import connected

_PROGRAM = """#!/bin/sh
for last; do :; done
printf '%s\\n' "$*" > {folder}/line
printf '%s' "$last" | base64 -d > {folder}/script
number=$(tr -d '\\000' < {folder}/script | sed -n "s/.*xunjian begin \\([0-9a-f]*\\)'.*/\\1/p")
printf '\\r\\n\\036xunjian begin %s\\n' "$number"
cat {folder}/answer
printf '\\r\\n\\036xunjian end %s \\n' "$number"
"""


def words(*texts: str | bytes) -> str:
    """Return texts as the scripts answer them."""
    encoded = (text.encode() if isinstance(text, str) else text for text in texts)
    return " ".join(f":{base64.b64encode(text).decode()}" for text in encoded)


@dataclass(frozen=True)
class Windows:
    """The stand-in."""

    folder: Path
    host: PowerShellHost

    def answers(self, state: str, *texts: str | bytes) -> PowerShellHost:
        """Lay out the answer to the next command."""
        (self.folder / "answer").write_text(f"{state} {words(*texts)}")
        return self.host

    @property
    def line(self) -> str:
        """What the last command was, without the script."""
        return (self.folder / "line").read_text().rpartition(" ")[0]

    @property
    def script(self) -> str:
        """The last script."""
        return (self.folder / "script").read_bytes().decode("utf-16-le")

    @property
    def texts(self) -> list[str]:
        """What was given to the last script, as it reads it."""
        return [base64.b64decode(each).decode() for each in re.findall(r"U '([^']*)'", self.script)]


@contextmanager
def windows(folder: Path, record: Recording = unrecorded) -> Iterator[Windows]:
    """Sign in at the stand-in."""
    program = folder / "powershell"
    program.write_text(_PROGRAM.format(folder=folder))
    program.chmod(0o755)
    path = f"PATH={folder}:$PATH; export PATH\n"
    with (
        serving(shell=True, greeting=path, as_nobody=False) as running,
        connected(running) as connection,
    ):
        yield Windows(folder, powershell_host(connection, record))
