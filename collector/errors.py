"""What can go wrong in the collector, each as one sentence for a person.

CollectorError
├── DatabaseUnusable   can't be opened or written, or was made by a newer version
├── IdentityUnusable   the collector's key file is missing, damaged or another one
├── CannotServe        the address is taken or not ours
├── NotFound           no such customer, host or agent
├── InspectionFailed   the agent of `inspect-here` could not do its job
├── Busy               another inspection of this machine is under way
├── Unusable           a word of the command line, or a folder
├── NotDerivable       a report of a day before the newest inspection
├── NotWritten, PdfNotMade, FontUnreadable   the report can't be made (collector/reports/)
├── NotEnrolled        an enrolment, an approval or a rotation that can't be made
├── BundleRefused      a file that is no bundle for us, or that was changed; nothing is imported
├── ReceiptNotWritten  the receipt of a bundle; the import itself stands
└── Refused            a request that is answered with a 4xx
    ├── UnknownKey     401: no key, an unknown one, or a signature that is not of it
    ├── ForGood        403: revoked or retired; says so in a signed refusal
    ├── CodeRefused    403: the code of an enrolment is unknown, expired or used
    ├── TooSlow        408
    ├── Clash          409: something else stands there already
    ├── BodyTooLarge   413
    ├── WrongType      415
    ├── NotABatch      422
    └── Overloaded     503: more is under way than is good for the memory; with Retry-After
"""

from typing import ClassVar

from checks.api import Text
from wire.control import RefusalKind


class CollectorError(Exception):
    """Base of all: one sentence for a person, in Chinese and in English.

    A plain string is for what only programs are told: the answers to uploads.
    """

    def __init__(self, text: Text | str) -> None:
        self.text = Text.same(text) if isinstance(text, str) else text
        super().__init__(self.text.en)


class DatabaseUnusable(CollectorError):
    """The database can't be used."""


class IdentityUnusable(CollectorError):
    """The collector's key file can't be used."""


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


class NotEnrolled(CollectorError):
    """What a person asked for at the command line can't be done with this agent or slot."""


class BundleRefused(CollectorError):
    """A bundle that is not taken; nothing of it is stored."""


class ReceiptNotWritten(CollectorError):
    """The bundle was imported, and its receipt could not be written."""


class Refused(CollectorError):
    """A request that is not taken; nothing of it is stored."""

    status: ClassVar[int] = 400


class UnknownKey(Refused):
    """Whoever asks has not shown that he is an agent of this collector."""

    status = 401


class ForGood(Refused):
    """An agent that is known, and whose uploads are not taken any more."""

    status = 403

    def __init__(self, text: Text | str, kind: RefusalKind) -> None:
        super().__init__(text)
        self.kind = kind
        self.signed = b""
        """The refusal in an envelope; put in where the request is answered."""


class CodeRefused(Refused):
    """A one-time code that can't be used. Why is told only to those who proved that they know it:
    to all others an unknown code and a wrong proof look alike."""

    status = 403


class TooSlow(Refused):
    """The body did not arrive in the time that it is given."""

    status = 408


class Clash(Refused):
    """Something else stands where this should go; what came first stays."""

    status = 409


class BodyTooLarge(Refused):
    """The body has more than `limit_bytes`; the answer names the limit, so that an agent splits."""

    status = 413

    def __init__(self, text: Text | str, limit_bytes: int) -> None:
        super().__init__(text)
        self.limit_bytes = limit_bytes


class WrongType(Refused):
    """The body says of itself that it is something else."""

    status = 415


class NotABatch(Refused):
    """The request can't be what it should be at all."""

    status = 422


class Overloaded(Refused):
    """Too much at once: come again in a moment."""

    status = 503
