"""The host's side of a remote inspection: asked over its standard input, it answers on the output.

`xunjian-agent remote answer`            run from the package that an engineer brought
`xunjian-agent remote answer --forced`   run by an authorized_keys line, whatever was asked for

In forced mode the key can do nothing else, so nothing of the order may make it do more: it brings
no entries (a secret's `command` would run anything, its `file` would read anything); those of the
host's own settings are used, where this user may read them. The grant has to permit the order; it
is proved by the collector's key where this host knows it. Where it does not, the administrator's
line in authorized_keys is the permission (agent/remote/permission.py). His veto beats everything.

The batches are signed with a key that is made for this visit and never leaves the memory of this
process. They lie in a private folder that is removed at the end, whatever the end is.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agent import VERSION, events, veto
from agent.commands import entries_of
from agent.errors import AgentError, RemoteError, SettingsError
from agent.host import LocalHost
from agent.inspection import take
from agent.isolation import end_session
from agent.processes import children
from agent.remote.ear import Ear, Gone
from agent.remote.keeper import watch_over
from agent.remote.lines import PROTOCOL, Begin, Done, Fetch, Hello, Refused, Stated, Told, Took
from agent.remote.mouth import Mouth
from agent.remote.order_plan import plan_of, signed_in, without_secrets
from agent.remote.order_settings import settings_of
from agent.remote.permission import collector_known, demand
from agent.settings import DEFAULT_PATH, Agent, Settings, load
from agent.spool import Spool
from agent.spool_file import exclusive
from checks.api import Text
from checks.discovery import discover, names
from checks.errors import ProbeError
from wire.control import Enrolled
from wire.envelope import enclose
from wire.messages import WIRE_VERSION
from wire.sessions import SESSION_KEY, Mode, SessionKey
from wire.signing import PrivateKey

DONE, ENDED, COULD_NOT = 0, 1, 2

_NOT_ASKED = Text(
    "工作站没有先给出任务：两端的代理版本是否一致？",
    "the workstation did not begin with an order: are both agents of one version?",
)
_OTHER_PROTOCOL = Text(
    "工作站使用协议 {theirs}，本机代理使用 {ours}：请使用同一版本的代理",
    "the workstation speaks protocol {theirs}, this agent {ours}: use agents of one version",
)
_OTHER_MODE = Text(
    "任务的方式为 {theirs}，本机以 {ours} 方式应答",
    "the order is for mode {theirs}, this is {ours}",
)
_NO_ENTRIES = Text(
    "强制命令方式不接受随任务带来的条目：请由管理员写入本机 {path}",
    "over a forced command no entries are taken with the order: its administrator writes them into "
    "{path} of this host",
)
_NO_UPLOAD = Text(
    f"主机管理员禁止上传（{veto.PATH} 中 upload = false）：远程巡检的数据会离开本机，因此不执行",
    f"the administrator of this host forbids uploads (upload = false in {veto.PATH}): the data of a"
    " remote inspection would leave it, so nothing was done",
)
_NOT_TAKEN = Text(
    "工作站确认的不是刚发出的批次：巡检结束", "the workstation took another batch than it was given"
)
_NO_FOLDER = Text(
    "无法建立临时目录 {path}（{detail}）：请检查剩余空间和权限",
    "the temporary folder {path} can't be made ({detail}): look at free space and permissions",
)


def answer(
    *,
    forced: bool,
    folder: str | None = None,
    known: Callable[[], Enrolled | None] = collector_known,
) -> int:
    """Speak agent/remote/lines.py until all is said; return the exit code.

    0: done. 1: the workstation went away, or somebody ended it. 2: refused, and said why. `folder`
    is made for what has to lie on the disk, and removed; None: one among the temporary files.
    """
    mouth = Mouth()
    ear = Ear(sys.stdin.fileno())
    try:
        with _folder(folder) as place, _nobody_left(), ear.watching():
            _visit(mouth, ear, place, forced=forced, known=known)
    except KeyboardInterrupt:
        return ENDED
    except AgentError as error:
        return _refuse(mouth, error.text)
    except ProbeError as error:
        return _refuse(mouth, Text.same(str(error)))
    return DONE


def _refuse(mouth: Mouth, why: Text) -> int:
    try:
        mouth.say(Refused(zh=why.zh[:2000], en=why.en[:2000]))
    except Gone:
        return ENDED
    return COULD_NOT


@contextmanager
def _folder(name: str | None) -> Iterator[Path]:
    place = Path(name or tempfile.gettempdir())
    try:
        if name is None:
            place = Path(tempfile.mkdtemp(prefix="xunjian-visit-"))
            watch_over(place)
        else:
            place.mkdir(mode=0o700)
    except OSError as error:
        detail = error.strerror or str(error)
        raise RemoteError(_NO_FOLDER.format(path=str(place), detail=detail)) from error
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _nobody_left() -> Iterator[None]:
    """End what was started and is still there at the end, with all of its session."""
    try:
        yield
    finally:
        for pid in children():
            end_session(pid)


def _visit(
    mouth: Mouth, ear: Ear, place: Path, *, forced: bool, known: Callable[[], Enrolled | None]
) -> None:
    key = PrivateKey.generate()
    host = LocalHost()
    mouth.say(
        Hello(
            protocol=PROTOCOL,
            version=VERSION,
            system=host.system,
            public_key=key.public,
            forced=forced,
        )
    )
    begin = ear.hear()
    forbidden = _forbidden()
    if not isinstance(begin, Begin):
        raise RemoteError(_NOT_ASKED)
    if begin.protocol != PROTOCOL:
        theirs, ours = str(begin.protocol), str(PROTOCOL)
        raise RemoteError(_OTHER_PROTOCOL.format(theirs=theirs, ours=ours))
    order = begin.order
    mode = Mode.FORCED if forced else Mode.PACKAGE
    if order.remote.mode != mode.value:
        raise RemoteError(_OTHER_MODE.format(theirs=order.remote.mode, ours=mode.value))
    # A clock may be what is wrong with a host: where nobody else than this code stands between an
    # old grant and the host, it counts.
    demand(begin, known(), datetime.now(UTC) if forced else None)
    settings = _own_settings(begin, place) if forced else settings_of(order, place)
    entries = entries_of(settings)
    catalogue = discover({entry.target.kind for entry in entries})
    made = plan_of(order, catalogue, host.system, settings, entries, forbidden)
    statement = SessionKey(
        wire=WIRE_VERSION,
        session=order.remote.session,
        agent=order.agent,
        public_key=key.public,
    )
    mouth.say(Stated(statement=enclose(statement, SESSION_KEY, key)))
    for entry in signed_in(made):
        _tell(mouth, events.SecretUsed(entry))
    with exclusive(place):
        spool = Spool(place)
        try:
            inspection, collected = take(
                without_secrets(settings, made),
                catalogue,
                made,
                spool,
                host,
                lambda event: _tell(mouth, event),
                remote=order.remote,
            )
            batches = _hand_over(mouth, ear, spool, order.agent, key)
        finally:
            spool.close()
    mouth.say(
        Done(
            inspection=inspection.id,
            collected=collected,
            total=len(made.jobs),
            batches=batches,
        )
    )


def _forbidden() -> veto.Veto:
    forbidden = veto.load(names())
    if forbidden.off:
        raise RemoteError(veto.SWITCHED_OFF)
    if not forbidden.upload:
        raise RemoteError(_NO_UPLOAD)
    return forbidden


def _own_settings(begin: Begin, place: Path) -> Settings:
    """Return the host's own settings, for a state of this visit alone."""
    if begin.order.settings.strip():
        raise RemoteError(_NO_ENTRIES.format(path=DEFAULT_PATH))
    try:
        own = load(DEFAULT_PATH, names())
    except SettingsError:  # there are none, or none that this user may read
        return settings_of(begin.order, place)
    return replace(own, agent=Agent(state=str(place)))


def _tell(mouth: Mouth, event: events.Event) -> None:
    mouth.say(Told(event=msgspec.Raw(msgspec.json.encode(event))))


def _hand_over(mouth: Mouth, ear: Ear, spool: Spool, agent: str, key: PrivateKey) -> int:
    """Seal what was inspected; give one batch after the other, each when the last is durable."""
    while spool.seal_next(agent, key):
        continue
    places = spool.pending()
    _tell(mouth, events.BatchesSealed(len(places)))
    for place in places:
        sealed = spool.batch(place)
        mouth.say(
            Fetch(
                epoch=sealed.epoch,
                seq=sealed.seq,
                payload=sealed.batch.payload,
                signature=sealed.signature,
                key_id=sealed.key_id,
            )
        )
        took = ear.hear()
        if took != Took(seq=sealed.seq, digest=sealed.batch.digest):
            raise RemoteError(_NOT_TAKEN)
    return len(places)
