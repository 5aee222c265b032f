"""The host over a channel answers as an installed agent's does, refusals included."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.host import LocalHost
from agent.remote.agentless.posix_host import PosixHost
from checks.api import Host
from checks.errors import ProbeError
from tests.agent.remote.agentless.hosts import busybox_alone, over_ssh, why_no_busybox
from tests.unprivileged import as_nobody, open_folder

Outcome = object


def outcome(ask: Callable[[], object]) -> Outcome:
    """Return what was answered, or the kind and the words of the refusal."""
    try:
        return ask()
    except ProbeError as error:
        return type(error).__name__, error.subject, error.detail


def furnish(place: Path) -> None:
    """Put everything into a folder that a host may meet."""
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o755)
    (place / "file").write_bytes(b"abc\xff\0def\n")
    (place / "long").write_bytes(b"0123456789" * 100_000)
    (place / "empty").write_text("")
    (place / 'it\'s a "name" $HOME `id` *').write_text("odd name\n")
    (place / "line\nend").write_text("a name of two lines\n")
    (place / os.fsdecode(b"latin-\xe4.conf")).write_text("")
    (place / "数据.conf").write_text("")
    (place / ".hidden.conf").write_text("")
    (place / "a.conf").write_text("")
    os.utime(place / "a.conf", (86400, 86400))
    os.utime(place / "file", ns=(1_700_000_000_123_456_789, 1_700_000_000_123_456_789))
    (place / "sub").mkdir()
    (place / "sub" / "a.conf").write_text("")
    (place / "[x]").write_text("")
    (place / "link").symlink_to("file")
    (place / "broken.conf").symlink_to("nothing")
    (place / "loop").symlink_to("loop")
    (place / "secret").write_text("hush")
    (place / "secret").chmod(0o600)
    (place / "locked").mkdir()
    (place / "locked" / "inside.conf").write_text("")
    (place / "locked").chmod(0o700)
    os.mkfifo(place / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place / "socket"))
    (place / "tool").write_text("#!/bin/sh\necho no\n")
    (place / "tool").chmod(0o644)


SCENARIOS: dict[str, Callable[[Host, str], object]] = {
    "system": lambda host, at: host.system,
    "a file": lambda host, at: host.read(f"{at}/file"),
    "bytes": lambda host, at: host.read_bytes(f"{at}/file"),
    "two bytes": lambda host, at: host.read_bytes(f"{at}/file", limit_bytes=2),
    "no bytes": lambda host, at: host.read_bytes(f"{at}/file", limit_bytes=0),
    "a long file": lambda host, at: host.read_bytes(f"{at}/long", limit_bytes=654_321),
    "an empty file": lambda host, at: host.read(f"{at}/empty"),
    "an odd name": lambda host, at: host.read(f'{at}/it\'s a "name" $HOME `id` *'),
    "a name of two lines": lambda host, at: host.read(f"{at}/line\nend"),
    "through a link": lambda host, at: host.read(f"{at}/link"),
    "a link to nothing": lambda host, at: host.read(f"{at}/broken.conf"),
    "a link to itself": lambda host, at: host.read(f"{at}/loop"),
    "nothing there": lambda host, at: host.read(f"{at}/absent"),
    "below a file": lambda host, at: host.read(f"{at}/file/below"),
    "a folder": lambda host, at: host.read(at),
    "a fifo": lambda host, at: host.read(f"{at}/fifo"),
    "a socket": lambda host, at: host.read(f"{at}/socket"),
    "a device": lambda host, at: host.read("/dev/null"),
    "a name with NUL": lambda host, at: host.read(f"{at}/\0"),
    "a file of somebody else": lambda host, at: host.read(f"{at}/secret"),
    "in a folder of somebody else": lambda host, at: host.read(f"{at}/locked/inside.conf"),
    "there": lambda host, at: host.exists(f"{at}/file"),
    "not there": lambda host, at: host.exists(f"{at}/absent"),
    "not there, below a file": lambda host, at: host.exists(f"{at}/file/below"),
    "there as a folder": lambda host, at: host.exists(f"{at}/sub"),
    "not there, a link to nothing": lambda host, at: host.exists(f"{at}/broken.conf"),
    "there, unreadable": lambda host, at: host.exists(f"{at}/secret"),
    "there or not is not told": lambda host, at: host.exists(f"{at}/locked/inside.conf"),
    "an old date": lambda host, at: host.modified_at(f"{at}/a.conf"),
    "a date of a link": lambda host, at: host.modified_at(f"{at}/link").replace(microsecond=0),
    "a date of nothing": lambda host, at: host.modified_at(f"{at}/absent"),
    "a date that is not told": lambda host, at: host.modified_at(f"{at}/locked/inside.conf"),
    "a list": lambda host, at: host.list(f"{at}/*.conf"),
    "a list of all": lambda host, at: host.list(f"{at}/*"),
    "a list of one letter": lambda host, at: host.list(f"{at}/?.conf"),
    "a list by letters": lambda host, at: host.list(f"{at}/[a-c]*.conf"),
    "a list by other letters": lambda host, at: host.list(f"{at}/[!a-z]*"),
    "a list of a name with brackets": lambda host, at: host.list(f"{at}/[[]x]"),
    "a list below": lambda host, at: host.list(f"{at}/*/a.conf"),
    "a list below a locked one": lambda host, at: host.list(f"{at}/*/*.conf"),
    "a list with a link to nothing": lambda host, at: host.list(f"{at}/brok*"),
    "a list without a wildcard": lambda host, at: host.list(f"{at}/a.conf"),
    "a list without a wildcard, not there": lambda host, at: host.list(f"{at}/absent.conf"),
    "a list in nothing": lambda host, at: host.list(f"{at}/absent/*"),
    "a list in a file": lambda host, at: host.list(f"{at}/file/*"),
    "a list in a locked folder": lambda host, at: host.list(f"{at}/locked/*"),
    "a list below what is locked": lambda host, at: host.list(f"{at}/locked/sub/*"),
    "a tool": lambda host, at: host.run("echo", "$(id)", "; true", "*", "a\nb", "it's"),
    "bare environment": lambda host, at: sorted(
        line.partition("=")[0] for line in host.run("env").text.splitlines() if line[:2] != "_="
    ),
    "no input": lambda host, at: host.run("cat"),
    "the root as its folder": lambda host, at: host.run("pwd"),
    "two streams and a code": lambda host, at: host.run(
        "sh", "-c", "echo out; echo err >&2; exit 3", exit_codes=(0, 3)
    ),
    "a code that is wrong": lambda host, at: host.run("sh", "-c", "echo err >&2; exit 3"),
    "a code that is wrong, in silence": lambda host, at: host.run("sh", "-c", "exit 1"),
    "no such tool": lambda host, at: host.run("no-such-tool"),
    "no such path": lambda host, at: host.run("/no/such/tool"),
    "a tool beside": lambda host, at: host.run("./tool"),
    "a tool with NUL": lambda host, at: host.run("echo", "a\0b"),
    "as much as is taken": lambda host, at: host.run(
        "head", "-c", "1000", f"{at}/long", limit_bytes=1000
    ),
    "more than is taken": lambda host, at: host.run(
        "head", "-c", "1000", f"{at}/long", limit_bytes=999
    ),
    "more errors than are taken": lambda host, at: host.run(
        "sh", "-c", f"head -c 1000 {at}/long >&2", limit_bytes=999
    ),
    "much more than is taken": lambda host, at: host.run(
        "sh", "-c", f"while cat {at}/long; do :; done", limit_bytes=999, timeout_seconds=20
    ),
    "no end": lambda host, at: host.run("sleep", "4327", timeout_seconds=0.5),
    "a child that holds the output": lambda host, at: host.run(
        "sh", "-c", "sleep 4327 & echo done", timeout_seconds=0.5
    ),
}


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with open_folder() as folder:
        furnish(folder / "here")
        yield folder / "here"


@pytest.fixture(scope="module")
def ssh_host() -> Iterator[PosixHost]:
    with over_ssh() as host:
        yield host


@pytest.fixture(scope="module")
def busybox_host(place: Path) -> Iterator[PosixHost]:
    why = why_no_busybox()
    if why:
        pytest.skip(why)
    with busybox_alone() as (host, root):
        furnish(root / place.relative_to("/"))
        yield host


@pytest.mark.parametrize("name", SCENARIOS)
def test_over_ssh_it_answers_as_an_installed_agent(
    name: str, place: Path, ssh_host: PosixHost
) -> None:
    scenario = SCENARIOS[name]
    expected = as_nobody(lambda: outcome(lambda: scenario(LocalHost(), str(place))))
    assert outcome(lambda: scenario(ssh_host, str(place))) == expected


@pytest.mark.parametrize("name", SCENARIOS)
def test_with_nothing_but_busybox_it_answers_the_same(
    name: str, place: Path, busybox_host: PosixHost
) -> None:
    scenario = SCENARIOS[name]
    expected = as_nobody(lambda: outcome(lambda: scenario(LocalHost(), str(place))))
    assert outcome(lambda: scenario(busybox_host, str(place))) == expected
