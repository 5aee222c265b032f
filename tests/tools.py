"""Tools that only root can have written, for a moment: the agent runs no other ones."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

import pytest


@contextmanager
def tool_of_roots(name: str, content: str) -> Iterator[str]:
    """Give the path of a script where nobody but root can write; skip where we are not root."""
    if os.geteuid() != 0:
        pytest.skip("only root can put a tool where the agent runs it")
    # Not in /tmp: everybody can write there.
    folder = Path(tempfile.mkdtemp(prefix="xunjian-test-", dir="/opt"))
    try:
        folder.chmod(0o755)
        path = folder / name
        path.write_text(content)
        path.chmod(0o755)
        yield str(path)
    finally:
        rmtree(folder)
