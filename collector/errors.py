"""What can go wrong in the collector, each as one sentence for a person.

CollectorError
├── DatabaseUnusable   can't be opened or written, or was made by a newer version
├── CannotServe        the address is taken or not ours
├── NotFound           no such customer, host or agent
├── InspectionFailed   the agent of `inspect-here` could not do its job
├── Busy               another inspection of this machine is under way
├── Unusable           a word of the command line, or a folder
├── NotDerivable       a report of a day before the newest inspection
├── NotWritten, PdfNotMade, FontUnreadable   the report can't be made (collector/reports/)
└── Refused            an upload that is answered with a 4xx
    ├── UnknownAgent   404
    ├── BodyTooLarge   413
    ├── Forked         409: this place of the chain holds other bytes already
    └── NotABatch      422
"""

from typing import ClassVar

from checks.api import Text


class CollectorError(Exception):
    """Base of all: one sentence for a person, in Chinese and in English.

    A plain string is for what only programs are told: the answers to uploads.
    """

    def __init__(self, text: Text | str) -> None:
        self.text = Text.same(text) if isinstance(text, str) else text
        super().__init__(self.text.en)


class DatabaseUnusable(CollectorError):
    """The database can't be used."""


class CannotServe(CollectorError):
    """The address can't be listened on."""


class NotFound(CollectorError):
    """There is no such thing in the database."""


class InspectionFailed(CollectorError):
    """The agent ended without an inspection."""


class Busy(CollectorError):
    """Another inspection of this machine is under way."""


class Unusable(CollectorError):
    """A word of the command line or a folder that can't be used."""


class NotDerivable(CollectorError):
    """A report of a day that is before the newest inspection."""


class Refused(CollectorError):
    """An upload that is not taken; nothing of it is stored."""

    status: ClassVar[int] = 400


class UnknownAgent(Refused):
    """No agent has this id."""

    status = 404


class Forked(Refused):
    """The same place in the agent's chain holds other bytes."""

    status = 409


class BodyTooLarge(Refused):
    """The body is larger than a batch may be."""

    status = 413


class NotABatch(Refused):
    """The request can't be a batch at all."""

    status = 422
