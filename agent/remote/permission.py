"""What the host itself demands of a grant before it lets itself be looked at.

Whoever signs in to bring a package has the host's shell and needs no leave of this code; it is
checked all the same, so that no mistake of a workstation reads more than was permitted. A host on
which an agent is enrolled knows its collector's key: then the grant has to be signed with it and to
be of the same customer. Where no key is known, what permits is the sign-in itself: the account by
which the package came, or the line that the administrator put into authorized_keys.
"""

from datetime import datetime
from pathlib import Path

from agent import identity
from agent.errors import IdentityError, NotGranted, SettingsError
from agent.remote.lines import Begin
from agent.settings import DEFAULT_PATH, Agent, load
from checks.api import Text
from wire import envelope
from wire.control import Enrolled
from wire.errors import WireError
from wire.grants import GRANT, Denial, Grant
from wire.scopes import Scope
from wire.signing import key_id

_NO_GRANT = Text(
    "本机不接受这份授权（{detail}）：请向采集端重新取得授权文件",
    "this host does not take the grant ({detail}): get it from the collector again",
)
_OTHER_CUSTOMER = Text(
    "授权属于另一客户，本机不允许检查", "the grant is another customer's: this host refuses"
)
_OTHER_ORDER = Text(
    "任务与授权不符（{what}），本机不允许检查",
    "the order is not what the grant says ({what}): this host refuses",
)
_BEYOND = Text(
    "任务超出授权范围（{what}），本机不允许检查",
    "the order goes beyond the grant ({what}): this host refuses",
)
_NOT_NOW = Text(
    "按本机时钟，授权在 {first} 至 {last} 之间有效，现在不允许检查",
    "by this host's clock the grant does not hold now, but from {first} to {last}",
)


def collector_known() -> Enrolled | None:
    """Return what this host knows of its collector; None where no agent is enrolled, or where
    this user may not look. Raise NotGranted where it was changed."""
    try:
        state = load(DEFAULT_PATH).agent.state
    except SettingsError:
        state = Agent().state
    try:
        body = identity.read(identity.folder_of(Path(state)) / identity.ANSWER)
    except IdentityError:
        return None
    if body is None:
        return None
    try:
        return identity.trusted(body)
    except WireError as error:
        raise NotGranted(_NO_GRANT.format(detail=str(error)[:500])) from error


def demand(begin: Begin, known: Enrolled | None, now: datetime | None) -> Grant:
    """Return the grant if it permits the order. Raise NotGranted.

    `now` is None where the host's clock has no say.
    """
    order = begin.order
    try:
        enclosed = envelope.read(begin.grant)
        if known is not None:
            envelope.check(enclosed, {key_id(known.collector_key): known.collector_key})
        grant = envelope.opened(enclosed, GRANT, Grant)
    except WireError as error:
        raise NotGranted(_NO_GRANT.format(detail=str(error)[:500])) from error
    if known is not None and grant.customer_id != known.customer_id:
        raise NotGranted(_OTHER_CUSTOMER)
    for what, fits in (
        (Text("授权编号", "its id"), grant.id == order.remote.grant),
        (Text("主机", "the host"), any(host.agent == order.agent for host in grant.hosts)),
        (Text("人员", "the person"), any(p.name == order.remote.person for p in grant.persons)),
    ):
        if not fits:
            raise NotGranted(_OTHER_ORDER.format(what=what))
    if now is not None and not grant.not_before <= now <= grant.not_after:
        first, last = (f"{each:%Y-%m-%d %H:%M %Z}" for each in (grant.not_before, grant.not_after))
        denial = Denial.TOO_EARLY if now < grant.not_before else Denial.EXPIRED
        raise NotGranted(_NOT_NOW.format(first=first, last=last), denial)
    _demand_covered(begin, grant)
    return grant


def _demand_covered(begin: Begin, grant: Grant) -> None:
    wanted = begin.order.coverage
    beyond = [scope.value for scope in wanted.scopes if scope not in grant.scopes]
    # A word for free work: an inspection changes nothing and has no use for it.
    beyond += [scope.value for scope in wanted.scopes if scope is Scope.CHANGE]
    if grant.checks:
        beyond += [pattern for pattern in wanted.checks if pattern not in grant.checks]
        if not wanted.checks:
            beyond.append("*")
    if beyond:
        what = ", ".join(beyond[:10])
        raise NotGranted(_BEYOND.format(what=what), Denial.SCOPE_MISSING)
