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
pays for the search alone. Measured for the 29 kB of facts that a small host gives: 1 ms for loading
this, 2 ms for all searches, 1 ms more for each secret.
"""

import re
from binascii import b2a_base64, hexlify
from collections.abc import Iterator

import msgspec
from msgspec import Struct

MASK = "***"
SHORTEST_CHARACTERS = 4
"""Shorter values can't be told from other text: they are refused as secrets."""

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_VALUE = r"""(?:\\?"[^"\n]*"|\\?'[^'\n]*'|[^\s\0\ufffd;,&"'\\)\]}]+)"""
_GAP = r"[\s\0\ufffd]"
"""Between arguments: /proc/*/cmdline has U+0000 there, which facts can't hold."""
_ARGUMENT = r"(?!\s)[^\s\0\ufffd\"']+"
_UNMASKED = rf"(?!{re.escape(MASK)})"


class _Shape(Struct, frozen=True):
    """How a secret of somebody else is written.

    Looked for from cheap to dear, as nearly no text holds one: a literal, then an anchor, both in
    the lower-case text, then the shape itself. As sources: `re` compiles them when they are first
    used, and keeps them; compiling all at the start would take 6 ms of every run.
    """

    literal: str
    anchor: str
    shape: str
    flags: int = 0
    replacement: str = rf"\1{MASK}"

    def may_be_in(self, lowered: str) -> bool:
        return self.literal in lowered and re.search(self.anchor, lowered) is not None


_NAME = r"pass(?:word|wd|phrase)"
_KEY = r"secret(?:_access)?(?:_key)?"
_IS = r"(?:\\*[\"'])?\s*[=:]"
_SHAPES = (
    # PEM: to its end, or to the end of the text where it was cut. First: it holds line ends.
    _Shape(
        "private key-----",
        "private key-----",
        r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?(?:-----END \1PRIVATE KEY-----|\Z)",
        re.DOTALL,
        MASK,
    ),
    # scheme://user:password@host
    _Shape(
        "://",
        r"://[^\s/@]{0,200}:[^\s@]{1,200}@",
        r"(://[^\s/:@\"']{0,200}:)[^\s/?#\"']{1,200}@",
        replacement=rf"\1{MASK}@",
    ),
    # password=… passwd: … DB_PASSWORD=… PGPASSWORD=… "password": "…" --password …
    _Shape(
        "pass",
        rf"(?<=--){_NAME}|{_NAME}{_IS}",
        rf"({_NAME}{_IS}\s*|--{_NAME}{_GAP}+)(?!\s){_UNMASKED}{_VALUE}",
        re.IGNORECASE,
    ),
    # pwd=…, but not the working folder that sudo logs
    _Shape("pwd", rf"pwd{_IS}", rf"(pwd{_IS}\s*)(?![\s/]){_UNMASKED}{_VALUE}", re.IGNORECASE),
    # client_secret=… aws_secret_access_key = …
    _Shape("secret", rf"{_KEY}{_IS}", rf"({_KEY}{_IS}\s*)(?!\s){_UNMASKED}{_VALUE}", re.IGNORECASE),
    # Authorization: Basic …
    _Shape(
        "authorization",
        "authorization",
        r"(authorization\\*[\"']?\s*[=:]\s*\w+\s+)[^\s\"']+",
        re.IGNORECASE,
    ),
    # mysql -uroot -pSECRET (mysqldump, mysqladmin alike), mariadb the same
    _Shape("mysql", r"mysql[^\n]*?-p\S", rf"(mysql[^\n]*?{_GAP}-p){_ARGUMENT}"),
    _Shape("mariadb", r"mariadb[^\n]*?-p\S", rf"(mariadb[^\n]*?{_GAP}-p){_ARGUMENT}"),
    # AWS access keys
    _Shape("akia", r"akia[0-9a-z]{16}", r"AKIA[0-9A-Z]{16}", 0, MASK),
    _Shape("asia", r"asia[0-9a-z]{16}", r"ASIA[0-9A-Z]{16}", 0, MASK),
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
    ascii_only = "".join(
        letter if ord(letter) < 128 else f"\\u{ord(letter):04x}" for letter in value
    )
    in_json = _inside_json(value).decode("utf-8", "replace")
    in_ascii_json = _inside_json(ascii_only).decode("utf-8", "replace").replace("\\\\u", "\\u")
    for form in dict.fromkeys((value, in_json, ascii_only, in_ascii_json)):
        yield form
        yield from _in_python(form)
    marked = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    yield marked
    yield marked.replace('"', "&quot;").replace("'", "&#x27;")
    yield marked.replace('"', "&#34;").replace("'", "&#39;")
    yield value.replace("'", "'\\''")
    for between in ("\0", "\N{REPLACEMENT CHARACTER}"):
        yield between.join(value)


def _in_python(text: str) -> Iterator[str]:
    """Yield how Python writes a text, and its bytes, in the words of an error."""
    for written in (
        repr(text + '"')[1:-2],
        repr(text.encode("utf-8", "surrogateescape") + b'"')[2:-2],
    ):
        # An apostrophe is escaped only where both kinds of quotes stand in the whole.
        bare = written.replace("\\'", "'")
        yield bare
        yield bare.replace("'", "\\'")


def clean(text: str) -> str:
    """Return a text without secrets."""
    for form in _forms:
        if form in text:
            text = text.replace(form, MASK)
    lowered = text.lower()
    for shape in _SHAPES:
        if shape.may_be_in(lowered):
            text = re.sub(shape.shape, shape.replacement, text, flags=shape.flags)
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
    return any(shape.may_be_in(lowered) for shape in _SHAPES)


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
