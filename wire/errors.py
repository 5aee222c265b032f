"""Everything that can be wrong with bytes that came over the wire.

WireError
├── TooLarge      more bytes, packed or unpacked, than LIMITS allow
├── Damaged       cut off, not gzip, trailing bytes, a digest that does not fit
├── BadSignature  not signed by the key that should have signed it
├── NotForUs      encrypted to another collector
└── Unreadable    whole, but not a message of a version that is understood here
    ├── NotABundle  a file that is no bundle at all
    └── Newer       a bundle of a later version of the format
"""


class WireError(Exception):
    """A batch that can't be taken; the text is one sentence for a person."""


class TooLarge(WireError):
    """The batch is larger than the limit, packed or unpacked."""


class Damaged(WireError):
    """The bytes are not what the sender made."""


class BadSignature(WireError):
    """The bytes are not signed by the key that should have signed them."""


class Unreadable(WireError):
    """The bytes are whole, but their content is no message understood here."""


class NotForUs(WireError):
    """The bundle is encrypted to somebody else."""


class NotABundle(Unreadable):
    """The file is no bundle."""


class Newer(Unreadable):
    """The bundle is of a later version of the format."""
