"""What the collector says in the body of an answer that is no acknowledgement (RFC 9457)."""

import msgspec

from agent import redaction


def detail(body: bytes) -> str:
    """Return `: ` and the reason it gives, printable and short; nothing where it gives none."""
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    said = content.get("detail") if isinstance(content, dict) else None
    if not isinstance(said, str):
        return ""
    # Filtered before it is cut, and here, because it goes into the spool as well as on the screen.
    said = redaction.clean(said)[:300]
    return ": " + "".join(letter if letter.isprintable() else " " for letter in said)
