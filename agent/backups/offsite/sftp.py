"""Copies on a server that is reached over SSH: listed by SFTP, hashed there where it may be."""

import posixpath
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from msgspec import Struct

from agent.backups.kind import OffsiteWay, Source
from agent.backups.offsite import looking
from agent.backups.offsite.reaching import way_by
from agent.backups.offsite.remote_hashing import SHELL, ShellHashing, find_hashing, self_test
from agent.backups.offsite.same_host import ThisHost, is_same_host
from agent.backups.offsite.side import Entry, Found, Room, Side
from agent.ssh.connecting import connect
from agent.ssh.connection import Connection, Limits, Server
from agent.ssh.files import Attributes, Files, Missing, files_of
from checks.errors import NotConfigured, NotPermitted, ProbeError, TimedOut, UnexpectedOutput

LIST_SECONDS = 300.0
"""20,000 entries take half a second; what takes this long is more than a look may cost."""
_DEEPEST = 64
_CLOCK = re.compile(r"(\d{9,11})(?:\.(\d{9}))?.*")
"""Without a fraction where its `date` knows no %N."""
_BOOT_ID = re.compile(r"[0-9a-f-]{36}")
_QUESTIONS = (
    "LC_ALL=C; export LC_ALL\ndate -u +%s.%N\n"
    f"cat /proc/sys/kernel/random/boot_id || echo\n{self_test()}"
)


class Shell(Struct, frozen=True):
    """What the shell of the other side said."""

    clock_offset: float | None
    boot_id: str | None
    self_test: tuple[str, ...]


NO_SHELL = Shell(None, None, ())


class SftpSide:
    """agent.backups.offsite.side.Side over SSH."""

    def __init__(
        self,
        source: Source,
        connection: Connection,
        files: Files,
        this_host: ThisHost,
    ) -> None:
        settings = looking.offsite_settings(source)
        self._source = source
        self._connection = connection
        self._files = files
        self._this_host = this_host
        self._place = settings.place
        self._shell = _ask_shell(source, connection) if settings.shell else NO_SHELL

    @property
    def method(self) -> str:
        """How its bytes are read here."""
        return "read over sftp"

    def walk(self) -> Found:
        """List all files below the place. Links to files are followed, links to folders not."""
        ends = time.monotonic() + LIST_SECONDS
        entries: dict[str, Entry] = {}
        refused: dict[str, ProbeError] = {}
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                for name, attributes in self._files.folder(self._full(folder)):
                    path = f"{folder}/{name}" if folder else name
                    if attributes.is_folder and path.count("/") < _DEEPEST:
                        folders.append(path)
                    elif (entry := self._entry(path, attributes)) is not None:
                        entries[path] = entry
                if time.monotonic() > ends:
                    subject = f"{self._connection.server}:{self._place}"
                    raise TimedOut(subject, f"not listed to its end in {LIST_SECONDS:g} s")
            except Missing:
                continue  # gone meanwhile; without the place itself every copy is missing
            except NotPermitted as error:
                if not folder:
                    raise
                refused[folder] = error
        return Found(entries, refused)

    def again(self, path: str) -> Entry | None:
        """Look at one file once more."""
        try:
            return self._entry(path, self._files.look(self._full(path)))
        except Missing:
            return None

    def room(self) -> Room:
        """Return the room on the volume of the place."""
        space = self._files.space(self._place)
        return Room(space.total_bytes, space.free_bytes)

    def clock_offset(self) -> float | None:
        """Return what its `date` said; the error is half of the time that the answer took."""
        return self._shell.clock_offset

    def same_host(self) -> bool | None:
        """Compare host key, address and, where a shell shows it, the boot id."""
        return is_same_host(
            self._this_host,
            shown=self._connection.host_key,
            address=self._connection.peer_address,
            boot_id=self._shell.boot_id,
        )

    def hashing(self) -> ShellHashing | None:
        """Return what hashes there, if the settings allow a shell and there is one."""
        return find_hashing(self._connection, self._place, self._shell.self_test)

    def read(self, path: str, *ranges: tuple[int, int]) -> Iterator[bytes]:
        """Yield the bytes of ranges of a file."""
        return self._files.read(self._full(path), *ranges)

    def _full(self, path: str) -> str:
        return posixpath.join(self._place, path) if path else self._place

    def _entry(self, path: str, attributes: Attributes) -> Entry | None:
        if attributes.is_link:
            try:
                attributes = self._files.look(self._full(path))
            except (Missing, NotPermitted, UnexpectedOutput):  # it leads nowhere, or in a circle
                return None
        if not attributes.is_file:
            return None
        return Entry(path, attributes.bytes, float(attributes.modified))


def _ask_shell(source: Source, connection: Connection) -> Shell:
    """Ask clock, boot id and tools at once; where there is no shell, nothing is known."""
    subject = f"{connection.server}: {SHELL}"
    before = source.now().timestamp()
    try:
        seconds = connection.limits.request
        answer = connection.run(
            SHELL, subject=subject, feed=_QUESTIONS.encode(), timeout_seconds=seconds
        )
    except ProbeError:
        if not connection.transport.is_active():
            raise
        return NO_SHELL
    after = source.now().timestamp()
    return read_shell(answer.output.decode("utf-8", "replace").splitlines(), (before + after) / 2)


def read_shell(lines: list[str], asked_at: float) -> Shell:
    """Return what the lines of an answer say; an account without a shell answers something else."""
    if len(lines) < 2 or (clock := _CLOCK.fullmatch(lines[0])) is None:
        return NO_SHELL
    there = int(clock[1]) + float(f"0.{clock[2] or '5'}")
    boot_id = lines[1] if _BOOT_ID.fullmatch(lines[1]) else None
    return Shell(there - asked_at, boot_id, tuple(lines[2:]))


@contextmanager
def _reached(source: Source, this_host: ThisHost, limits: Limits) -> Iterator[SftpSide]:
    """Connect as the settings say. Raise a ProbeError."""
    settings = looking.offsite_settings(source)
    for name in ("host", "user", "place"):
        if not getattr(settings, name):
            raise NotConfigured(f"offsite.{name}", "sftp needs it")
    key = source.secret(settings.key, "offsite.key") if settings.key is not None else None
    password = (
        source.secret(settings.password, "offsite.password")
        if settings.password is not None and key is None
        else None
    )
    server = Server(settings.host, settings.user, settings.host_key, settings.port)
    with (
        connect(server, key=key, password=password, limits=limits) as connection,
        files_of(connection) as files,
    ):
        yield SftpSide(source, connection, files, this_host)


def way(
    this_host: ThisHost | None = None,
    limits: Limits | None = None,
    watch_seconds: float = looking.WATCH_SECONDS,
) -> OffsiteWay:
    """Return the way; tests give it another host to be on, and less patience."""

    def reach(source: Source) -> AbstractContextManager[Side]:
        return _reached(source, this_host or ThisHost(), limits or Limits())

    return way_by(reach, watch_seconds)


WAY = way()
