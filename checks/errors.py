"""Why a probe could not read. A probe lets these pass; the agent's runner is the one that catches.

ProbeError
├── NotPermitted      the operating system refused
├── ToolMissing       a command that the reading needs is not installed
├── TimedOut          a command or a read ran out of its time
├── NotApplicable     there is nothing here to judge: no dnf on Debian; costs no coverage
├── Unsupported       this system or version does not show what the check reads
├── Unreachable       a server or a mount does not answer
├── LoginRefused      a server answers and refuses the account: its password, or that it is locked
├── NotConfigured     the check needs an entry in the agent's settings
└── UnexpectedOutput  the reading is there but is not what it should be
"""

from collections.abc import Callable
from typing import ClassVar, TypeVar

from wire.messages import Failure, Reason

Value = TypeVar("Value")


class ProbeError(Exception):
    """A reading that could not be made; `subject` names what it is about."""

    reason: ClassVar[Reason] = Reason.ERROR

    def __init__(self, subject: str, detail: str = "") -> None:
        super().__init__(f"{subject}: {detail}" if detail else subject)
        self.subject = subject
        self.detail = detail

    def failure(self) -> Failure:
        """Return what is recorded in place of facts, cut to the limits of the wire."""
        return Failure(self.reason, self.subject[:255], self.detail[:2000])


class NotPermitted(ProbeError):
    """The operating system refused to show `subject`."""

    reason = Reason.PERMISSION


class ToolMissing(ProbeError):
    """The command `subject` is not installed."""

    reason = Reason.MISSING_TOOL


class TimedOut(ProbeError):
    """`subject` did not end within its time."""

    reason = Reason.TIMEOUT


class NotApplicable(ProbeError):
    """There is no `subject` on this host, so nothing of it can be wrong."""

    reason = Reason.NOT_APPLICABLE


class Unsupported(ProbeError):
    """This host does not show `subject`, though it may matter here."""

    reason = Reason.UNSUPPORTED


class Unreachable(ProbeError):
    """`subject` does not answer."""

    reason = Reason.UNREACHABLE


class LoginRefused(ProbeError):
    """The server `subject` answers and refuses the account of the settings."""

    reason = Reason.LOGIN


class NotConfigured(ProbeError):
    """The agent's settings name no `subject`."""

    reason = Reason.NOT_CONFIGURED


class UnexpectedOutput(ProbeError):
    """What `subject` gave can't be read."""


def part(read: Callable[[], Value]) -> Value | Failure:
    """Return what `read` gives, or the failure, for facts whose other parts stand without it."""
    try:
        return read()
    except ProbeError as error:
        return error.failure()
