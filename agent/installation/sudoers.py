"""The rule for sudo, made from the same table that the agent runs (agent/privileged.py).

No digests: a package update would change them and silently take the readings away; that nobody but
root can write the tools is looked at before each call (agent/tools.py).
"""

import re

from agent.installation.units import USER
from agent.privileged import READINGS, SUDO_SECONDS
from agent.tools import TOOL_FOLDERS

_SPECIAL = re.compile(r"([\\:,=#!*?\[\] ])")


def sudoers() -> str:
    """Return the file: whole command lines, nothing inherited, no way to run anything else."""
    lines = ", \\\n    ".join(_line(reading.command) for reading in READINGS)
    options = ", ".join(
        (
            "!requiretty",
            "env_reset",
            "!setenv",
            "!env_keep",
            f'secure_path="{":".join(TOOL_FOLDERS)}"',
            f"command_timeout={SUDO_SECONDS}",
            "!lecture",
        )
    )
    return (
        "# Made by xunjian-agent install; xunjian-agent uninstall removes it.\n"
        f"Defaults:{USER} {options}\n"
        f"Cmnd_Alias XUNJIAN_READINGS = \\\n    {lines}\n"
        f"{USER} ALL=(root) NOPASSWD: NOEXEC: XUNJIAN_READINGS\n"
    )


def _line(command: tuple[str, ...]) -> str:
    return " ".join((command[0], *(_SPECIAL.sub(r"\\\1", word) for word in command[1:])))
