"""The offsite leg: no copy that is missing, old, cut, changed or unread passes for a good one.

Each case is a good set of four dumps with good copies, and one thing done to it, for each of the
three ways: a server with a shell, one with SFTP alone, a mounted folder.
"""

import os
import shutil
import subprocess
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from agent.backups.offsite.same_host import ThisHost
from scripts.openssh import OpenSsh, make_key
from tests.faults.backups.judging import Cases, Outcome, judge
from tests.network import Line, Way, relaying
from tests.offsite_copies import (
    AGE,
    IMPATIENT,
    Copies,
    changed,
    dump,
    in_folder,
    over_ssh,
    readable,
    write_set,
)
from wire.messages import Reason

WAYS = ("shell", "sftp", "folder")
Act = Callable[[Copies], None]


@pytest.fixture(params=WAYS)
def copies(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Copies]:
    """Give a good set without copies, reached in each of the ways."""
    name = {"shell": "ssh_server", "sftp": "sftp_server", "folder": "other_volume"}[request.param]
    other = request.getfixturevalue(name)
    with (
        in_folder(other, tmp_path)
        if request.param == "folder"
        else over_ssh(other, tmp_path) as given
    ):
        yield given


def prepared(copies: Copies) -> Copies:
    write_set(copies.here)
    copies.copy()
    return copies


def keep_date(path: Path, act: Callable[[bytes], bytes]) -> None:
    """Change a file and leave its date as it was."""
    status = path.stat()
    path.write_bytes(act(path.read_bytes()))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def reasons(outcome: Outcome) -> set[Reason]:
    """Return why the other side, or a copy, could not be read."""
    assert outcome.facts is not None
    assert outcome.facts.offsite is not None
    failures = [outcome.facts.offsite.failure, *(each.failure for each in outcome.facts.proofs)]
    return {failure.reason for failure in failures if failure is not None}


def flip(place: float) -> Callable[[bytes], bytes]:
    def act(content: bytes) -> bytes:
        at = int(place * (len(content) - 1))
        return content[:at] + bytes([content[at] ^ 0x01]) + content[at + 1 :]

    return act


@pytest.mark.parametrize("place", [number / 19 for number in range(20)])
def test_same_size_and_date_but_one_bit(copies: Copies, cases: Cases, place: float) -> None:
    keep_date(prepared(copies).newest, flip(place))
    outcome = judge(copies.look)
    assert "BAK-010" in outcome.why
    cases.fault(f"bit at {place:.2f}", outcome)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99, 1.0])
def test_truncated(copies: Copies, cases: Cases, share: float) -> None:
    keep_date(prepared(copies).newest, lambda content: content[: int(share * (len(content) - 1))])
    cases.fault(f"cut at {share}", judge(copies.look))


def _missing(copies: Copies) -> None:
    copies.newest.unlink()


def _renamed(copies: Copies) -> None:
    copies.newest.rename(copies.newest.with_name("erp_old.sql.gz"))


def _all_missing(copies: Copies) -> None:
    shutil.rmtree(copies.there)


def _none_yet(copies: Copies) -> None:
    shutil.rmtree(copies.there)
    copies.there.mkdir()


def _empty(copies: Copies) -> None:
    keep_date(copies.newest, lambda _: b"")


def _older(copies: Copies) -> None:
    older = (copies.there / copies.dumps()[1]).read_bytes()
    keep_date(copies.newest, lambda _: older)


def _older_of_the_same_size(copies: Copies) -> None:
    older = dump(datetime.now(UTC) - AGE, 77)
    keep_date(copies.newest, lambda now: older[: len(now)].ljust(len(now), b"\0"))


def _longer(copies: Copies) -> None:
    keep_date(copies.newest, lambda content: content + b"\0")


def _zero_tail(copies: Copies) -> None:
    keep_date(copies.newest, lambda content: content[:-4096].ljust(len(content), b"\0"))


def _zeros_within(copies: Copies) -> None:
    keep_date(copies.newest, lambda content: content[:4096] + bytes(4096) + content[8192:])


def _all_zero(copies: Copies) -> None:
    keep_date(copies.newest, lambda content: bytes(len(content)))


def _blocks_swapped(copies: Copies) -> None:
    keep_date(copies.newest, lambda content: content[4096:8192] + content[:4096] + content[8192:])


def _as_partial(suffix: str, age: float = 0) -> Act:
    def act(copies: Copies) -> None:
        target = copies.newest.with_name(suffix.format(name=copies.newest.name))
        copies.newest.rename(target)
        keep_date(target, lambda content: content[:5000])
        at = time.time() - age
        os.utime(target, (at, at))

    return act


def _just_written(copies: Copies) -> None:
    keep_date(copies.newest, lambda content: content[:9000])
    copies.newest.touch()


def _a_folder_instead(copies: Copies) -> None:
    copies.newest.unlink()
    copies.newest.mkdir()


def _a_dead_link(copies: Copies) -> None:
    copies.newest.unlink()
    copies.newest.symlink_to("nowhere")


def _a_circle_of_links(copies: Copies) -> None:
    copies.newest.unlink()
    copies.newest.symlink_to(copies.newest.name)


def _other_place(copies: Copies) -> None:
    copies.offsite["place"] = f"{copies.offsite['place']}/nowhere"


def _a_file_as_place(copies: Copies) -> None:
    copies.offsite["place"] = f"{copies.offsite['place']}/{copies.dumps()[0]}"


def _in_a_sub_folder(copies: Copies) -> None:
    (copies.there / "sub").mkdir(mode=0o755)
    copies.newest.rename(copies.there / "sub" / copies.newest.name)


def _only_sampled(copies: Copies) -> None:
    # More than the line may carry, so it is sampled; and with a shell there is none.
    copies.offsite |= {"budget": "64 KiB"}
    if "shell" in copies.offsite:
        copies.offsite["shell"] = False
    large = copies.here / copies.dumps()[0]
    keep_date(large, lambda _: dump(datetime.now(UTC) - AGE, 5, rows=1500))
    copies.copy()


def _nothing_over_the_line(copies: Copies) -> None:
    copies.offsite |= {"budget": "0 B"}
    if "shell" in copies.offsite:
        copies.offsite["shell"] = False


FAULTS: dict[str, Act] = {
    "missing": _missing,
    "renamed": _renamed,
    "no folder": _all_missing,
    "empty folder": _none_yet,
    "empty": _empty,
    "older": _older,
    "other bytes of the same size": _older_of_the_same_size,
    "longer by a byte": _longer,
    "tail of zeros": _zero_tail,
    "zeros within": _zeros_within,
    "all zeros": _all_zero,
    "blocks swapped": _blocks_swapped,
    "rclone's partial": _as_partial("{name}.7f3a9b2c.partial"),
    "rsync's partial": _as_partial(".{name}.Xy12Ab"),
    "WinSCP's partial": _as_partial("{name}.filepart"),
    "abandoned partial": _as_partial("{name}.partial", age=3 * 86400),
    "short and just written": _just_written,
    "a folder instead": _a_folder_instead,
    "a link to nowhere": _a_dead_link,
    "a link to itself": _a_circle_of_links,
    "another place": _other_place,
    "a file as place": _a_file_as_place,
    "one folder deeper": _in_a_sub_folder,
    "only sampled": _only_sampled,
    "no budget at all": _nothing_over_the_line,
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_copy(copies: Copies, cases: Cases, name: str) -> None:
    FAULTS[name](prepared(copies))
    cases.fault(name, judge(copies.look))


def test_a_bit_that_only_a_sample_can_find(copies: Copies, cases: Cases) -> None:
    _only_sampled(prepared(copies))
    keep_date(copies.newest, lambda content: bytes(len(content)))
    outcome = judge(copies.look)
    assert "BAK-010" in outcome.why
    cases.fault("zeros, sampled", outcome)


def test_growing_while_it_is_looked_at(copies: Copies, cases: Cases) -> None:
    prepared(copies).newest.write_bytes(copies.newest.read_bytes()[:5000])
    old = time.time() - 3600
    ended = threading.Event()

    def grow() -> None:
        with copies.newest.open("ab", buffering=0) as file:
            while not ended.is_set():
                file.write(b"x")
                os.utime(copies.newest, (old, old))
                time.sleep(0.01)

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        outcome = judge(copies.look)
    finally:
        ended.set()
        thread.join()
    assert outcome.facts is not None
    assert outcome.facts.offsite is not None
    states = {copy.point: copy.state.value for copy in outcome.facts.offsite.copies}
    assert states[copies.dumps()[0].name] == "pending"
    cases.fault("growing", outcome)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to have what the server may not read")
@pytest.mark.parametrize("what", ["file", "folder"])
@pytest.mark.parametrize("way", ["ssh_server", "sftp_server"])
def test_unreadable(
    request: pytest.FixtureRequest, tmp_path: Path, cases: Cases, way: str, what: str
) -> None:
    with over_ssh(request.getfixturevalue(way), tmp_path) as copies:
        (prepared(copies).newest if what == "file" else copies.there).chmod(0)
        outcome = judge(copies.look)
    assert Reason.PERMISSION in reasons(outcome)
    cases.fault(f"{what} unreadable", outcome)


def test_this_very_host(copies: Copies, cases: Cases, tmp_path: Path) -> None:
    prepared(copies)
    if copies.offsite["by"] == "folder":
        beside = tmp_path / "beside"
        copies.offsite["place"] = str(copies.there.rename(beside) if False else beside)
        shutil.copytree(copies.there, beside)
        copies.this_host = ThisHost()
    elif copies.offsite["shell"]:
        copies.this_host = ThisHost()
    else:
        keys = tmp_path / "keys"
        keys.mkdir()
        (keys / "ssh_host_ed25519_key.pub").write_text(copies.offsite["host_key"])
        copies.this_host = ThisHost(keys=keys, addresses=frozenset({"127.0.0.1"}))
    outcome = judge(copies.look)
    assert outcome.facts is not None
    assert outcome.facts.offsite is not None
    assert outcome.facts.offsite.same_host is True
    cases.fault("this very host", outcome)


@contextmanager
def _ssh(
    request: pytest.FixtureRequest, way: str, folder: Path
) -> Iterator[tuple[Copies, OpenSsh]]:
    running: OpenSsh = request.getfixturevalue(way)
    with over_ssh(running, folder) as copies:
        yield prepared(copies), running


SERVERS = ("ssh_server", "sftp_server")


@pytest.mark.parametrize("way", SERVERS)
def test_another_host_key(
    request: pytest.FixtureRequest, tmp_path: Path, cases: Cases, way: str
) -> None:
    with _ssh(request, way, tmp_path) as (copies, running):
        outcome = judge(changed(copies, host_key=running.other_host_key).look)
    assert "host key" in outcome.why
    cases.fault("host key changed", outcome)


@pytest.mark.parametrize("way", SERVERS)
@pytest.mark.parametrize("means", ["key", "password"])
def test_a_wrong_credential(
    request: pytest.FixtureRequest, tmp_path: Path, cases: Cases, way: str, means: str
) -> None:
    make_key(tmp_path / "wrong")
    password = tmp_path / "password"
    password.write_text("wrong-password\n")
    password.chmod(0o600)
    with _ssh(request, way, tmp_path) as (copies, _):
        if means == "key":
            given = changed(copies, key={"file": str(tmp_path / "wrong")})
        else:
            given = changed(copies, key=None, password={"file": str(password)})
        outcome = judge(given.look)
    assert Reason.PERMISSION in reasons(outcome)
    cases.fault(f"wrong {means}", outcome)


BREAKS = (
    *(("ssh_server", at) for at in (800, 2000, 3500)),
    *(("sftp_server", at) for at in (800, 8000, 100_000)),
)
"""Bytes from the server until the line breaks: hashing there takes 6 kB in all."""


@pytest.mark.parametrize(("way", "after"), BREAKS)
@pytest.mark.parametrize("ending", ["silence", "reset", "close"])
def test_a_line_that_breaks(
    request: pytest.FixtureRequest, tmp_path: Path, cases: Cases, way: str, ending: str, after: int
) -> None:
    line = Line(to_client=Way(cut_after=after), ending=ending)
    with (
        _ssh(request, way, tmp_path) as (copies, running),
        relaying(running.port, lambda _: line) as relay,
    ):
        large = copies.here / copies.dumps()[0]
        keep_date(large, lambda _: dump(datetime.now(UTC) - AGE, 5, rows=3000))
        copies.copy()
        copies.limits = IMPATIENT
        outcome = judge(changed(copies, port=relay.port).look)
    assert reasons(outcome) & {Reason.TIMEOUT, Reason.UNREACHABLE}
    cases.fault(f"{ending} after {after}", outcome)


@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_that_is_a_day_off(copies: Copies, cases: Cases, days: int) -> None:
    prepared(copies)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=days), tick=True):
        outcome = judge(copies.look)
    if copies.offsite.get("shell"):
        assert outcome.facts is not None
        assert outcome.facts.offsite is not None
        assert outcome.facts.offsite.clock_offset_seconds == pytest.approx(-days * 86400, abs=60)
    cases.fault(f"clock off by {days} d", outcome)


def test_a_server_that_is_away(
    ssh_server: OpenSsh, tmp_path: Path, cases: Cases, unused_port: int
) -> None:
    with over_ssh(ssh_server, tmp_path) as copies:
        outcome = judge(changed(prepared(copies), port=unused_port).look)
    cases.fault("server away", outcome)


@pytest.fixture
def unused_port() -> Iterator[int]:
    import socket

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


# What is well has to be called well.


def _by_rsync(copies: Copies) -> None:
    command = ["rsync", "-a", f"{copies.here}/", f"{copies.there}/"]
    subprocess.run(command, check=True)
    readable(copies.there)


def _by_rclone(copies: Copies) -> None:
    environment = {**os.environ, "RCLONE_CONFIG": "/dev/null"}
    command = ["rclone", "copy", "--quiet", str(copies.here), str(copies.there)]
    subprocess.run(command, check=True, env=environment)
    readable(copies.there)


def _without_dates(copies: Copies) -> None:
    copies.copy()
    at = time.time() - 3600
    for path in copies.there.rglob("*"):
        os.utime(path, (at, at))


def _dated_ahead(copies: Copies) -> None:
    copies.copy()
    at = time.time() + 2 * 86400
    for path in copies.there.rglob("*"):
        os.utime(path, (at, at))


def _with_more(copies: Copies) -> None:
    copies.copy()
    (copies.there / "erp_2019-01-01.sql.gz").write_bytes(b"kept longer than here")
    (copies.there / "notes.txt").write_bytes(b"")
    (copies.there / ".erp.Xy12Ab").write_bytes(b"left by a transfer")


def _with_a_circle(copies: Copies) -> None:
    copies.copy()
    (copies.there / "again").symlink_to(".")
    (copies.there / "itself").symlink_to("itself")


def _through_a_link(copies: Copies) -> None:
    copies.copy()
    inside = copies.there / "real"
    inside.mkdir(mode=0o755)
    for dump_ in copies.dumps():
        (copies.there / dump_).rename(inside / dump_)
    (copies.there / "link").symlink_to("real")
    copies.offsite["place"] = f"{copies.offsite['place']}/link"


def _with_a_closed_folder(copies: Copies) -> None:
    copies.copy()
    (copies.there / "lost+found").mkdir(mode=0o700)


def _decomposed(copies: Copies) -> None:
    copies.copy()
    for path in list(copies.there.iterdir()):
        path.rename(path.with_name(unicodedata.normalize("NFD", path.name)))


def _in_utf8(copies: Copies) -> None:
    copies.copy()
    for path in list(copies.there.iterdir()):
        path.rename(path.with_name(os.fsencode(path.name).decode("gbk")))


def _copied(copies: Copies) -> None:
    copies.copy()


def _named(form: str) -> Callable[[datetime], str]:
    return lambda day: form.format(day=f"{day:%Y-%m-%d}")


def _gbk(day: datetime) -> str:
    return os.fsdecode(f"备份_{day:%Y-%m-%d}.sql.gz".encode("gbk"))


PLAIN = _named("erp_{day}.sql.gz")
HEALTHY: dict[str, tuple[Callable[[datetime], str], Act]] = {
    "rsync": (PLAIN, _by_rsync),
    "rclone": (PLAIN, _by_rclone),
    "rsync, Chinese": (_named("备份 {day}.sql.gz"), _by_rsync),
    "rclone, Chinese": (_named("每日/备份_{day}.sql.gz"), _by_rclone),
    "rsync, GBK": (_gbk, _by_rsync),
    "sub-folders": (_named("a/b c/erp_{day}.sql.gz"), _copied),
    "quotes": (_named('it\'s "so" `id` $(id) \\ & ; erp_{day}.sql.gz'), _copied),
    "spaces": (_named("  two  spaces {day} .sql.gz"), _copied),
    "dash and tilde": (_named("-rf/~root_{day}.sql.gz"), _copied),
    "line end": (_named("first\nsecond_{day}.sql.gz"), _copied),
    "line end that looks like an answer": (
        _named("x\n0 " + "0" * 64 + " *stdin\n{day}.sql.gz"),
        _copied,
    ),
    "dates of the copying": (PLAIN, _without_dates),
    "dates ahead": (PLAIN, _dated_ahead),
    "more than here": (PLAIN, _with_more),
    "links in a circle": (PLAIN, _with_a_circle),
    "a link as place": (PLAIN, _through_a_link),
    "a closed folder beside": (PLAIN, _with_a_closed_folder),
    "NFD there": (_named("Übersicht_{day}.sql.gz"), _decomposed),
    "GBK here, UTF-8 there": (_gbk, _in_utf8),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_good_copies_are_good(copies: Copies, cases: Cases, name: str) -> None:
    form, act = HEALTHY[name]
    write_set(copies.here, form)
    act(copies)
    cases.healthy(name, judge(copies.look))
