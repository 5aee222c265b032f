"""Run a part of a test as a real user without any rights."""

import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

Value = TypeVar("Value")

NOBODY = 65534


def as_nobody(action: Callable[[], Value]) -> Value:
    """Return what the action returns, or raise what it raises, in a process of `nobody`.

    Where the tests themselves are not root, their own user has no more rights: then it acts.
    """
    if os.geteuid() != 0:
        return action()
    reading_end, writing_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            try:
                answer: tuple[bool, object] = (True, action())
            except Exception as error:  # noqa: BLE001 - raised again in the parent
                answer = (False, error)
            os.write(writing_end, pickle.dumps(answer))
        finally:
            os._exit(0)
    os.close(writing_end)
    with os.fdopen(reading_end, "rb") as pipe:
        content = pipe.read()
    os.waitpid(pid, 0)
    succeeded, value = pickle.loads(content)
    if not succeeded:
        raise value
    return value


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that every user can get into (pytest's own are for one user only)."""
    folder = Path(tempfile.mkdtemp(prefix="xunjian-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
