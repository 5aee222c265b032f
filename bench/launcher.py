"""Run one command and print what it and all its ended children took, as JSON.

A small process of its own, started by bench/processes.py with `python -I -S`: what a child is said
to have peaked at is never less than its parent's size, so the parent must be small.
"""

import os
import resource
import signal
import sys
import time


def main() -> None:
    """Run `sys.argv[1:]`, its output thrown away, its errors passed on."""
    silence = (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)
    began = time.monotonic()
    child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[silence])
    # A server is measured until it is told to stop.
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    _, status = os.waitpid(child, 0)
    wall = time.monotonic() - began
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f'{{"cpu_seconds": {usage.ru_utime + usage.ru_stime}, "wall_seconds": {wall}, '
        f'"peak_bytes": {usage.ru_maxrss * 1024}, "code": {os.waitstatus_to_exitcode(status)}}}'
    )


main()
