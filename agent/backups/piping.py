"""Bytes through one of the host's tools as they pass, for compressions that Python does not have.

The tool is found as every other one (agent/tools.py); it gets nothing but its input, and never
outlives the generator.
"""

import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress

from agent.backups.damage import Damaged
from agent.tools import find_tool
from checks.errors import TimedOut, UnexpectedOutput

_ENVIRONMENT = {"HOME": "/", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
_CHUNK_BYTES = 2**18
_WORDS_BYTES = 2000
_IDLE_SECONDS = 120.0
"""A tool that takes nothing and gives nothing for so long hangs."""


def piped(
    command: tuple[str, ...], chunks: Iterator[bytes], left_seconds: Callable[[], float]
) -> Iterator[bytes]:
    """Yield what the tool makes of the chunks.

    Raise Damaged with its words if it fails, ToolMissing and NotPermitted as find_tool does,
    TimedOut if time runs out.
    """
    tool = find_tool(command[0])
    try:
        process = subprocess.Popen(
            command,
            executable=tool,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
            cwd="/",
            process_group=0,
        )
    except OSError as error:
        raise UnexpectedOutput(command[0], str(error)) from error
    try:
        words = bytearray()
        yield from _through(process, command[0], chunks, left_seconds, words)
        code = process.wait(_IDLE_SECONDS)
        if code:
            said = " ".join(words.decode("utf-8", "replace").split())
            raise Damaged(f"{command[0]}: {said or f'exit code {code}'}")
    except subprocess.TimeoutExpired as error:
        raise TimedOut(command[0], "it does not end") from error
    finally:
        _end(process)


def _through(
    process: "subprocess.Popen[bytes]",
    name: str,
    chunks: Iterator[bytes],
    left_seconds: Callable[[], float],
    words: bytearray,
) -> Iterator[bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    feed, output, errors = (
        stream.fileno() for stream in (process.stdin, process.stdout, process.stderr)
    )
    os.set_blocking(feed, False)
    waiting = memoryview(b"")
    with selectors.DefaultSelector() as selector:
        selector.register(feed, selectors.EVENT_WRITE)
        selector.register(output, selectors.EVENT_READ)
        selector.register(errors, selectors.EVENT_READ)
        while output in selector.get_map() or errors in selector.get_map():
            ready = selector.select(min(_IDLE_SECONDS, left_seconds()))
            if not ready:
                raise TimedOut(name, "it takes nothing and gives nothing")
            for key, _ in ready:
                if key.fd == feed:
                    waiting = waiting or memoryview(next(chunks, b""))
                    sent = _write(feed, waiting) if waiting else None
                    if sent is None:
                        selector.unregister(feed)
                        process.stdin.close()
                    else:
                        waiting = waiting[sent:]
                    continue
                part = os.read(key.fd, _CHUNK_BYTES)
                if not part:
                    selector.unregister(key.fd)
                elif key.fd == output:
                    yield part
                elif len(words) < _WORDS_BYTES:
                    words += part


def _write(descriptor: int, data: memoryview) -> int | None:
    """Return how much the tool took; None if it takes no more."""
    try:
        return os.write(descriptor, data[:_CHUNK_BYTES])
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return None


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdin, process.stdout, process.stderr):
        assert stream is not None
        with suppress(BrokenPipeError):
            stream.close()
    process.wait()
