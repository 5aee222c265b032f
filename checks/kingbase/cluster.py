"""KingbaseES: the nodes of a cluster by repmgr; one instance alone has none.

`repmgr cluster show --csv`: node, 0 reachable or -1, 0 primary or 1 standby or -1. Only where the
server is on this host. Whether the virtual address answers is the network checks' matter.

From repmgr's manual, of whose line Kingbase's is; none has been run.
"""

from collections.abc import Iterator

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    not_applicable,
    ok,
    warning,
)
from checks.databases import Database
from checks.errors import UnexpectedOutput, Unsupported, part
from checks.judging import missing

REPLICATION = """
SELECT (SELECT count(*) FROM pg_stat_replication) AS standbys, pg_is_in_recovery() AS recovering
"""
COMMAND = ("repmgr", "cluster", "show", "--csv")
_PROBLEM = 25
"""Exit code of repmgr where a node has a problem; the table is printed all the same."""


class ReplicationRow(Struct, frozen=True):
    """What this instance itself knows."""

    standbys: int
    recovering: bool


class Node(Struct, frozen=True):
    """One node as repmgr sees it."""

    name: str
    reachable: bool
    primary: bool


class Facts(Struct, frozen=True):
    """The cluster that an instance belongs to."""

    clustered: bool
    nodes: tuple[Node, ...] | Failure = ()


def probe(database: Database) -> Facts:
    """Ask the instance, then repmgr where there is a cluster. Raise a ProbeError."""
    rows = database.rows(REPLICATION, ReplicationRow)
    if not any(row.standbys or row.recovering for row in rows):
        return Facts(clustered=False)
    return Facts(clustered=True, nodes=part(lambda: _nodes(database)))


def _nodes(database: Database) -> tuple[Node, ...]:
    if database.here is None:
        raise Unsupported("repmgr cluster show", "the server is on another host")
    text = database.here.run(*COMMAND, timeout_seconds=15, exit_codes=(0, _PROBLEM)).text
    # Three numbers a line; the csv module would cost every agent its loading.
    lines = [line.split(",") for line in text.splitlines() if line.count(",") >= 2]
    if not lines:
        raise UnexpectedOutput("repmgr cluster show", "no node")
    return tuple(Node(line[0][:64], line[1] == "0", line[2] == "0") for line in lines[:100])


class StateThresholds(Thresholds, frozen=True):
    """Nothing to set: one primary, every node reachable."""


def cluster(facts: Facts, _thresholds: StateThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the number of primaries, and each node."""
    if not facts.clustered:
        yield not_applicable("", Text("单实例，没有备机。", "One instance without a standby."))
        return
    if isinstance(facts.nodes, Failure):
        yield from missing(facts.nodes)
        return
    primaries = sum(node.primary for node in facts.nodes)
    current, wanted = Text(f"{primaries} 个主节点", f"{primaries} primaries"), Text.same("1")
    if primaries == 1:
        yield ok("primary", current, wanted)
    else:
        message = Text(
            f"集群中有 {primaries} 个主节点：没有主节点不能写入，多个主节点会各写各的（脑裂）。",
            f"The cluster has {primaries} primaries: without one nothing is written, with more "
            "the data part ways.",
        )
        yield critical("primary", current, wanted, message)
    for node in facts.nodes:
        reachable = Text("可连接", "reachable")
        if node.reachable:
            yield ok(f"node:{node.name}", reachable, reachable)
            continue
        message = Text(f"节点 {node.name} 连接不上。", f"Node {node.name} can't be reached.")
        yield warning(f"node:{node.name}", Text("不可连接", "unreachable"), reachable, message)


CHECK = Check(
    title=Text("KingbaseES 集群", "KingbaseES cluster"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux",),
    target="postgresql",
    target_kinds=("kingbase",),
    reads=("pg_stat_replication, pg_is_in_recovery()", " ".join(COMMAND)),
    privilege=Text(
        "pg_monitor（或 sys_monitor）角色；repmgr 需要本机的 repmgr.conf",
        "the role pg_monitor (or sys_monitor); repmgr needs this host's repmgr.conf",
    ),
    rules=(
        Rule(
            code="KB-005",
            title=Text("KingbaseES 集群节点", "Nodes of the cluster"),
            why=Text(
                "备节点失联后主库再坏就没有可切换的库；出现两个主节点会丢数据。",
                "With a node lost there is nothing to fail over to; two primaries lose data.",
            ),
            remedy=Text(
                "执行 repmgr cluster show 和 sys_monitor.sh 查看原因；备节点用 repmgr node rejoin "
                "重新加入；出现两个主节点时先停业务写入，确认哪一个数据最新再处理。",
                "See repmgr cluster show and sys_monitor.sh; let a standby join by repmgr node "
                "rejoin; with two primaries stop all writing and find the newest data first.",
            ),
            priority=2,
            thresholds=StateThresholds,
            evaluate=cluster,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
