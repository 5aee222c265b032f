"""What is known of an instance's build, and words that its two rules share. Pure."""

from checks.api import Failure, Struct, Text, Verdict, not_run
from checks.mssql import _builds
from wire.messages import Label, Reason


class Facts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The build that answered."""

    version: Label
    """16.0.4265.3"""
    level: Label = ""
    """RTM or SPn, by the server."""
    update_level: Label = ""
    """CUn, by the server; empty for what it does not tell."""
    reference: Label = ""
    """KB number of the update, by the server."""
    edition: Label = ""


_UNKNOWN = Text(
    "参考数据（更新至 {day}）中没有版本 {version}，无法判断其补丁和支持期。",
    "The reference data (up to {day}) do not have version {version}: nothing can be said.",
)


def unknown(facts: Facts) -> Verdict:
    """Return the verdict on a version that the reference data lack."""
    message = _UNKNOWN.format(day=str(_builds.table().complete_until), version=facts.version or "-")
    failure = Failure(Reason.UNSUPPORTED, f"SQL Server {facts.version}"[:255])
    return not_run("", failure, message)
