"""What can go wrong in the collector, each as one sentence for a person.

CollectorError
├── DatabaseUnusable   can't be opened or written, or was made by a newer version
├── CannotServe        the address is taken or not ours
├── NotFound           no such customer, host or agent
├── InspectionFailed   the agent of `inspect-here` could not do its job
└── Refused            an upload that is answered with a 4xx
    ├── UnknownAgent   404
    ├── BodyTooLarge   413
    ├── Forked         409: this place of the chain holds other bytes already
    └── NotABatch      422
"""

from typing import ClassVar


class CollectorError(Exception):
    """Base of all; the text is shown to the person as it is."""


class DatabaseUnusable(CollectorError):
    """The database can't be used."""


class CannotServe(CollectorError):
    """The address can't be listened on."""


class NotFound(CollectorError):
    """There is no such thing in the database."""


class InspectionFailed(CollectorError):
    """The agent ended without an inspection."""


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
