"""What happens during remote inspections, as it happens; `--json` prints one a line, each with the
host. The events of the run itself are those of agent/events.py.

{"host":"erp-db","event":"session","session":"…","asked":true}
{"host":"erp-db","event":"connected","address":"192.0.2.10:22","host_key":"ssh-ed25519 SHA256:…"}
{"host":"erp-db","event":"mode","mode":"package","why":""}
{"host":"erp-db","event":"result","state":"delivered",…}
"""

import threading
from collections.abc import Callable

import msgspec
from msgspec import Struct

from agent.console import Console
from agent.events import Event as RunEvent
from agent.events import PackageSent
from agent.remote import inspect_texts
from checks import wording
from checks.api import Text
from wire.sessions import Mode


class SessionBegan(Struct, frozen=True, tag_field="event", tag="session"):
    """A session is open; `asked`: the collector has permitted it, false: it could not be asked."""

    session: str
    asked: bool


class SignedIn(Struct, frozen=True, tag_field="event", tag="connected"):
    """The connection stands, over the pinned key."""

    address: str
    host_key: str


class ModeChosen(Struct, frozen=True, tag_field="event", tag="mode"):
    """How the host is read; `why` where it is not by the package."""

    mode: Mode
    why: str = ""


Event = RunEvent | SessionBegan | SignedIn | ModeChosen
Report = Callable[[Event], None]


def reporter(
    console: Console, host: str, lock: threading.Lock, *, as_json: bool, alone: bool
) -> Report:
    """Return what tells the events of one host: to a program, or to a person on standard error.

    Hosts side by side share the lock: a line is printed whole.
    """

    def report(event: Event) -> None:
        with lock:
            tell(event)

    def tell(event: Event) -> None:
        if as_json:
            console.json({"host": host} | msgspec.to_builtins(event))
            return
        own = _sentence(event)
        prefix = "" if alone else f"[{host}] "
        if own is not None:
            console.follow(own, prefix)
        elif not isinstance(event, SessionBegan | SignedIn | ModeChosen):
            console.accompany(event, prefix)

    return report


def _sentence(event: Event) -> Text | None:
    match event:
        case SessionBegan(session=session, asked=asked):
            sentence = inspect_texts.BEGAN_ASKED if asked else inspect_texts.BEGAN_UNASKED
            return sentence.format(session=session[:8])
        case SignedIn(address=address, host_key=host_key):
            return inspect_texts.SIGNED_IN.format(address=address, host_key=host_key)
        case ModeChosen(mode=mode, why=why):
            sentence = inspect_texts.MODE_BECAUSE if why else inspect_texts.MODE
            return sentence.format(mode=inspect_texts.MODES[mode], why=why)
        case PackageSent(sent=sent, total=total) if sent == total:
            return inspect_texts.PACKAGE_SENT.format(size=wording.size(total))
        case _:
            return None
