"""达梦 DM8: archiving, its destinations, and the standbys of a watch cluster.

V$ARCH_STATUS is meaningful on the primary only. V$RAPPLY_STAT has a row on a standby.

From documentation and public scripts (views of DM8); no DM8 has run these queries for us yet.
"""

from collections.abc import Iterator
from typing import Annotated

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
    limit,
    not_applicable,
    not_run,
    ok,
)
from checks.databases import Database
from checks.errors import UnexpectedOutput, part
from checks.judging import judged, missing
from checks.wording import duration
from wire.messages import Reason

MODE = """
SELECT d.ARCH_MODE AS "arch_mode", i.MODE$ AS "role"
FROM V$DATABASE d CROSS JOIN V$INSTANCE i
"""
STATUS = """
SELECT ARCH_TYPE AS "kind", ARCH_DEST AS "destination", ARCH_STATUS AS "status" FROM V$ARCH_STATUS
"""
APPLY = """
SELECT (LAST_CMT_TIME - APPLY_CMT_TIME) * 86400 AS "lag_seconds" FROM V$RAPPLY_STAT
"""
LINKS = """
SELECT COUNT(*) AS "broken" FROM V$MAL_LINK_STATUS
WHERE CTL_LINK_STATUS <> 'CONNECTED' OR DATA_LINK_STATUS <> 'CONNECTED'
"""
NODES = """
SELECT EP_NAME AS "name", EP_STATUS AS "status" FROM V$DSC_EP_INFO
"""


class ModeRow(Struct, frozen=True):
    """Whether redo is archived, and on which side of a cluster this is."""

    arch_mode: str
    """Y or N."""
    role: str


class StatusRow(Struct, frozen=True):
    """One destination: LOCAL, REALTIME, TIMELY, ASYNC and so on."""

    kind: str
    destination: str
    status: str


class ApplyRow(Struct, frozen=True):
    """How far a standby's apply is behind; None before the first commit."""

    lag_seconds: float | None = None


class LinkRow(Struct, frozen=True):
    """Links between instances that are not connected."""

    broken: int


class NodeRow(Struct, frozen=True):
    """One node on shared storage."""

    name: str
    status: str


class Facts(Struct, frozen=True):
    """Archiving and standbys of one instance."""

    mode: ModeRow
    destinations: tuple[StatusRow, ...] | Failure
    lags: tuple[ApplyRow, ...] | Failure = ()
    broken_links: int | Failure = 0
    nodes: tuple[NodeRow, ...] | Failure = ()


def probe(database: Database) -> Facts:
    """Ask the instance. Raise a ProbeError."""
    modes = database.rows(MODE, ModeRow)
    if not modes:
        raise UnexpectedOutput("V$DATABASE", "no row")
    standby = modes[0].role == "STANDBY"
    return Facts(
        modes[0],
        part(lambda: database.rows(STATUS, StatusRow)[:50]),
        part(lambda: database.rows(APPLY, ApplyRow)[:16]) if standby else (),
        part(lambda: sum(row.broken for row in database.rows(LINKS, LinkRow))),
        part(lambda: database.rows(NODES, NodeRow)[:32]),
    )


class StateThresholds(Thresholds, frozen=True):
    """Nothing to set."""


def archiving(facts: Facts, _thresholds: StateThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether redo is archived, and each local destination."""
    wanted = Text("已开启", "on")
    if facts.mode.arch_mode != "Y":
        message = Text(
            "未开启归档，不能做联机备份，也不能恢复到故障前的时间点。",
            "Nothing is archived: no online backup, no restore up to the accident.",
        )
        yield critical("arch_mode", Text("未开启", "off"), wanted, message)
    else:
        yield ok("arch_mode", wanted, wanted)
    yield from _destinations(facts, local=True)


def _destinations(facts: Facts, *, local: bool) -> Iterator[Verdict]:
    if isinstance(facts.destinations, Failure):
        yield from missing(facts.destinations, "destinations")
        return
    for each in facts.destinations:
        if (each.kind.upper() in ("LOCAL", "REMOTE")) is not local:
            continue
        name, wanted = f"{each.kind}:{each.destination}", Text.same("VALID")
        if each.status.upper() == "VALID":
            yield ok(name, Text.same(each.status), wanted)
            continue
        message = Text(
            f"{each.kind} 归档目标 {each.destination} 的状态是 {each.status}，日志没有写到该处。",
            f"The {each.kind} archive destination {each.destination} is {each.status}: no redo "
            "gets there.",
        )
        yield critical(name, Text.same(each.status), wanted, message)


class LagThresholds(Thresholds, frozen=True):
    """Of a standby's apply."""

    warning_seconds: Annotated[float, limit("s", "OWN: catalogue DM-012 gives no number")] = 60
    critical_seconds: Annotated[float, limit("s", "OWN")] = 300


def standby(facts: Facts, thresholds: LagThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge standbys' destinations, their lag, links and the nodes on shared storage."""
    judgements = [*_destinations(facts, local=False), *_lags(facts, thresholds)]
    clustered = bool(judgements) or facts.mode.role != "NORMAL"
    if isinstance(facts.nodes, Failure):
        # Single instances may lack the view.
        if facts.mode.role != "NORMAL" and facts.nodes.reason is not Reason.UNSUPPORTED:
            judgements += missing(facts.nodes, "nodes")
    elif len(facts.nodes) > 0:
        clustered = True
        judgements += [_node(node) for node in facts.nodes]
    if not clustered:
        why = Text("单实例，没有备库或共享集群。", "One instance without standby or cluster.")
        yield not_applicable("", why)
        return
    yield from judgements
    yield _links(facts.broken_links)


def _lags(facts: Facts, thresholds: LagThresholds) -> Iterator[Verdict]:
    if isinstance(facts.lags, Failure):
        yield from missing(facts.lags, "apply")
        return
    if facts.mode.role == "STANDBY" and not facts.lags:
        yield not_run("apply", Failure(Reason.UNSUPPORTED, "V$RAPPLY_STAT"))
    for row in facts.lags:
        lag = max(0.0, row.lag_seconds or 0.0)
        message = Text("备库重演落后 {lag}。", "The standby's apply is {lag} behind.").format(
            lag=duration(lag)
        )
        yield judged(
            "apply",
            lag,
            thresholds.warning_seconds,
            thresholds.critical_seconds,
            show=duration,
            message=message,
        )
        return


def _links(broken: int | Failure) -> Verdict:
    if isinstance(broken, Failure):
        return not_run("links", broken)
    wanted = Text("全部已连接", "all connected")
    if not broken:
        return ok("links", wanted, wanted)
    message = Text(
        f"有 {broken} 条 MAL 链路断开，主备之间无法同步或切换。",
        f"{broken} MAL links are down: nothing can be sent or switched over.",
    )
    return critical("links", Text(f"{broken} 条断开", f"{broken} down"), wanted, message)


def _node(node: NodeRow) -> Verdict:
    current, wanted = Text.same(node.status), Text.same("OK")
    if node.status.upper() in ("OK", "OPEN", "NORMAL"):
        return ok(f"node:{node.name}", current, wanted)
    message = Text(
        f"共享集群节点 {node.name} 状态为 {node.status}。", f"Node {node.name} is {node.status}."
    )
    return critical(f"node:{node.name}", current, wanted, message)


CHECK = Check(
    title=Text("达梦归档与备库", "DM8 archiving and standbys"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="dameng",
    reads=(
        "V$DATABASE, V$INSTANCE, V$ARCH_STATUS",
        "V$RAPPLY_STAT, V$MAL_LINK_STATUS, V$DSC_EP_INFO",
    ),
    privilege=Text("角色 VTI（V$ 视图）", "the role VTI (V$ views)"),
    rules=(
        Rule(
            code="DM-003",
            title=Text("达梦归档", "Archiving"),
            why=Text(
                "没有归档就只能恢复到最近一次脱机备份；归档目标失效会使数据库挂起或丢失日志。",
                "Without archived redo only the last offline backup can be restored; a broken "
                "destination stops the database or loses redo.",
            ),
            remedy=Text(
                "在 MOUNT 状态下 ALTER DATABASE ARCHIVELOG 并配置 dmarch.ini（需停业务窗口）；"
                "目标 INVALID 时检查目录权限和磁盘空间，修复后 ALTER DATABASE OPEN。",
                "In MOUNT: ALTER DATABASE ARCHIVELOG with a dmarch.ini (a time without work is "
                "needed); for an INVALID destination look at rights and room of its folder.",
            ),
            priority=1,
            thresholds=StateThresholds,
            evaluate=archiving,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="DM-012",
            title=Text("达梦守护与共享集群", "Watch cluster and shared storage"),
            why=Text(
                "备库失效或落后时，主库故障后无法切换或会丢失数据。",
                "With a standby that is broken or behind, a failover is impossible or loses data.",
            ),
            remedy=Text(
                "在 dmmonitor 中执行 show 查看各实例；检查 MAL 网络、备库磁盘和 dmwatcher 服务，"
                "备库失效过久时按手册重建。",
                "See the instances with show in dmmonitor; look at the MAL network, the standby's "
                "disk and its dmwatcher; rebuild a standby that was away too long.",
            ),
            priority=2,
            thresholds=LagThresholds,
            evaluate=standby,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
