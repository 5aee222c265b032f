"""What is known of the memory of an instance. Pure."""

from checks.api import Failure, Struct
from wire.messages import Count, Label


class SettingRow(Struct, frozen=True):
    """`max server memory (MB)` in use: the answer to SETTING."""

    megabytes: Count


class SystemRow(Struct, frozen=True, kw_only=True):
    """The memory of the machine as the engine sees it: the answer to SYSTEM."""

    total_bytes: Count
    free_bytes: Count
    state: Label | None = None
    """The system's own word: Available physical memory is high, steady, low."""


class BufferRow(Struct, frozen=True, kw_only=True):
    """Counters of the buffer pool: the answer to BUFFERS."""

    page_life_seconds: Count | None = None
    hits: Count | None = None
    lookups: Count | None = None
    up_seconds: int | None = None
    """Since the engine was started."""


class Facts(Struct, frozen=True, kw_only=True):
    """The memory of an instance; each part has one row."""

    setting: tuple[SettingRow, ...] | Failure
    system: tuple[SystemRow, ...] | Failure
    buffers: tuple[BufferRow, ...] | Failure
