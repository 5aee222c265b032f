"""Everything that can keep the agent from its job; each is one sentence in both languages.

AgentError
├── SettingsError      the settings can't be read or say something wrong; has file, line and key
├── PatternUnknown     a pattern given on the command line fits no check
├── SpoolError         the state folder or the spool in it can't be used
│   ├── SpoolBusy      another run of the agent holds the spool
│   └── SpoolFull      the disk is full, also without the ballast file
├── IdentityError      the files of the identity can't be used, or say something wrong
│   ├── NotEnrolled    there is no identity yet
│   └── EnrolmentError the code, the collector's answer or a file of the enrolment is wrong
├── BundleError        a bundle can't be written, or a receipt is none of ours
└── UploadError        a batch could not be handed over; it stays in the spool
    ├── Unreached      nobody answered, or answered that it is overloaded: worth another try
    ├── NotCollector   something answered, but not with the collector's acknowledgement
    └── Refused        the collector refused: this batch, or the agent as a whole
"""

from checks.api import Text


class AgentError(Exception):
    """Why the agent can't do something; `text` is for the person in front of it."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class SettingsError(AgentError):
    """The settings are wrong at one place: `file`, `line` (from 1; 0 is the whole file), `key`."""

    def __init__(self, text: Text, *, file: str, line: int = 0, key: str = "") -> None:
        place = Text(f"{file} 第 {line} 行", f"{file}, line {line}") if line else Text.same(file)
        super().__init__(Text(f"{place.zh}：{text.zh}", f"{place.en}: {text.en}"))
        self.file = file
        self.line = line
        self.key = key


class PatternUnknown(AgentError):
    """A pattern fits no check of this installation."""


class SpoolError(AgentError):
    """The state folder or the spool in it can't be used."""


class SpoolBusy(SpoolError):
    """Another run of the agent is under way."""


class SpoolFull(SpoolError):
    """Nothing more can be written; what was written before stands."""


class IdentityError(AgentError):
    """The identity can't be read or written, or was changed."""


class NotEnrolled(IdentityError):
    """This agent has no identity yet: a person enrols it."""


class EnrolmentError(IdentityError):
    """An enrolment can't be made or finished."""


class BundleError(AgentError):
    """A bundle can't be written, or what came back for it can't be used."""


class UploadError(AgentError):
    """A batch could not be handed over. It stays in the spool whatever the reason."""


class Unreached(UploadError):
    """No answer, or one that asks to come again; `after_seconds` if it said when.

    `again` is false where another try in the same run would end alike.
    """

    def __init__(
        self, text: Text, *, after_seconds: float | None = None, again: bool = True
    ) -> None:
        super().__init__(text)
        self.after_seconds = after_seconds
        self.again = again


class NotCollector(UploadError):
    """An answer without a fitting acknowledgement: a captive portal, a proxy, a wrong address."""


class Refused(UploadError):
    """A 4xx. `batch_only` is true where other batches may fare better."""

    def __init__(self, text: Text, *, status: int, batch_only: bool) -> None:
        super().__init__(text)
        self.status = status
        self.batch_only = batch_only
