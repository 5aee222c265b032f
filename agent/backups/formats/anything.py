"""Files of no known format: hashed, and looked at for what no backup looks like."""

from agent.backups.formats.format import Format, Structure, failed, passed, unproven
from agent.backups.formats.text import is_text
from agent.backups.kind import Budget, Source
from agent.backups.streaming import Seen
from checks.errors import Unsupported


def _any(_head: bytes) -> bool:
    return True


def _judge(source: Source, seen: Seen, _budget: Budget) -> Structure:
    if seen.content_bytes and not seen.nonzero_end:
        return failed("zeros", f"all its {seen.content_bytes} bytes are zero")
    if not seen.content_bytes:
        return failed("size", f"there is nothing in the {seen.coding} data")
    if seen.coding and (source.settings.format == "any" or not is_text(seen.head)):
        return passed(seen.coding, "what is in it is of no known format")
    return unproven(
        "hash only",
        Unsupported("format", "it is of no known format: it can be hashed, nothing else").failure(),
    )


FORMAT = Format(name="file", declared=("any",), recognises=_any, judge=_judge)
