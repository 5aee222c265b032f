"""A record to look at: asciicast v2, which asciinema and its web player show.

The format: https://docs.asciinema.org/manual/asciicast/v2/. One line of JSON for the header, one
for each event: seconds, kind (`o` shown, `i` typed, `r` new size), text.
"""

import codecs
from collections.abc import Callable, Iterable, Iterator

import msgspec

from wire.errors import Unreadable
from wire.record import (
    BatchFetched,
    CommandEnded,
    CommandRun,
    Connected,
    Ended,
    Event,
    FileMoved,
    Line,
    Noted,
    Received,
    Resized,
    SecretUsed,
    Sent,
    SessionOpened,
)

COLUMNS, ROWS = 80, 24
"""Where a session had no terminal."""
TERMINAL = "xterm-256color"
_TO, _FROM = "→", "←"


def plainly(event: Event) -> str:
    """Return a line for what was not on the terminal, in signs more than in words.

    Empty: nothing is shown for it.
    """
    match event:
        case SessionOpened(answer=answer):
            return "# session opened" if answer else "# session opened, collector not asked"
        case Connected():
            by = f"{event.user}@{event.address}"
            over = "".join(f" {_FROM} {jump}" for jump in event.jumps)
            return f"# {by}{over} · {event.host_key} ({event.pinned_by}) · {event.means}"
        case CommandRun(command=command):
            return f"$ {command}"
        case CommandEnded():
            code = "?" if event.exit_code is None else event.exit_code
            digest = event.output_digest[:16]
            return f"= {code} · {event.output_bytes} B + {event.error_bytes} B · sha256 {digest}…"
        case FileMoved():
            way = _TO if event.direction == "to" else _FROM
            return f"{way} {event.name} · {event.bytes} B · sha256 {event.digest[:16]}…"
        case BatchFetched():
            return f"{_FROM} batch {event.seq} · {event.bytes} B · sha256 {event.digest[:16]}…"
        case SecretUsed(label=label):
            return f"# secret: {label}"
        case Noted(text=text):
            return f"# {text}"
        case Ended():
            code = "" if event.exit_code is None else f" · {event.exit_code}"
            detail = f" · {event.detail}" if event.detail else ""
            return f"# {event.how}{code}{detail}"
        case _:
            return ""


def cast(
    lines: Iterable[Line],
    *,
    encoding: str = "utf-8",
    told: Callable[[Event], str] = plainly,
) -> Iterator[str]:
    """Yield the lines of the cast of a record, each with its line end.

    `encoding` is that of the terminal; what is not in it becomes U+FFFD. `told` says in a line what
    was not on the terminal. Raise Unreadable where there is no line at all; LookupError for an
    encoding that nobody knows.
    """
    decoders = {
        kind: codecs.getincrementaldecoder(encoding)("replace") for kind in (Received, Sent)
    }
    start: list[Line] = []
    rest = iter(lines)
    # The size of the terminal stands in the header, and in the record behind the opening.
    for line in rest:
        start.append(line)
        if isinstance(line.event, Resized | Received | Sent):
            break
    if not start:
        raise Unreadable("The record has no lines: there is nothing to show.")
    yield _header(start)
    elapsed = start[-1].elapsed
    for line in (*start, *rest):
        elapsed = line.elapsed
        match line.event:
            case Received(data=data):
                yield from _event(elapsed, "o", decoders[Received].decode(data))
            case Sent(data=data):
                yield from _event(elapsed, "i", decoders[Sent].decode(data))
            case Resized(columns=columns, rows=rows):
                yield from _event(elapsed, "r", f"{columns}x{rows}" if columns and rows else "")
            case event:
                yield from _event(elapsed, "o", _as_lines(told(event)))
    yield from _event(elapsed, "o", decoders[Received].decode(b"", final=True))
    yield from _event(elapsed, "i", decoders[Sent].decode(b"", final=True))


def _header(start: list[Line]) -> str:
    last = start[-1].event
    columns, rows = (last.columns, last.rows) if isinstance(last, Resized) else (0, 0)
    return _line(
        {
            "version": 2,
            "width": columns or COLUMNS,
            "height": rows or ROWS,
            "timestamp": int(start[0].at.timestamp()),
            "env": {"TERM": TERMINAL},
        }
    )


def _event(elapsed: float, kind: str, text: str) -> Iterator[str]:
    if text:
        yield _line([round(elapsed, 6), kind, text])


def _line(value: object) -> str:
    return msgspec.json.encode(value).decode() + "\n"


def _as_lines(text: str) -> str:
    """Return a text as lines of a terminal; a name in it can't steer the terminal."""
    if not text:
        return ""
    shown = "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )
    return "\r\n" + shown.replace("\n", "\r\n") + "\r\n"
