"""The one output filter: nothing secret leaves this process, whatever wrote it down.

Two kinds of secrets are replaced by `***`:

- Values that this process obtained (agent/secret.py) or inherited by fork, also as they look in
  base64 (at all three alignments, of UTF-8 and of UTF-16), URL quoting, hexadecimal, JSON, XML,
  and UTF-16 read as bytes.
- What is written like a secret of somebody else: the forms of `_SHAPES`. This set is small on
  purpose: what looks like a secret only sometimes is worth more to the engineer unchanged.

Filtered are the answers of probes before they leave their child (agent/probing.py), sentences of
errors when they are made (agent/errors.py), and every line that is printed (agent/console.py).
A child knows what its parent knew when it was forked: what the settings name is obtained before
the first probe runs (secret.foresee).

JSON is only taken apart where a search through its text finds something: a run without secrets
pays for the search alone (measured: 0.2 ms for the 29 kB that a small host gives, 1 ms more for
each secret).
"""

import re
from binascii import b2a_base64, hexlify
from collections.abc import Iterator

import msgspec

MASK = "***"
SHORTEST_CHARACTERS = 4
"""Shorter values can't be told from other text: they are refused as secrets."""

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_VALUE = r"""(?:\\?"[^"\n]*"|\\?'[^'\n]*'|[^\s;,&"'\\)\]}]+)"""
# Anchor: what the lower-case text holds where the shape may stand. It is what a search for the
# shape costs in a text without it, so each begins with letters that are looked for at once.
_SHAPES: tuple[tuple[re.Pattern[str], re.Pattern[str], str], ...] = (
    # scheme://user:password@host
    (
        re.compile(r"://[^\s/@]{0,200}:[^\s@]{1,200}@"),
        re.compile(r"(://[^\s/:@\"']{0,200}:)[^\s/?#\"']{1,200}@"),
        rf"\1{MASK}@",
    ),
    # password=… passwd: … DB_PASSWORD=… PGPASSWORD=… "password": "…" --password …
    (
        re.compile(r"pass(?:word|wd|phrase)(?:(?:\\*[\"'])?\s*[=:]|(?<=--password)\s)"),
        re.compile(
            rf"(pass(?:word|wd|phrase)(?:\\*[\"'])?\s*[=:]\s*|--pass(?:word|wd|phrase)\s+)"
            rf"(?!\s)(?!{re.escape(MASK)}){_VALUE}",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
    # pwd=…, but not the working folder that sudo logs
    (
        re.compile(r"pwd(?:\\*[\"'])?\s*[=:]"),
        re.compile(
            rf"(pwd(?:\\*[\"'])?\s*[=:]\s*)(?![\s/])(?!{re.escape(MASK)}){_VALUE}", re.IGNORECASE
        ),
        rf"\1{MASK}",
    ),
    # client_secret=… aws_secret_access_key = …
    (
        re.compile(r"secret(?:_access)?(?:_key)?(?:\\*[\"'])?\s*[=:]"),
        re.compile(
            rf"(secret(?:_access)?(?:_key)?(?:\\*[\"'])?\s*[=:]\s*)"
            rf"(?!\s)(?!{re.escape(MASK)}){_VALUE}",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
    # Authorization: Basic …
    (
        re.compile(r"authorization"),
        re.compile(r"(authorization\\*[\"']?\s*[=:]\s*\w+\s+)[^\s\"']+", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    # mysql -uroot -pSECRET (mysqldump, mysqladmin alike), mariadb the same
    (
        re.compile(r"mysql[^\n]*?\s-p\S"),
        re.compile(r"(mysql[^\n]*?\s-p)(?!\s)[^\s\"']+"),
        rf"\1{MASK}",
    ),
    (
        re.compile(r"mariadb[^\n]*?\s-p\S"),
        re.compile(r"(mariadb[^\n]*?\s-p)(?!\s)[^\s\"']+"),
        rf"\1{MASK}",
    ),
    # PEM: to its end, or to the end of the text where it was cut
    (
        re.compile(r"private key-----"),
        re.compile(
            r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?(?:-----END \1PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        MASK,
    ),
    # AWS access keys
    (re.compile(r"akia[0-9a-z]{16}"), re.compile(r"AKIA[0-9A-Z]{16}"), MASK),
    (re.compile(r"asia[0-9a-z]{16}"), re.compile(r"ASIA[0-9A-Z]{16}"), MASK),
)

_forms: list[str] = []
"""Every form of every value obtained, the longest first."""
_needles: list[bytes] = []
"""The same, as they stand inside of a JSON string."""


def remember(value: str) -> None:
    """Replace a value from now on, in this process and in what it forks."""
    if value in _forms:
        return
    forms = {form for form in forms_of(value) if len(form) >= SHORTEST_CHARACTERS}
    _forms[:] = sorted(forms.union(_forms), key=lambda form: (-len(form), form))
    _needles[:] = [_inside_json(form) for form in _forms]


def forms_of(value: str) -> Iterator[str]:
    """Yield a value as it is and as the usual encodings write it."""
    yield value
    plain = value.encode("utf-8", "surrogateescape")
    for octets in (plain, value.encode("utf-16-le", "surrogatepass")):
        yield from _base64(octets)
        yield hexlify(octets).decode()
        yield hexlify(octets).decode().upper()
    for form in ("%{:02X}", "%{:02x}"):
        quoted = "".join(
            chr(octet) if octet in _UNRESERVED else form.format(octet) for octet in plain
        )
        yield quoted
        yield quoted.replace("%20", "+")
        yield quoted.replace("%2F", "/").replace("%2f", "/")
    yield _inside_json(value).decode("utf-8", "replace")
    ascii_only = "".join(
        letter if ord(letter) < 128 else f"\\u{ord(letter):04x}" for letter in value
    )
    yield ascii_only
    yield _inside_json(ascii_only).decode("utf-8", "replace").replace("\\\\u", "\\u")
    marked = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    yield marked
    yield marked.replace('"', "&quot;").replace("'", "&#x27;")
    yield marked.replace('"', "&#34;").replace("'", "&#39;")
    yield repr(value)[1:-1]
    yield value.replace("'", "'\\''")
    for between in ("\0", "\N{REPLACEMENT CHARACTER}"):
        yield between.join(value)


def clean(text: str) -> str:
    """Return a text without secrets."""
    for form in _forms:
        if form in text:
            text = text.replace(form, MASK)
    lowered = text.lower()
    for anchor, shape, replacement in _SHAPES:
        if anchor.search(lowered):
            text = shape.sub(replacement, text)
    return text


def clean_json(text: bytes) -> bytes:
    """Return JSON whose names and strings are without secrets; numbers stay."""
    if not _suspicious(text):
        return text
    return msgspec.json.encode(_cleaned(msgspec.json.decode(text)))


def _suspicious(text: bytes) -> bool:
    if any(needle in text for needle in _needles):
        return True
    lowered = text.decode("utf-8", "replace").lower()
    return any(anchor.search(lowered) for anchor, _, _ in _SHAPES)


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key): _cleaned(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_cleaned(entry) for entry in value]
    return value


def _inside_json(text: str) -> bytes:
    return msgspec.json.encode(text.encode("utf-8", "replace").decode())[1:-1]


def _base64(octets: bytes) -> Iterator[str]:
    """Yield what base64 makes of the octets wherever they stand in a longer text."""
    for before in range(3):
        written = b2a_base64(bytes(before) + octets, newline=False).decode()
        # The characters at both ends share bits with the neighbours.
        core = written[(0, 2, 3)[before] : (before + len(octets)) * 8 // 6]
        if len(core) >= SHORTEST_CHARACTERS:
            yield core
            yield core.replace("+", "-").replace("/", "_")
    yield b2a_base64(octets, newline=False).decode()
