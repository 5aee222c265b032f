"""The version of a tool, asked once for each file that it is: some take half a second to say it."""

from collections.abc import Callable
from pathlib import Path

from agent.backups.kind import Source
from agent.tools import find_tool


def tool_version(source: Source, tool: str, ask: Callable[[], str]) -> str:
    """Return the version. Raise ToolMissing or NotPermitted as running the tool would."""
    status = Path(find_tool(tool)).stat()
    mark = f"{status.st_mtime_ns} {status.st_size}"
    kept = source.cache / "tool-version"
    try:
        known, _, version = kept.read_text("utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        known, version = "", ""
    if known != mark or not version:
        version = ask()[:255]
        kept.write_text(f"{mark}\n{version}", encoding="utf-8")
    return version
