"""7z: tested by the host's own 7z."""

from agent.backups.formats.format import Format, Structure, failed, passed, unproven
from agent.backups.kind import Budget, Source
from agent.backups.streaming import Seen
from checks.api import Output
from checks.errors import NotPermitted, ToolMissing, Unsupported

_MAGIC = b"7z\xbc\xaf\x27\x1c"
_TOOLS = ("7z", "7zz", "7za", "7zr")
_METHOD = "7z t"
_LONGEST_WORDS = 1000


def _recognises(head: bytes) -> bool:
    return head.startswith(_MAGIC)


def _judge(source: Source, seen: Seen, budget: Budget) -> Structure:
    if seen.coding:
        return unproven(_METHOD, Unsupported("7z", f"inside of {seen.coding}").failure())
    for tool in _TOOLS:
        try:
            # The switch -p with nothing keeps it from asking for a password.
            output = source.run(
                tool, "t", "-bd", "-p", seen.path, timeout_seconds=max(1.0, budget.left_seconds())
            )
        except ToolMissing:
            continue
        return _verdict(output)
    raise ToolMissing("7z")


def _verdict(output: Output) -> Structure:
    said = f"{output.text} {output.error_text}"
    if output.exit_code == 0 and "Everything is Ok" in said:
        return passed(_METHOD)
    lines = [line.strip() for line in said.splitlines() if "rror" in line or "password" in line]
    words = "; ".join(lines)[:_LONGEST_WORDS] or f"exit code {output.exit_code}"
    if "password" in said:
        return unproven(_METHOD, NotPermitted("7z", words).failure())
    if "Unsupported Method" in said:
        return unproven(_METHOD, Unsupported("7z", words).failure())
    return failed(_METHOD, words)


FORMAT = Format(name="7z", declared=("7z",), recognises=_recognises, judge=_judge)
