"""Whatever a probe does, the inspection ends in time with everything else in it."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.agent.workbench import Site, collecting
from wire.messages import Failure, Observation, Reason

IGNORES_TERM = """
    host.run("sh", "-c", "trap '' TERM INT HUP; sleep 4321 & wait", timeout_seconds=60)
"""
OWN_TIMEOUT = """
    host.run("sh", "-c", "trap '' TERM; sleep 4322 & wait", timeout_seconds=0.3)
"""
TOO_MUCH = """
    host.run("head", "-c", "100000000", "/dev/zero")
"""
TOO_MANY_ERRORS = """
    host.run("sh", "-c", "head -c 100000000 /dev/zero >&2")
"""
BAD_UTF8 = r"""
    output = host.run("printf", r"a\377b\000c").text
    return Facts(output + os.fsdecode(b"\xfe"))
"""
FIFO = """
    os.mkfifo("{folder}/fifo"); return Facts(host.read("{folder}/fifo"))
"""
RAW_FIFO = """
    os.mkfifo("{folder}/raw"); return Facts(open("{folder}/raw").read())
"""


def observe(
    folder: Path, bodies: dict[str, str], options: dict[str, str] | None = None
) -> dict[str, Observation]:
    """Run the samples and a good one beside them; return what arrived at the collector."""
    site = Site(folder)
    site.checks({"sample.good": "pass", **bodies}, options)
    with collecting() as collector:
        site.url = collector.url
        finished = site.run()
    assert finished.exit_code == 0, finished.errors
    (batch,) = collector.batches()
    assert batch.rejected == ()
    found = {entry.check: entry for entry in batch.observations}
    assert found.keys() == {"sample.good", *bodies}
    assert found["sample.good"].failure is None
    return found


def failure(observation: Observation) -> Failure:
    assert observation.failure is not None
    return observation.failure


def running(words: str) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cmdline", "status"])
        if words in " ".join(process.info["cmdline"] or [])
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def test_a_probe_that_hangs_is_cut_at_its_deadline(tmp_path: Path) -> None:
    began = time.monotonic()
    found = observe(
        tmp_path,
        {"sample.hang": "time.sleep(600)", "sample.busy": "\n    while True: pass"},
        {"sample.hang": "deadline_seconds=1", "sample.busy": "deadline_seconds=1"},
    )
    assert time.monotonic() - began < 8
    for check in ("sample.hang", "sample.busy"):
        assert failure(found[check]).reason == Reason.TIMEOUT
        assert failure(found[check]).subject == "1 s"
    assert 0.9 < found["sample.hang"].cost.wall_seconds < 3
    assert found["sample.busy"].cost.cpu_seconds > 0.2


def test_a_tool_that_ignores_term_is_gone_with_its_children(tmp_path: Path) -> None:
    found = observe(
        tmp_path,
        {"sample.tool": IGNORES_TERM, "sample.own": OWN_TIMEOUT},
        {"sample.tool": "deadline_seconds=1"},
    )
    assert failure(found["sample.tool"]).reason == Reason.TIMEOUT
    assert failure(found["sample.own"]) == Failure(Reason.TIMEOUT, "sh", "no end after 0.3 s")
    assert running("sleep 4321") == []
    assert running("sleep 4322") == []


def test_a_tool_that_prints_100_mb_is_cut(tmp_path: Path) -> None:
    found = observe(tmp_path, {"sample.much": TOO_MUCH, "sample.errors": TOO_MANY_ERRORS})
    for check in ("sample.much", "sample.errors"):
        assert failure(found[check]).reason == Reason.ERROR
        assert "more than 4194304 bytes" in failure(found[check]).detail
        assert found[check].cost.peak_memory_bytes < 100 * 2**20


def test_bad_utf8_and_nul_arrive_replaced(tmp_path: Path) -> None:
    found = observe(tmp_path, {"sample.odd": BAD_UTF8})
    assert found["sample.odd"].failure is None
    text = bytes(found["sample.odd"].facts).decode()  # type: ignore[arg-type]
    assert text == '{"value":"a\N{REPLACEMENT CHARACTER}b\\ufffdc\N{REPLACEMENT CHARACTER}"}'


def test_a_probe_that_dies_is_an_error_that_names_the_signal(tmp_path: Path) -> None:
    found = observe(
        tmp_path,
        {
            "sample.killed": "os.kill(os.getpid(), signal.SIGKILL)",
            "sample.segfault": "ctypes.string_at(0)",
            "sample.exit": "os._exit(3)",
            "sample.leaves": "sys.exit(1)",
            "sample.interrupts": "raise KeyboardInterrupt",
        },
    )
    assert failure(found["sample.killed"]).subject == "SIGKILL"
    assert failure(found["sample.segfault"]).subject == "SIGSEGV"
    assert "exit code 3" in failure(found["sample.exit"]).detail
    assert failure(found["sample.leaves"]).subject == "SystemExit"
    assert failure(found["sample.interrupts"]).subject == "KeyboardInterrupt"
    assert all(failure(entry).reason == Reason.ERROR for entry in found.values() if entry.failure)


def test_a_probe_that_eats_memory_is_stopped_by_its_limit(tmp_path: Path) -> None:
    body = "hoard = []\n    while True: hoard.append(bytearray(2**26))"
    found = observe(tmp_path, {"sample.hungry": body})
    assert failure(found["sample.hungry"]).subject == "MemoryError"
    assert found["sample.hungry"].cost.peak_memory_bytes < 1100 * 2**20


def test_facts_beyond_measure_are_an_error_not_a_broken_batch(tmp_path: Path) -> None:
    found = observe(tmp_path, {"sample.long": "return Facts('x' * 7_000_000)"})
    assert failure(found["sample.long"]).subject == "facts"


def test_a_missing_tool_and_a_refused_file_have_their_reasons(tmp_path: Path) -> None:
    found = observe(
        tmp_path,
        {
            "sample.tool": 'host.run("no-such-tool-here")',
            "sample.failing": 'host.run("sh", "-c", "echo broken >&2; exit 3")',
            "sample.refused": 'raise PermissionError(13, "Permission denied", "/etc/shadow")',
            "sample.system": 'raise NotImplementedError("no sensors")',
        },
    )
    assert failure(found["sample.tool"]) == Failure(Reason.MISSING_TOOL, "no-such-tool-here")
    assert failure(found["sample.failing"]).detail == "exit code 3: broken"
    assert failure(found["sample.refused"]).reason == Reason.PERMISSION
    assert failure(found["sample.refused"]).subject == "/etc/shadow"
    assert failure(found["sample.system"]) == Failure(Reason.UNSUPPORTED, "no sensors")


def test_a_read_that_never_returns_is_refused_or_cut(tmp_path: Path) -> None:
    found = observe(
        tmp_path,
        {
            "sample.fifo": FIFO.format(folder=tmp_path),
            "sample.raw": RAW_FIFO.format(folder=tmp_path),
            "sample.stopped": "os.kill(os.getpid(), signal.SIGSTOP)",
        },
        {"sample.raw": "deadline_seconds=1", "sample.stopped": "deadline_seconds=1"},
    )
    assert failure(found["sample.fifo"]).detail == "not a regular file"
    assert failure(found["sample.raw"]).reason == Reason.TIMEOUT
    assert failure(found["sample.stopped"]).reason == Reason.TIMEOUT


def test_a_child_that_cannot_be_killed_is_left_behind(tmp_path: Path) -> None:
    """A D state can't be made on purpose; here SIGKILL is swallowed, which looks the same."""
    pid_file = tmp_path / "pid"
    site = Site(tmp_path)
    site.checks(
        {
            "sample.good": "pass",
            # Nor does the child's own clock end it.
            "sample.stuck": "signal.signal(signal.SIGALRM, signal.SIG_IGN); "
            f"open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)",
        },
        {"sample.stuck": "deadline_seconds=1"},
    )
    (site.plugins / "sitecustomize.py").write_text(
        "import os\nos.kill = os.killpg = lambda *_: None\n"
    )
    try:
        with collecting() as collector:
            site.url = collector.url
            began = time.monotonic()
            finished = site.run(timeout=20)
            assert time.monotonic() - began < 10
        assert finished.exit_code == 0, finished.errors
        stuck = next(
            entry for entry in collector.batches()[0].observations if entry.check == "sample.stuck"
        )
        assert failure(stuck).reason == Reason.TIMEOUT
        assert "left behind" in failure(stuck).detail
        pid = int(pid_file.read_text())
        assert psutil.pid_exists(pid)
        # As long as it is there, no second one is started.
        pid_file.write_text("")
        with collecting() as collector:
            site.url = collector.url
            site.configure()
            assert site.run(timeout=20).exit_code == 0
        assert pid_file.read_text() == ""
        pid_file.write_text(str(pid))
        again = next(
            entry for entry in collector.batches()[0].observations if entry.check == "sample.stuck"
        )
        assert failure(again).reason == Reason.TIMEOUT
        assert f"process {pid} of an earlier inspection" in failure(again).detail
        # It holds nothing of the agent: the next run gets the lock and its output ends.
        open_files = [file.path for file in psutil.Process(pid).open_files()]
        assert not any(str(site.state) in path for path in open_files)
    finally:
        if pid_file.exists():
            os.kill(int(pid_file.read_text()), signal.SIGKILL)


@pytest.mark.skipif(os.geteuid() != 0, reason="the rule is about root")
def test_root_executes_no_tool_that_others_could_have_written(tmp_path: Path) -> None:
    open_folder = tmp_path / "open"
    open_folder.mkdir()
    tool = open_folder / "tool"
    tool.write_text("#!/bin/sh\necho reached\n")
    tool.chmod(0o755)
    open_folder.chmod(0o777)
    own_folder = tmp_path / "own"
    own_folder.mkdir(mode=0o755)
    foreign = own_folder / "foreign"
    foreign.write_text("#!/bin/sh\necho reached\n")
    foreign.chmod(0o755)
    os.chown(foreign, 65534, 65534)
    linked = own_folder / "linked"
    linked.symlink_to(tool)
    good = own_folder / "good"
    good.write_text("#!/bin/sh\necho reached\n")
    good.chmod(0o755)
    found = observe(
        tmp_path,
        {
            "sample.open": f"return Facts(host.run({str(tool)!r}).text)",
            "sample.foreign": f"return Facts(host.run({str(foreign)!r}).text)",
            "sample.linked": f"return Facts(host.run({str(linked)!r}).text)",
            "sample.own": f"return Facts(host.run({str(good)!r}).text)",
        },
    )
    for check in ("sample.open", "sample.foreign", "sample.linked"):
        assert failure(found[check]).reason == Reason.PERMISSION
        assert "others than root can write" in failure(found[check]).detail
    assert bytes(found["sample.own"].facts) == b'{"value":"reached\\n"}'  # type: ignore[arg-type]
