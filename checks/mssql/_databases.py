"""What is known of the databases of an instance. Pure."""

from checks.api import Failure, Struct, Text
from checks.mssql._included import SYSTEM
from wire.messages import Count, Label


class DatabaseRow(Struct, frozen=True, kw_only=True):
    """One database: the answer to DATABASES; options are NULL while it is not open."""

    name: Label
    state: Label
    is_in_standby: bool | None = None
    is_read_only: bool | None = None
    user_access: Label | None = None
    page_verify: Label | None = None
    auto_close: bool | None = None
    auto_shrink: bool | None = None
    create_statistics: bool | None = None
    update_statistics: bool | None = None
    is_mirrored: bool
    data_bytes: Count | None = None

    @property
    def is_system(self) -> bool:
        """Return whether it came with the instance."""
        return self.name.lower() in SYSTEM


class ShrinkJob(Struct, frozen=True):
    """A step of a job that shrinks; its command stays on the server."""

    job: Label
    step: Label


class Facts(Struct, frozen=True, kw_only=True):
    """The databases of an instance."""

    databases: tuple[DatabaseRow, ...]
    databases_left_out: Count = 0
    """Beyond the thousand that are looked at."""
    engine_edition: int | None = None
    """4: Express."""
    shrink_jobs: tuple[ShrinkJob, ...] | Failure = ()


NOT_OPEN = Text(
    "数据库状态为 {state}，无法判断其选项。",
    "The database is {state}: its options can't be judged.",
)
ON = Text("开启", "on")
OFF = Text("关闭", "off")
