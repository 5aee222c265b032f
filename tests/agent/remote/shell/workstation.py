"""An engineer's computer as a process of its own, which can be killed.

python -m tests.agent.remote.shell.workstation PORT USER KEY-FILE RECORD < host-key-line on fd 3
"""

import os
import sys
from pathlib import Path

from agent.remote.recorder import Recorder
from agent.remote.shell.holding import hold
from agent.remote.shell.watch import Limits
from agent.secret import Secret
from agent.ssh.connecting import connect
from agent.ssh.connection import Server


def main(port: str, user: str, key: str, path: str, host_key: str) -> None:
    server = Server("127.0.0.1", user, host_key, int(port))
    recorder = Recorder(Path(path))
    with connect(server, key=Secret(Path(key).read_text())) as connection:
        outcome = hold(
            connection,
            recorder.write,
            0,
            1,
            limits=Limits(3600),
            still_permitted=lambda: None,
            spoken=str,
        )
    os.write(2, f"{outcome.how} {outcome.exit_code} {outcome.detail.en}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
