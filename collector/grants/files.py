"""Files that go to an engineer or come from one. An error is one sentence."""

from pathlib import Path

from checks.api import Text
from collector.errors import Unusable


def read_file(path: Path, largest_bytes: int) -> bytes:
    """Return the content of a file. Raise Unusable where it can't be read or is too large."""
    try:
        with path.open("rb") as file:
            content = file.read(largest_bytes + 1)
    except (OSError, ValueError) as error:
        raise _unusable(path, error) from error
    if len(content) > largest_bytes:
        raise Unusable(
            Text(
                f"文件 {path} 超过 {largest_bytes} 字节，不是所需的文件。",
                f"The file {path} has more than {largest_bytes} bytes: it is not what is asked "
                "for.",
            )
        )
    return content


def write_file(path: Path, content: bytes) -> None:
    """Write a file. Raise Unusable where that is not possible."""
    try:
        path.write_bytes(content)
    except (OSError, ValueError) as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError | ValueError) -> Unusable:
    what = getattr(error, "strerror", None) or str(error)
    return Unusable(
        Text(f"文件 {path} 无法读写：{what}。", f"The file {path} can't be used: {what}.")
    )
