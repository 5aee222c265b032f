"""Whom the engineer believes: the collector's key, compared by its fingerprint once."""

from pathlib import Path

from msgspec import Struct

from agent import files, identity, settings
from agent.errors import NotGranted, RemoteError, SettingsError
from agent.remote import home as place
from agent.remote import person, texts
from agent.settings import Collector
from checks.api import Text
from wire import codes, envelope
from wire.errors import WireError
from wire.sessions import TRUSTED, Trusted
from wire.signing import PrivateKey, key_id


class Trust(Struct, frozen=True):
    """A registered engineer, and the collector that knows him."""

    home: Path
    person: str
    key: PrivateKey
    collector_key: bytes
    recipients: tuple[str, ...]
    collector: Collector | None
    """Where and how the collector is reached; None: not by network."""

    @property
    def collector_keys(self) -> dict[str, bytes]:
        """Return the keys that the collector's messages must be signed with, by id."""
        return {key_id(self.collector_key): self.collector_key}


def load(home: Path) -> Trust:
    """Return the trust of a folder. Raise RemoteError, IdentityError, SettingsError.

    NotGranted where nobody is registered yet.
    """
    body = identity.read(home / place.TRUST)
    key = person.key_of(home)
    if body is None or key is None:
        raise NotGranted(texts.NOT_REGISTERED.format(folder=str(home)))
    try:
        told = _signed(body)
    except WireError as error:
        raise RemoteError(
            texts.TRUST_BROKEN.format(file=str(home / place.TRUST), detail=str(error))
        ) from error
    if told.key_id != key.id:
        raise RemoteError(texts.TRUST_OF_OTHER_KEY.format(file=str(home / place.TRUST)))
    return Trust(
        home, told.person, key, told.collector_key, told.recipients, _collector(home, told)
    )


def conclude(
    home: Path, body: bytes, fingerprint: str, *, url: str | None = None, ca_file: str | None = None
) -> Trust:
    """Take the collector's answer in, and return the trust that it gives; the same again is taken.

    It must answer our request, be for our key, be signed by the key that it names, and that key
    must have the fingerprint that the person typed. Until then nothing is written; another
    collector never takes the place of the first. Raise RemoteError, IdentityError, SettingsError.
    """
    told = _answer(home, body, fingerprint)
    before = identity.read(home / place.TRUST)
    if before is not None:
        _demand_same_collector(home, before, told)
    if url is not None or ca_file is not None:
        _keep_collector(home, url or told.url, ca_file)
    identity.keep(home / place.TRUST, body)
    (home / place.PENDING).unlink(missing_ok=True)
    return load(home)


def _answer(home: Path, body: bytes, fingerprint: str) -> Trusted:
    """Return the answer once everything about it is proved; nothing is written."""
    try:
        told = _signed(body)
    except WireError as error:
        raise RemoteError(texts.ANSWER_UNREADABLE.format(detail=str(error))) from error
    key = person.key_of(home)
    under_way = person.pending(home)
    is_kept = identity.read(home / place.TRUST) == body
    if key is None or (under_way is None and not is_kept):
        raise RemoteError(texts.NO_REGISTRATION.format(folder=str(home)))
    is_ours = is_kept or (under_way is not None and under_way.nonce == told.nonce)
    if told.key_id != key.id or not is_ours:
        raise RemoteError(texts.ANSWER_NOT_OURS)
    if not codes.same_fingerprint(fingerprint, told.collector_key):
        words = " ".join(codes.fingerprint(told.collector_key))
        raise RemoteError(texts.OTHER_FINGERPRINT.format(words=words))
    return told


def _demand_same_collector(home: Path, before: bytes, told: Trusted) -> None:
    try:
        known = _signed(before)
    except WireError:
        return  # What can't be read any more protects nobody.
    if known.collector_key != told.collector_key:
        words = " ".join(codes.fingerprint(known.collector_key))
        raise RemoteError(
            texts.OTHER_COLLECTOR.format(words=words, folder=str(home), variable=place.VARIABLE)
        )


def _signed(body: bytes) -> Trusted:
    """Return an answer that is signed by the key which it names itself. Raise WireError."""
    read = envelope.read(body)
    told = envelope.opened(read, TRUSTED, Trusted)
    envelope.check(read, {key_id(told.collector_key): told.collector_key})
    return told


def _collector(home: Path, told: Trusted) -> Collector | None:
    file = home / place.COLLECTOR
    if file.exists():
        return settings.load(str(file)).collector
    return Collector(url=told.url) if told.url else None


def _keep_collector(home: Path, url: str, ca_file: str | None) -> None:
    """Write collector.toml; what is wrong with it leaves the one before in place."""
    if not url:
        raise RemoteError(texts.NO_URL)
    text = f"[collector]\nurl = {settings.quoted(url)}\n"
    if ca_file is not None:
        text += f"ca_file = {settings.quoted(str(Path(ca_file).absolute()))}\n"
    file = home / place.COLLECTOR
    trial = file.with_name("collector.new.toml")
    try:
        files.replace(trial, text.encode())
        try:
            settings.load(str(trial))
        except SettingsError as error:
            trial.unlink()
            said = error.text
            raise RemoteError(
                Text(said.zh.replace(str(trial), str(file)), said.en.replace(str(trial), str(file)))
            ) from error
        trial.replace(file)
    except OSError as error:
        raise place.unusable(file, error) from error
