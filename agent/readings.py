"""The service that reads for root: run the whole table once and leave what it printed.

It takes no argument, no settings and no request: nothing that is not root's steers it.
"""

import os
from pathlib import Path

from agent import privileged
from agent.errors import AgentError
from agent.tools import demand_roots, find_tool, run_tool
from checks.api import Text
from checks.errors import ProbeError

LIMIT_BYTES = 4 * 2**20

_NOT_ROOT = Text(
    "此命令供 xunjian-privileged.service 以 root 运行",
    "this is for xunjian-privileged.service, which runs it as root",
)
_NO_FOLDER = Text(
    "目录 {folder} 不存在或不属于 root：它由 xunjian-privileged.service 建立",
    "the folder {folder} is not there, or not root's: xunjian-privileged.service makes it",
)


def read_all(folder: Path = privileged.FOLDER) -> int:
    """Run every line of the table whose tool is here; return how many gave something.

    What could not be run leaves nothing behind, also nothing from before: the agent then tries by
    itself and tells why it can't.
    """
    if os.geteuid() != 0:
        raise AgentError(_NOT_ROOT)
    try:
        demand_roots(folder)
    except ProbeError as error:
        raise AgentError(_NO_FOLDER.format(folder=str(folder))) from error
    done = 0
    for reading in privileged.READINGS:
        (folder / f"{reading.name}.json").unlink(missing_ok=True)
        try:
            tool = find_tool(reading.command[0])
            output = run_tool(tool, reading.command, privileged.SUDO_SECONDS, LIMIT_BYTES)
        except ProbeError:
            continue
        if output.exit_code in reading.exit_codes:
            privileged.store(reading, output, folder)
            done += 1
    return done
