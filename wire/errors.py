"""Everything that can be wrong with bytes that came over the wire.

WireError
├── TooLarge      more bytes, packed or unpacked, than LIMITS allow
├── Damaged       cut off, not gzip, trailing bytes, a digest that does not fit
├── BadSignature  not signed by the key that should have signed it
└── Unreadable    whole, but not a message of a version that is understood here
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
