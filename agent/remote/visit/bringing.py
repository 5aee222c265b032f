"""Bring the agent's package into the guarded folder. Its greeting tells whether it starts there."""

import threading
from collections.abc import Callable

from agent.errors import CannotStart, RemoteError
from agent.events import Event, PackageSent
from agent.remote.package import Package
from agent.remote.recording import Recording
from agent.remote.visit.channel import Channel, Line, demand_going, words
from agent.remote.visit.guard import Guard
from agent.remote.visit.survey import Survey
from checks.api import Text
from checks.errors import UnexpectedOutput
from wire.record import FileMoved

_PIECE_BYTES = 2**16
_TOLD_PARTS = 20
"""So often is told how far it is."""
_UNPACK_SECONDS = 120.0
_MOST_BYTES = 2**16
_UNPACKED_TIMES = 5
"""Room that is wanted, in sizes of the archive: unpacked it has three to four."""

EXECUTABLE = "xunjian/xunjian-agent"
"""Below the guarded folder."""

_OTHER_SYSTEM = Text(
    "代理安装包用于 {system} {machine}，目标主机是 {there}",
    "the agent's package is for {system} {machine}, the host is {there}",
)
_OLD_LIBRARY = Text(
    "代理安装包需要 glibc {needed} 或更高版本，目标主机为 {there}",
    "the agent's package needs glibc {needed} or later, the host has {there}",
)
_NO_TOOL = Text("目标主机没有 {tool}", "the host has no {tool}")
_NO_FOLDER = Text(
    "目标主机上没有可写的临时目录", "there is no temporary folder on the host that can be written"
)
_NO_EXECUTION = Text(
    "目标主机的临时目录 {folder} 不允许运行程序（noexec）",
    "programs may not run in the host's temporary folder {folder} (noexec)",
)
_NO_ROOM = Text(
    "目标主机的临时目录 {folder} 只剩 {free} MiB，代理安装包需要 {needed} MiB",
    "the host's temporary folder {folder} has {free} MiB left, the agent's package needs {needed}",
)
_NOT_UNPACKED = Text(
    "代理安装包未能在目标主机上解开（{detail}）",
    "the agent's package could not be unpacked on the host ({detail})",
)
_UNREADABLE = Text(
    "无法读取代理安装包 {path}（{detail}）", "the agent's package {path} can't be read ({detail})"
)
_TOOLS = ("mkdir", "rm", "cat", "sleep", "grep", "tar", "gzip")


def demand_fitting(package: Package, survey: Survey) -> None:
    """Raise CannotStart for what the survey shows already."""
    if (survey.system.lower(), survey.machine) != (package.system, package.machine):
        raise CannotStart(
            _OTHER_SYSTEM.format(
                system=package.system,
                machine=package.machine,
                there=f"{survey.system} {survey.machine}",
            )
        )
    if survey.glibc and _numbers(survey.glibc) < _numbers(package.glibc):
        raise CannotStart(_OLD_LIBRARY.format(needed=package.glibc, there=survey.glibc))
    for tool in _TOOLS:
        if tool not in survey.tools:
            raise CannotStart(_NO_TOOL.format(tool=tool))
    folder = survey.temporary_folder
    if not folder:
        raise CannotStart(_NO_FOLDER)
    if not survey.executable:
        raise CannotStart(_NO_EXECUTION.format(folder=folder))
    needed = package.bytes * _UNPACKED_TIMES
    if survey.free_bytes < needed:
        free, wanted = survey.free_bytes // 2**20, -(-needed // 2**20)
        raise CannotStart(_NO_ROOM.format(folder=folder, free=free, needed=wanted))


def bring(
    line: Line,
    guard: Guard,
    package: Package,
    record: Recording,
    report: Callable[[Event], None],
    stop: threading.Event,
) -> None:
    """Unpack the package in the folder.

    Raise CannotStart, Stopped, RemoteError, and what the line does.
    """
    # Owners as in the archive are root's to give, and nobody's here.
    script = guard.script('umask 077; mkdir "$f/xunjian" && exec tar -C "$f/xunjian" -x -z -o -f -')
    with Channel(line, script, "unpacking", record) as channel:
        record(FileMoved("to", package.path.name, package.bytes, package.sha256))
        ended = _send(channel, package, report, stop)
        try:
            if not ended:
                channel.end_input()
            channel.all_of_it(_UNPACK_SECONDS, _MOST_BYTES, stop)
            code = channel.exit_code(_UNPACK_SECONDS)
        except UnexpectedOutput as error:
            raise CannotStart(_NOT_UNPACKED.format(detail=error.detail)) from error
        if ended or code != 0:
            detail = words(channel.errors) or str(code)
            raise CannotStart(_NOT_UNPACKED.format(detail=detail))


def _send(
    channel: Channel, package: Package, report: Callable[[Event], None], stop: threading.Event
) -> bool:
    """Send the archive; return whether the host took no more of it."""
    sent = told = 0
    try:
        with package.path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                demand_going(stop)
                try:
                    channel.send(piece)
                except UnexpectedOutput:
                    return True
                sent += len(piece)
                if sent * _TOLD_PARTS // package.bytes > told:
                    told = sent * _TOLD_PARTS // package.bytes
                    report(PackageSent(sent, package.bytes))
    except OSError as error:
        detail = error.strerror or str(error)
        raise RemoteError(_UNREADABLE.format(path=str(package.path), detail=detail)) from error
    return False


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
