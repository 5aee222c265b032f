"""The command `xunjian-agent remote register`."""

from pathlib import Path

from msgspec import Struct

from agent import files
from agent.console import Console
from agent.errors import RemoteError
from agent.remote import home as place
from agent.remote import person, texts, trust
from agent.remote.trust import Trust
from wire import codes
from wire.envelope import LARGEST_BYTES
from wire.signing import PrivateKey


class Registering(Struct, frozen=True):
    """What the command line of `register` says."""

    person: str | None = None
    request: str | None = None
    answer: str | None = None
    fingerprint: str | None = None
    url: str | None = None
    ca_file: str | None = None


def register(console: Console, chosen: Registering, *, as_json: bool) -> int:
    """Make the engineer known to a collector: a request first, then its answer."""
    home = place.folder()
    asks = chosen.person is not None and chosen.request is not None
    takes = chosen.answer is not None and chosen.fingerprint is not None
    if asks == takes:
        raise RemoteError(texts.REGISTER_WANTS)
    if asks:
        assert chosen.person is not None
        assert chosen.request is not None
        body = person.request(home, chosen.person)
        _write(chosen.request, body)
        key = person.key_of(home)
        assert key is not None
        _tell_request(console, chosen.request, key, as_json=as_json)
        return 0
    assert chosen.answer is not None
    assert chosen.fingerprint is not None
    known = trust.conclude(
        home,
        _read(chosen.answer),
        chosen.fingerprint,
        url=chosen.url,
        ca_file=chosen.ca_file,
    )
    _tell(console, known, as_json=as_json)
    return 0


def _tell_request(console: Console, file: str, key: PrivateKey, *, as_json: bool) -> None:
    words, numbers = codes.fingerprint(key.public), codes.numbers(key.public)
    if as_json:
        console.json({"request": file, "fingerprint": list(words), "numbers": list(numbers)})
        return
    console.say(texts.REQUEST_WRITTEN.format(file=file))
    console.say(texts.OUR_FINGERPRINT.format(words=" ".join(words), numbers=" ".join(numbers)))


def _tell(console: Console, known: Trust, *, as_json: bool) -> None:
    ours, theirs = known.key.public, known.collector_key
    url = known.collector.url if known.collector is not None else ""
    if as_json:
        console.json(
            {
                "person": known.person,
                "key_id": known.key.id,
                "url": url,
                "fingerprint": list(codes.fingerprint(ours)),
                "collector_fingerprint": list(codes.fingerprint(theirs)),
            }
        )
        return
    console.say(texts.REGISTERED.format(person=known.person))
    for sentence, key in (
        (texts.OUR_FINGERPRINT, ours),
        (texts.COLLECTOR_FINGERPRINT, theirs),
    ):
        words, numbers = " ".join(codes.fingerprint(key)), " ".join(codes.numbers(key))
        console.say(sentence.format(words=words, numbers=numbers))
    console.say(texts.REACHED_AT.format(url=url) if url else texts.REACHED_BY_FILE)


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(LARGEST_BYTES + 1)
    except OSError as error:
        detail = error.strerror or str(error)
        raise RemoteError(texts.FILE_UNREADABLE.format(file=path, detail=detail)) from error


def _write(path: str, content: bytes) -> None:
    try:
        files.replace(Path(path), content, mode=0o644)
    except OSError as error:
        detail = error.strerror or str(error)
        raise RemoteError(texts.FILE_UNWRITABLE.format(file=path, detail=detail)) from error
