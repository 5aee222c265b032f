"""Galera: is this member in the cluster, and is the cluster whole?"""

from collections.abc import Iterator

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    ok,
    warning,
)
from checks.databases import Database
from checks.errors import NotApplicable
from checks.mysql import TARGET
from checks.mysql._server import ANY_ACCOUNT, SYSTEMS, number, settings, switched_on
from checks.wording import percent

VARIABLES = (
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('wsrep_on', 'wsrep_provider', "
    "'wsrep_cluster_address', 'wsrep_cluster_name')"
)
STATUS = (
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_cluster_status', 'wsrep_cluster_size', "
    "'wsrep_local_state_comment', 'wsrep_ready', 'wsrep_connected', 'wsrep_flow_control_paused')"
)


class Facts(Struct, frozen=True):
    """One member and what it sees of its cluster."""

    cluster: str
    status: str
    """Primary, Non-Primary, Disconnected."""
    size: int
    expected: int
    """Addresses in wsrep_cluster_address; 0: it names none (the first member)."""
    state: str
    """Synced, Donor/Desynced, Joined, Joining, Initialized."""
    ready: bool
    connected: bool
    flow_control_paused: float
    """Share of time since the last FLUSH STATUS, 0 to 1."""


def probe(database: Database) -> Facts:
    """Ask the state of the cluster. Raise NotApplicable outside one."""
    variables = settings(database, VARIABLES)
    provider = variables.get("wsrep_provider", "none")
    if provider.lower() in ("", "none") or switched_on(variables, "wsrep_on") is False:
        raise NotApplicable("Galera")
    status = settings(database, STATUS)
    address = variables.get("wsrep_cluster_address", "").partition("://")[2].partition("?")[0]
    return Facts(
        cluster=variables.get("wsrep_cluster_name", ""),
        status=status.get("wsrep_cluster_status", ""),
        size=number(status, "wsrep_cluster_size") or 0,
        expected=len([each for each in address.split(",") if each.strip()]),
        state=status.get("wsrep_local_state_comment", ""),
        ready=bool(switched_on(status, "wsrep_ready")),
        connected=bool(switched_on(status, "wsrep_connected")),
        flow_control_paused=float(status.get("wsrep_flow_control_paused") or 0),
    )


class GaleraThresholds(Thresholds, frozen=True):
    """Nothing to set: a member is in step, or it isn't."""


_OUT = Text(
    "节点不在主分区中（{status}），拒绝读写。",
    "The member is outside the primary component ({status}) and serves nobody.",
)
_STATE = Text(
    "节点状态为 {state}，没有与集群同步。", "The member is {state}, not in step with the cluster."
)
_MINORITY = Text(
    "集群现有 {size} 个节点，配置了 {expected} 个，已不足半数以上：再少一个就会停止服务。",
    "The cluster has {size} of {expected} members, no majority of them: with one less it stops.",
)
_FEWER = Text(
    "集群现有 {size} 个节点，配置了 {expected} 个：有节点掉线。",
    "The cluster has {size} of {expected} members: some are gone.",
)
_SIZE = Text("{size} / {expected} 个节点", "{size} of {expected} members")


def membership(
    facts: Facts, _thresholds: GaleraThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge the member and the size of its cluster."""
    paused = percent(100 * facts.flow_control_paused)
    current = Text(
        "{status}，{state}，流控 {paused}", "{status}, {state}, flow control {paused}"
    ).format(status=facts.status, state=facts.state, paused=paused)
    wanted = Text.same("Primary, Synced")
    if facts.status.lower() != "primary" or not facts.ready or not facts.connected:
        yield critical("member", current, wanted, _OUT.format(status=facts.status))
    elif facts.state.lower() != "synced":
        yield warning("member", current, wanted, _STATE.format(state=facts.state))
    else:
        yield ok("member", current, wanted)
    expected = facts.expected or facts.size
    found = _SIZE.format(size=facts.size, expected=expected)
    whole = _SIZE.format(size=expected, expected=expected)
    if facts.size * 2 <= expected and expected > 1:
        message = _MINORITY.format(size=facts.size, expected=expected)
        yield critical("size", found, whole, message)
    elif facts.size < expected:
        message = _FEWER.format(size=facts.size, expected=expected)
        yield warning("size", found, whole, message)
    else:
        yield ok("size", found, whole)


CHECK: Check[Facts] = Check(
    title=Text("Galera 集群", "Galera cluster"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=SYSTEMS,
    target=TARGET,
    reads=("SHOW GLOBAL STATUS (wsrep_*)", "SHOW GLOBAL VARIABLES (wsrep_*)"),
    privilege=ANY_ACCOUNT,
    rules=(
        Rule(
            code="MY-025",
            title=Text("Galera 集群状态", "State of the Galera cluster"),
            why=Text(
                "节点掉队或集群不足半数时，业务会被拒绝读写；两边都以为自己是主分区则数据分叉。",
                "Out of step, or without a majority, a cluster refuses its users; two halves that "
                "both go on give two versions of the data.",
            ),
            remedy=Text(
                "先看掉线节点的错误日志和网络，修好后重启该节点让它自动加入（IST/SST，"
                "SST 会占用捐赠节点）。全部停机时，只在 seqno 最大的节点上引导"
                "（galera_new_cluster）；引导错节点会丢数据。",
                "Look at error log and network of the member that is gone, then restart it and "
                "let it join (IST or SST; SST burdens its donor). After a full stop bootstrap the "
                "member with the highest seqno alone (galera_new_cluster): the wrong one loses "
                "data.",
            ),
            priority=3,
            thresholds=GaleraThresholds,
            evaluate=membership,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
