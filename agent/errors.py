"""Everything that can keep the agent from its job; each is one sentence in both languages.

AgentError
├── SettingsError      the settings can't be read or say something wrong; has file, line and key
├── VetoError          the veto file can't be relied on (agent/veto.py): nothing is done
├── PatternUnknown     a pattern given on the command line fits no check
├── SecretError        a secret that the settings name can't be obtained (agent/secret.py)
├── SpoolError         the state folder or the spool in it can't be used
│   ├── SpoolBusy      another run of the agent holds the spool
│   └── SpoolFull      the disk is full, also without the ballast file
├── IdentityError      the files of the identity can't be used, or say something wrong
│   ├── NotEnrolled    there is no identity yet
│   └── EnrolmentError the code, the collector's answer or a file of the enrolment is wrong
├── BundleError        a bundle can't be written, or a receipt is none of ours
├── RemoteError        a remote session can't be held
│   ├── NotGranted     the customer's grant, or the collector, does not permit it; has the Denial
│   ├── RecordLost     the record can't be kept: the session ends
│   ├── CannotStart    the package does not start there: without it, over the channel alone
│   └── Stopped        somebody stopped the visit; the host is as it was
└── UploadError        a batch could not be handed over; it stays in the spool
    └── Unreached      the way to the collector failed at a Stage, or it is overloaded: try again
"""

from enum import Enum
from typing import TYPE_CHECKING

from agent import redaction
from checks.api import Text

if TYPE_CHECKING:
    from wire.grants import Denial


class Stage(Enum):
    """Where on the way to the collector something failed."""

    DNS = "dns"
    TCP = "tcp"
    PROXY = "proxy"
    TLS = "tls"
    """The handshake, with no certificate in question."""
    TLS_CHAIN = "tls_chain"
    TLS_TIME = "tls_time"
    TLS_NAME = "tls_name"
    HTTP = "http"


class AgentError(Exception):
    """Why the agent can't do something; `text` is for the person in front of it.

    It is without secrets from the start: it is printed, kept in the spool, and sent.
    """

    def __init__(self, text: Text) -> None:
        text = Text(redaction.clean(text.zh), redaction.clean(text.en))
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

    `stage` is where it failed; `again` is false where another try in the same run would end alike.
    """

    def __init__(
        self,
        text: Text,
        *,
        stage: Stage = Stage.HTTP,
        after_seconds: float | None = None,
        again: bool = True,
    ) -> None:
        super().__init__(text)
        self.stage = stage
        self.after_seconds = after_seconds
        self.again = again


class RemoteError(AgentError):
    """A remote session can't be held."""


class NotGranted(RemoteError):
    """It is not permitted; `denial` says why, None where the grant itself can't be believed."""

    def __init__(self, text: Text, denial: "Denial | None" = None) -> None:
        super().__init__(text)
        self.denial = denial


class RecordLost(RemoteError):
    """An event can't be written down durably: nothing more may reach the host."""


class CannotStart(RemoteError):
    """The agent's package can't be brought to this host, or does not start there.

    Nothing of it is left there; what can be read over the channel still can.
    """


class Stopped(RemoteError):
    """The visit was stopped on purpose."""
