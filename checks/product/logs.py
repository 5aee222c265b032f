"""APP-008: how much the application's logs take, and how many errors are in them."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from statistics import median
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Measure,
    Owner,
    Past,
    Point,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    limit,
    not_run,
)
from checks.errors import part
from checks.judging import judged
from checks.product_packs import Part
from checks.products import FolderSeen, Lines, Product, require
from checks.wording import count, size
from wire.messages import Label, Reason


class LogThresholds(Thresholds, frozen=True):
    """Size of a folder; errors against what is usual there."""

    warning_bytes: Annotated[float, limit("bytes", "catalogue APP-008: 5 GB")] = 5 * 2**30
    critical_bytes: Annotated[float, limit("bytes", "catalogue APP-008: 20 GB")] = 20 * 2**30
    warning_times_median: Annotated[float, limit("×median", "catalogue APP-008")] = 10
    least_errors: Annotated[int, limit("lines", "OWN: fewer are no storm")] = 50
    least_points: Annotated[int, limit("days", "OWN: a week tells what is usual")] = 7


class Looked(Struct, frozen=True, omit_defaults=True):
    """One log folder."""

    folder: Label
    seen: FolderSeen | None = None
    refused: Failure | None = None
    """Why there is no `seen`."""
    lines: Lines | None = None
    unread: Failure | None = None
    """Why there are no `lines`."""


class Facts(Struct, frozen=True):
    """The log folders of the pack. Counts only: no line of a log."""

    folders: tuple[Looked, ...]


def probe(product: Product) -> Facts:
    """Measure each folder and count errors at the ends of the files of the last day."""
    declared = product.declaration.logs
    require(product, Part.LOGS, declared)
    assert declared is not None
    return Facts(
        tuple(
            _looked(product, folder, declared.pattern, declared.errors)
            for folder in declared.folders
        )
    )


def _looked(product: Product, folder: str, pattern: str, errors: str) -> Looked:
    seen = part(lambda: product.look(folder, pattern))
    lines = part(lambda: product.count_errors(folder, pattern, errors))
    return Looked(
        folder[:255],
        None if isinstance(seen, Failure) else seen,
        seen if isinstance(seen, Failure) else None,
        None if isinstance(lines, Failure) else lines,
        lines if isinstance(lines, Failure) else None,
    )


def evaluate(facts: Facts, thresholds: LogThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge size and errors of each folder."""
    for looked in facts.folders:
        for verdict in (_size(looked, thresholds, past), _errors(looked, thresholds, past)):
            if verdict is not None:
                yield verdict


def _size(looked: Looked, thresholds: LogThresholds, past: Past[Facts]) -> Verdict | None:
    seen, folder = looked.seen, looked.folder
    if seen is None:
        return not_run(folder, looked.refused) if looked.refused is not None else None
    shown, grown = size(seen.size_bytes), _growth(past.series("size_bytes", folder), past)
    found = judged(
        folder,
        seen.size_bytes,
        thresholds.warning_bytes,
        thresholds.critical_bytes,
        show=size,
        message=Text(
            f"日志文件夹 {folder} 已有 {shown.zh}（{seen.files} 个文件）{grown.zh}。",
            f"Log folder {folder} has {shown.en} in {seen.files} files{grown.en}.",
        ),
    )
    if found.state is State.OK and not seen.whole:
        why = f"{folder}: more than 200,000 entries or 15 s, or a folder that can't be listed"
        return not_run(folder, Failure(Reason.TIMEOUT, folder, why))
    least = "" if seen.whole else "≥"
    current = Text(f"{least}{shown.zh}{grown.zh}", f"{least}{shown.en}{grown.en}")
    return Verdict(found.object, found.state, current, found.reference, found.message)


def _growth(points: Sequence[Point], past: Past[Facts]) -> Text:
    kept = [point for point in points if point.at >= past.observed_at - timedelta(days=31)]
    if len(kept) < 2 or kept[-1].at == kept[0].at:
        return Text("", "")
    days = (kept[-1].at - kept[0].at).total_seconds() / 86400
    each = size((kept[-1].value - kept[0].value) / days)
    return Text(f"，每天增长 {each.zh}", f", {each.en} more a day")


def _errors(looked: Looked, thresholds: LogThresholds, past: Past[Facts]) -> Verdict | None:
    folder, lines = f"{looked.folder} 错误", looked.lines
    if lines is None:
        return not_run(folder, looked.unread) if looked.unread is not None else None
    before = [point.value for point in past.series("errors", looked.folder)][:-1]
    shown = count(lines.errors, "行", "lines")
    if len(before) < thresholds.least_points:
        failure = Failure(Reason.NO_HISTORY, f"{len(before)}/{thresholds.least_points}")
        message = Text(
            f"最近 24 小时有 {lines.errors} 行错误；"
            f"积累 {thresholds.least_points} 次巡检后与平时比较。",
            f"{lines.errors} lines of errors in 24 hours; after {thresholds.least_points} "
            "inspections they are compared with what is usual.",
        )
        return not_run(folder, failure, message)
    usual = median(before)
    most = max(float(thresholds.least_errors), usual * thresholds.warning_times_median)
    found = judged(
        folder,
        lines.errors,
        most,
        float("inf"),
        show=lambda value: count(round(value), "行", "lines"),
        message=Text(
            f"{looked.folder} 中最近 24 小时有 {lines.errors} 行错误，平时约 {usual:g} 行。",
            f"{lines.errors} lines of errors in {looked.folder} in 24 hours; {usual:g} are usual.",
        ),
    )
    current = Text(f"{shown.zh}（平时 {usual:g}）", f"{shown.en} (usually {usual:g})")
    return Verdict(found.object, found.state, current, found.reference, found.message)


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield size and errors of each folder that could be seen whole."""
    for looked in facts.folders:
        if looked.seen is not None and looked.seen.whole:
            yield Measure("size_bytes", looked.folder, looked.seen.size_bytes)
        if looked.lines is not None:
            yield Measure("errors", looked.folder, looked.lines.errors)


CHECK = Check(
    title=Text("应用日志", "Logs of the application"),
    chapter=Chapter.PRODUCT,
    facts=Facts,
    probe=probe,
    measures=measures,
    systems=("linux", "windows"),
    target="product",
    deadline_seconds=60,
    reads=(
        "names, sizes and dates of files in the log folders of the pack",
        "lines of errors in the log files of the last 24 hours, counted",
    ),
    privilege=Text("对日志文件夹有读取权限", "to read the log folders"),
    rules=(
        Rule(
            code="APP-008",
            title=Text("应用日志增长与错误", "Size and errors of the logs"),
            why=Text(
                "应用日志不轮转会写满磁盘，使整个系统停下；错误突然增多往往先于用户报障。",
                "Logs that are not rotated fill the disk and stop everything; errors grow before "
                "users call.",
            ),
            remedy=Text(
                "设置日志轮转和保留天数，归档后删除旧日志（不要删除正在写入的文件）；"
                "错误增多时按时间查看日志，联系应用顾问。",
                "Set rotation and retention, archive and delete old logs (never the file that is "
                "being written); read the errors by their time and ask the consultant.",
            ),
            priority=1,
            thresholds=LogThresholds,
            evaluate=evaluate,
            owner=Owner.APPLICATION_CONSULTANT,
        ),
    ),
)
