"""MSSQL-040: how far the build is behind the newest one of its line of updates."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    critical,
    info,
    limit,
    not_run,
    ok,
    warning,
)
from checks.mssql import _builds
from checks.mssql._builds import Build, Product
from checks.mssql._versions import Facts, unknown
from wire.messages import Reason


class UpdateThresholds(Thresholds, frozen=True):
    """How many updates may be missing, and for how long."""

    warning_missing: Annotated[int, limit("updates", "catalogue: more than 1 CU behind")] = 2
    warning_days: Annotated[
        float, limit("d", "catalogue 180 d: since the first missing update came out")
    ] = 180
    reference_days: Annotated[
        float, limit("d", "OWN: after two CUs' time the reference data prove no build the newest")
    ] = 120


_LATEST = Text("{latest}（参考数据更新至 {day}）", "{latest} (reference data up to {day})")
_NEWER = Text(
    "版本 {version} 比参考数据（更新至 {day}）中最新的 {latest} 还新，无法判断是否为最新补丁；"
    "请更新采集端的参考数据。",
    "{version} is newer than the newest of the reference data, {latest} (up to {day}): whether it "
    "is the latest can't be told; refresh the collector's reference data.",
)
_PREVIEW = Text(
    "版本 {version} 早于 {product} 正式版，是不受支持的预览版。",
    "{version} is older than the release of {product}: an unsupported preview.",
)
_OLD_LEVEL = Text(
    "{title} 的服务包已停止支持，只有 {last} 才能获得修复。",
    "{title} is on a service pack without support: only {last} gets fixes.",
)
_WITHDRAWN = Text(
    "{title} 因严重缺陷已被微软撤回。", "Microsoft took {title} back because of a severe defect."
)
_BEHIND = Text(
    "{title} 落后 {count} 个更新，第一个缺失的更新 {first} 发布于 {since}；最新为 {latest}。",
    "{title} misses {count} updates, the first of them, {first}, out since {since}; the newest is "
    "{latest}.",
)
_STALE = Text(
    "{title} 是参考数据中的最新更新，但参考数据只更新至 {day}，此后可能已有新补丁。",
    "{title} is the newest of the reference data, which end on {day}: newer ones may be out.",
)


def updates(facts: Facts, thresholds: UpdateThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the build against the newest one of its train."""
    version = _builds.numbers(facts.version)
    product = _builds.product_of(version)
    if product is None:
        yield unknown(facts)
        return
    day = str(_builds.table().complete_until)
    base = _builds.installed(product, version)
    if base is None:
        message = _PREVIEW.format(version=facts.version, product=product.name)
        yield critical("", Text.same(facts.version), Text.same(product.builds[-1].build), message)
        return
    missing = _builds.missing(product, base)
    newest = missing[-1] if missing else base
    reference = _LATEST.format(latest=_shown(newest), day=day)
    current = Text.same(f"{product.name} {base.title} ({facts.version})")
    last = _builds.last_level(product)
    if base.level != last:
        message = _OLD_LEVEL.format(title=_titled(product, base), last=last)
        yield critical("", current, Text.same(last), message)
    elif base.status == "withdrawn":
        yield critical("", current, reference, _WITHDRAWN.format(title=_titled(product, base)))
    elif missing:
        yield _behind(_titled(product, base), missing, thresholds, past, (current, reference))
    elif version > base.version:
        failure = Failure(Reason.UNSUPPORTED, f"SQL Server {facts.version}")
        message = _NEWER.format(version=facts.version, latest=_shown(base), day=day)
        yield not_run("", failure, message)
    elif _may_have_newer(product, thresholds, past):
        message = _STALE.format(title=_titled(product, base), day=day)
        yield info("", current, reference, message)
    else:
        yield ok("", current, reference)


def _behind(
    title: str,
    missing: Sequence[Build],
    thresholds: UpdateThresholds,
    past: Past[Facts],
    shown: tuple[Text, Text],
) -> Verdict:
    first = missing[0]
    late = (past.observed_at.date() - first.released).days >= thresholds.warning_days
    if len(missing) < thresholds.warning_missing and not late:
        return ok("", *shown)
    message = _BEHIND.format(
        title=title,
        count=len(missing),
        first=first.title,
        since=str(first.released),
        latest=_shown(missing[-1]),
    )
    return warning("", *shown, message)


def _may_have_newer(product: Product, thresholds: UpdateThresholds, past: Past[Facts]) -> bool:
    until = _builds.table().complete_until
    old = (past.observed_at.date() - until).days > thresholds.reference_days
    return old and product.extended_end > until


def _shown(build: Build) -> str:
    number = f", KB{build.kb}" if build.kb else ""
    return f"{build.title} ({build.build}{number})"


def _titled(product: Product, build: Build) -> str:
    return f"{product.name} {build.title}"


UPDATES = Rule(
    code="MSSQL-040",
    title=Text("补丁版本（CU/GDR）", "Build against the latest update"),
    why=Text(
        "累积更新修复数据损坏、错误结果和安全漏洞；落后的版本在出问题时微软也会先要求升级。",
        "Cumulative updates mend corruption, wrong results and security holes; support asks for "
        "them first.",
    ),
    remedy=Text(
        "在测试环境验证后，于维护窗口安装最新的 CU 或 GDR，安装前先做完整备份；"
        "可用性组和集群逐个节点安装。",
        "Try the latest CU or GDR on a test system and install it in a maintenance window after a "
        "full backup; node by node in clusters and availability groups.",
    ),
    priority=1,
    thresholds=UpdateThresholds,
    evaluate=updates,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
