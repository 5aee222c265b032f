"""The commands `xunjian-agent enrol` and `rotate-key`."""

import sys
from pathlib import Path

from msgspec import Struct

from agent import enrolment, files, identity, settings, surroundings
from agent import enrolment_messages as messages
from agent.answers import detail
from agent.console import Console
from agent.errors import AgentError, EnrolmentError, SettingsError
from agent.host import LocalHost
from agent.identity import Identity
from agent.settings import Settings
from agent.spool_file import exclusive
from agent.transport import Response, Transport
from checks.api import Text
from wire import codes

JSON = "application/json"
LARGEST_FILE_BYTES = 2**20


class Enrolling(Struct, frozen=True):
    """What the command line of `enrol` says."""

    settings: str
    state: str | None = None
    url: str | None = None
    code: str | None = None
    request: str | None = None
    answer: str | None = None
    fingerprint: str | None = None


def enrol(console: Console, chosen: Enrolling, *, as_json: bool) -> int:
    """Enrol this host: over HTTP, or by a request file and the answer that comes back for it."""
    if chosen.answer is not None:
        known = _conclude(chosen, _read(chosen.answer))
    elif chosen.code is None or (chosen.request is None) == (chosen.url is None):
        raise EnrolmentError(messages.ENROL_WANTS)
    elif chosen.request is not None:
        state = _state(chosen)
        with exclusive(state):
            _write(chosen.request, _request(state, chosen.code))
        _say(
            console,
            as_json,
            {"request": chosen.request},
            messages.REQUEST_WRITTEN.format(file=chosen.request),
        )
        return 0
    else:
        known = _over_http(console, chosen)
    _tell(console, known, as_json=as_json)
    return 0


def rotate_key(console: Console, settings_path: str, *, as_json: bool) -> int:
    """Make a new key, have it confirmed by the collector, and use it from then on."""
    from agent.spool import Spool

    chosen = settings.load(settings_path)
    state = Path(chosen.agent.state)
    with exclusive(state):
        known = identity.load(state)
        spool = Spool(state)
        try:
            statement = enrolment.rotation(state, spool.reach(known.key.id))
        finally:
            spool.close()
        transport = Transport(chosen.collector, known.collector_key)
        try:
            path = f"/v1/agents/{known.agent}/keys"
            answer = transport.request("POST", path, statement, {"Content-Type": JSON})
        finally:
            transport.close()
        _demand(answer)
        known = enrolment.confirm_rotation(state, answer.body)
    if not as_json:
        console.say(messages.KEY_ROTATED)
    _tell(console, known, as_json=as_json, waits=False)
    return 0


def _over_http(console: Console, chosen: Enrolling) -> Identity:
    assert chosen.url is not None
    assert chosen.code is not None
    is_new = not Path(chosen.settings).exists()
    loaded = _settings(chosen, chosen.url)
    try:
        known = _asked(loaded, chosen, chosen.code)
    except AgentError:
        if is_new:  # nothing half done stays
            Path(chosen.settings).unlink(missing_ok=True)
        raise
    if is_new:
        console.complain(messages.SETTINGS_WRITTEN.format(file=chosen.settings))
    return known


def _asked(loaded: Settings, chosen: Enrolling, code: str) -> Identity:
    """Ask the collector, and keep its answer once the whole way is proved."""
    state = Path(loaded.agent.state)
    with exclusive(state):
        request = _request(state, code)
        transport = Transport(loaded.collector, None)
        try:
            answer = transport.request("POST", "/v1/enrolments", request, {"Content-Type": JSON})
            _demand(answer)
            # The certificate's time is a part of it.
            told = enrolment.read_answer(state, answer.body, chosen.fingerprint)
            transport.prove(told.server_time)
        finally:
            transport.close()
        return enrolment.conclude(state, answer.body, chosen.fingerprint)


def _settings(chosen: Enrolling, url: str) -> Settings:
    """Return the settings; written where there are none yet."""
    path = Path(chosen.settings)
    if not path.exists():
        state = chosen.state or settings.Agent().state
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            files.replace(path, settings.written(state, url).encode(), mode=0o644)
        except OSError as error:
            raise _file_unusable(str(path), error) from error
        try:
            loaded = settings.load(str(path))
        except SettingsError:
            path.unlink()  # the address is wrong: nothing half done stays
            raise
        return loaded
    loaded = settings.load(str(path))
    if loaded.collector.url.rstrip("/") != url.rstrip("/"):
        raise SettingsError(
            messages.SETTINGS_OTHER_URL.format(file=str(path), url=loaded.collector.url),
            file=str(path),
        )
    return loaded


def _state(chosen: Enrolling) -> Path:
    if chosen.state is not None:
        return Path(chosen.state)
    if Path(chosen.settings).exists():
        return Path(settings.load(chosen.settings).agent.state)
    return Path(settings.Agent().state)


def _request(state: Path, code: str) -> bytes:
    if code == "-":
        code = sys.stdin.readline()
    return enrolment.request(state, code, surroundings.host_identity(LocalHost()))


def _conclude(chosen: Enrolling, body: bytes) -> Identity:
    state = _state(chosen)
    with exclusive(state):
        return enrolment.conclude(state, body, chosen.fingerprint)


def _demand(answer: Response) -> None:
    """Return if the collector did what was asked. Raise EnrolmentError with its reason."""
    if answer.status == 200:
        return
    raise EnrolmentError(
        messages.ENROLMENT_REFUSED.format(status=str(answer.status), detail=detail(answer.body))
    )


def _tell(console: Console, known: Identity, *, as_json: bool, waits: bool = True) -> None:
    ours, theirs = known.key.public, known.collector_key
    if as_json:
        console.json(
            {
                "agent": known.agent,
                "customer": known.customer,
                "site": known.site,
                "host": known.host,
                "fingerprint": list(codes.fingerprint(ours)),
                "numbers": list(codes.numbers(ours)),
                "collector_fingerprint": list(codes.fingerprint(theirs)),
            }
        )
        return
    console.say(
        messages.ENROLLED_AS.format(
            customer=known.customer, site=known.site, host=known.host, agent=known.agent
        )
    )
    for sentence, key in (
        (messages.OUR_FINGERPRINT, ours),
        (messages.COLLECTOR_FINGERPRINT, theirs),
    ):
        words, numbers = " ".join(codes.fingerprint(key)), " ".join(codes.numbers(key))
        console.say(sentence.format(words=words, numbers=numbers))
    if waits:
        console.say(messages.WAITING_FOR_APPROVAL)


def _say(console: Console, as_json: bool, values: dict[str, str], sentence: Text) -> None:
    if as_json:
        console.json(values)
    else:
        console.say(sentence)


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(LARGEST_FILE_BYTES)
    except OSError as error:
        raise _file_unusable(path, error) from error


def _write(path: str, content: bytes) -> None:
    try:
        files.replace(Path(path), content, mode=0o644)
    except OSError as error:
        raise _file_unusable(path, error) from error


def _file_unusable(path: str, error: OSError) -> AgentError:
    detail = error.strerror or str(error)
    return AgentError(messages.FILE_UNUSABLE.format(file=path, detail=detail))
