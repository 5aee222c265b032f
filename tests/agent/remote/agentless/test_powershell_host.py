"""The host port by PowerShell: what is sent, and what the documented answers mean.

Nothing here ran on Windows: the other end is a stand-in.
"""

import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from agent.remote.agentless import marks, powershell_scripts
from agent.remote.agentless.taking import take_agentless
from agent.spool import Spool
from checks.api import Host, Output
from checks.errors import NotPermitted, ProbeError, TimedOut, ToolMissing, UnexpectedOutput
from tests.agent.remote.agentless.test_taking import order
from tests.agent.remote.agentless.windows import Windows, windows
from tests.agent.spooling import AGENT, KEY, opened
from wire.messages import Reason
from wire.record import CommandRun, Event

ODD = "C:\\用友 U8\\it's “so” $x `n; \N{LEFT SINGLE QUOTATION MARK}%PATH%.txt"
KEPT: list[Event] = []


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Windows]:
    with windows(tmp_path_factory.mktemp("windows"), KEPT.append) as found:
        yield found


def test_a_script_comes_as_it_was_written_whatever_the_names(there: Windows) -> None:
    host = there.answers("read", b"abc\xff\0def\r\n")
    assert host.read_bytes(ODD) == b"abc\xff\0def\r\n"
    assert there.line == "-NoProfile -NonInteractive -EncodedCommand"
    assert there.texts == [ODD]
    # Nothing of the name stands in the script itself.
    assert there.script.isascii()
    assert "U8" not in there.script


def test_the_record_has_the_script_in_the_clear(there: Windows) -> None:
    there.answers("there").exists("C:\\")
    ran = [each for each in KEPT if isinstance(each, CommandRun)][-1]
    assert there.script.strip() in ran.command
    assert ran.command.startswith("powershell -NoProfile -NonInteractive -EncodedCommand ")


def test_files_dates_and_existence(there: Windows) -> None:
    assert there.answers("read", "系统").read("C:\\a.txt", limit_bytes=6) == "系统"
    assert "byte[] 6;" in there.script
    # DateTime.UnixEpoch has 621355968000000000 ticks; ten of them are a microsecond.
    written = there.answers("dated", "621355968000000015").modified_at("C:\\a.txt")
    assert written == datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
    assert there.answers("there").exists("C:\\a.txt")


def test_a_list_is_sifted_without_regard_to_case(there: Windows) -> None:
    host = there.answers("listed", "C:\\Logs\\B.LOG", "C:\\logs\\a.log", "C:\\logs\\a.log.old")
    assert host.list("C:/logs/*.log") == ("C:\\Logs\\B.LOG", "C:\\logs\\a.log")
    assert there.texts == ["C:\\logs", "C:\\logs\\*.log"]
    assert there.answers("listed").list("C:\\logs\\*") == ()


def test_a_tool_gets_its_arguments_as_windows_splits_them(there: Windows) -> None:
    host = there.answers("ran", "0", "名称: 磁盘\r\n", "")
    output = host.run("wmic", "a b", 'say "x"', "", "c:\\end\\")
    assert output == Output("名称: 磁盘\r\n", 0, "")
    name, line = there.texts
    assert name == "wmic"
    assert line == subprocess.list2cmdline(["a b", 'say "x"', "", "c:\\end\\"])
    failing = there.answers("ran", "5", "", "拒绝访问。\r\n")
    assert failing.run("sc.exe", "query", exit_codes=(0, 5)).error_text == "拒绝访问。\r\n"
    with pytest.raises(UnexpectedOutput, match="exit code 5: 拒绝访问。"):
        failing.run("sc.exe", "query")


Ask = Callable[[Host], object]
THERE = "System.IO."
REFUSALS: list[tuple[str, tuple[str, ...], Ask, type[ProbeError], str]] = [
    ("odd", (), lambda h: h.read("C:\\"), UnexpectedOutput, "not a regular file"),
    (
        "failed",
        ("System.UnauthorizedAccessException", "Access to the path 'C:\\x' is denied."),
        lambda h: h.read("C:\\x"),
        NotPermitted,
        "is denied",
    ),
    (
        "failed",
        (f"{THERE}FileNotFoundException", "Could not find file 'C:\\x'."),
        lambda h: h.modified_at("C:\\x"),
        UnexpectedOutput,
        "no such file",
    ),
    (
        "failed",
        (f"{THERE}IOException", "The device is not ready."),
        lambda h: h.exists("D:\\"),
        UnexpectedOutput,
        "The device is not ready",
    ),
    (
        "failed",
        ("System.UnauthorizedAccessException", "Access to the path is denied."),
        lambda h: h.list("C:\\x\\*"),
        NotPermitted,
        "denied",
    ),
    ("missing", (), lambda h: h.run("nosuch"), ToolMissing, "nosuch"),
    ("late", (), lambda h: h.run("ping", timeout_seconds=3), TimedOut, "no end after 3 s"),
    ("ran", ("0", "12345", ""), lambda h: h.run("x", limit_bytes=4), UnexpectedOutput, "more than"),
    ("ran", ("0", ""), lambda h: h.run("x"), UnexpectedOutput, "can't be read"),
    ("ran", ("x", "", ""), lambda h: h.run("x"), UnexpectedOutput, "without an exit code"),
    ("", (), lambda h: h.read("C:\\x"), UnexpectedOutput, "can't be read"),
    ("read", ("", ""), lambda h: h.read("C:\\x"), UnexpectedOutput, "can't be read"),
    ("dated", ("soon",), lambda h: h.modified_at("C:\\x"), UnexpectedOutput, "no time"),
]


@pytest.mark.parametrize(("state", "texts", "ask", "kind", "words"), REFUSALS)
def test_refusals_are_those_of_an_installed_agent(
    there: Windows,
    state: str,
    texts: tuple[str, ...],
    ask: Ask,
    kind: type[ProbeError],
    words: str,
) -> None:
    with pytest.raises(kind, match=words):
        ask(there.answers(state, *texts))


@pytest.mark.parametrize(
    "kind", ["FileNotFoundException", "DirectoryNotFoundException", "DriveNotFoundException"]
)
def test_what_is_not_there_does_not_exist_and_lists_nothing(there: Windows, kind: str) -> None:
    host = there.answers("failed", f"System.IO.{kind}", "Could not find it.")
    assert not host.exists("X:\\a")
    assert host.list("X:\\a\\*") == ()


@pytest.mark.parametrize(
    "ask",
    [
        lambda host: host.read("C:\\\0"),
        lambda host: host.run("ipconfig", "\0"),
        lambda host: host.run("tools\\mine.exe"),
        lambda host: host.run("x", "y" * 8000),
        lambda host: host.list("C:\\**\\x"),
    ],
)
def test_what_can_not_be_asked_is_refused_here(there: Windows, ask: Ask) -> None:
    KEPT.clear()
    with pytest.raises(ProbeError):
        ask(there.host)
    assert KEPT == []


def test_an_answer_that_is_no_base64_is_not_believed(there: Windows) -> None:
    (there.folder / "answer").write_text("read :@@@")
    with pytest.raises(UnexpectedOutput, match="can't be read"):
        there.host.read("C:\\x")


LONG = "x" * 200
SCRIPTS = {
    "read": powershell_scripts.READ.format(path=powershell_scripts.word(LONG), limit=2**20),
    "date": powershell_scripts.DATE.format(path=powershell_scripts.word(LONG)),
    "look": powershell_scripts.LOOK.format(path=powershell_scripts.word(LONG)),
    "paths": powershell_scripts.PATHS.format(
        folder=powershell_scripts.word(LONG), pattern=powershell_scripts.word(LONG)
    ),
    "run": powershell_scripts.RUN.format(
        name="eA==", arguments=powershell_scripts.word(LONG), limit=2**22, milliseconds=10_000
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_fits_into_a_line_of_cmd(name: str) -> None:
    script = powershell_scripts.framed(SCRIPTS[name], marks.draw())
    assert script.isascii()
    assert len(powershell_scripts.command_line(script)) < powershell_scripts.LONGEST_CHARACTERS


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_is_powershell(name: str) -> None:
    grammar = pytest.importorskip("tree_sitter_powershell", reason="the parser is not installed")
    tree_sitter = pytest.importorskip("tree_sitter")
    script = powershell_scripts.framed(SCRIPTS[name], marks.draw())
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    assert not parser.parse(script.encode()).root_node.has_error
    assert parser.parse(script.replace("}catch{", "catch{").encode()).root_node.has_error


def test_the_scripts_only_read() -> None:
    for script in SCRIPTS.values():
        for verb in ("Set-", "New-Item", "Remove-", "Out-File", "WriteAll", "Add-", "Delete"):
            assert verb not in script


def test_the_host_is_windows(there: Windows, tmp_path: Path) -> None:
    assert there.host.system == "windows"
    assert there.host.lost() is None
    assert tmp_path.is_dir()


def test_an_inspection_of_windows_reads_what_can_be_read_and_skips_the_rest(
    there: Windows, tmp_path: Path
) -> None:
    listing = "\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\x\r\n    Version    REG_DWORD    0x1\r\n"
    host = there.answers("ran", "0", listing, "")
    spool = Spool(tmp_path)
    try:
        told, collected, total = take_agentless(
            host, order(), spool, lambda _: None, threading.Event()
        )
        spool.seal_next(AGENT, KEY)
        (batch,) = opened(spool)
    finally:
        spool.close()
    assert (told.host.system, told.time_zone, collected, total) == ("windows", "UTC", 1, 1)
    (one,) = batch.observations
    assert one.check == "patch.windows_reboot"
    assert msgspec.json.decode(one.facts) == {  # type: ignore[arg-type]
        "servicing": False,
        "updates": False,
        "renames": False,
    }
    skipped = {each.check: each.failure.reason for each in told.skipped}
    assert skipped["host.memory"] is skipped["host.volumes"] is Reason.NEEDS_AGENT
    assert "host.mounts" not in skipped  # it has nothing to say about Windows
