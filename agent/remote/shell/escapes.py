"""What the engineer types for us and not for the host: `~.` at the start of a line, as in ssh."""

from enum import Enum

from msgspec import Struct

_TILDE = ord("~")
_LINE_ENDS = b"\r\n"


class Wish(Enum):
    """What an escape asks for."""

    LEAVE = "leave"
    HELP = "help"


class Typed(Struct, frozen=True):
    """What of the typed bytes is for whom."""

    to_host: bytes
    wish: Wish | None = None
    """What follows behind a wish to leave is for nobody."""


class Escapes:
    """Reads the typed bytes as they come; a tilde that may begin an escape is held back."""

    def __init__(self) -> None:
        self._at_line_start = True
        self._held = False

    def read(self, typed: bytes) -> Typed:
        """Return what goes to the host, and what is wished for."""
        to_host = bytearray()
        wish = None
        for octet in typed:
            if self._held:
                self._held = False
                if octet == ord("."):
                    return Typed(bytes(to_host), Wish.LEAVE)
                if octet == ord("?"):
                    wish = Wish.HELP
                    continue
                to_host.append(_TILDE)
                if octet != _TILDE:  # ~~ is one of them
                    to_host.append(octet)
                self._at_line_start = octet in _LINE_ENDS
            elif octet == _TILDE and self._at_line_start:
                self._held = True
            else:
                to_host.append(octet)
                self._at_line_start = octet in _LINE_ENDS
        return Typed(bytes(to_host), wish)
