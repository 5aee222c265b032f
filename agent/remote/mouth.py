"""What the answering side says: lines on what was its standard output, and nothing else there."""

import os
import sys

from agent.remote.ear import Gone
from agent.remote.lines import FromHost, packed


class Mouth:
    """Takes the standard output for itself; whatever else prints, prints to standard error."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._descriptor = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        # What a shell's start-up files print before it need not end with a line end.
        self._before = b"\n"

    def say(self, message: FromHost) -> None:
        """Say it, all of it. Raise Gone where nobody listens any more."""
        left = memoryview(self._before + packed(message))
        self._before = b""
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            raise Gone from error
