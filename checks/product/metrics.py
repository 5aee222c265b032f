"""APP-010, APP-012 and APP-013: numbers that a pack asks the database for, with its own limits."""

from collections.abc import Callable, Iterator

from checks.api import (
    Chapter,
    Check,
    Failure,
    Measure,
    Owner,
    Past,
    Rule,
    Scope,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    grade,
    info,
    not_applicable,
    not_run,
    ok,
)
from checks.errors import NotConfigured, UnexpectedOutput, part
from checks.product_packs import Metric, MetricKind
from checks.products import Product, answers
from wire.messages import Label

MOST_VALUES = 100


class Value(Struct, frozen=True):
    """One number; `name` where a metric has several."""

    name: Label
    value: float


class Asked(Struct, frozen=True):
    """What a metric gave."""

    kind: MetricKind
    title: Text
    unit: Label
    warning: float | None
    critical: float | None
    lower_is_worse: bool
    values: tuple[Value, ...] | Failure


class Facts(Struct, frozen=True):
    """The metrics of one installation."""

    metrics: tuple[Asked, ...]


def probe(product: Product) -> Facts:
    """Ask each query of the pack. Raise NotConfigured where it has none."""
    declared = product.declaration
    if not declared.metrics:
        raise NotConfigured(f"{declared.name}: metrics", "the pack asks for no number")
    return Facts(tuple(_asked(product, metric) for metric in declared.metrics))


def _asked(product: Product, metric: Metric) -> Asked:
    return Asked(
        metric.kind,
        metric.title,
        metric.unit,
        metric.warning,
        metric.critical,
        metric.lower_is_worse,
        part(lambda: tuple(_values(product, metric))),
    )


def _values(product: Product, metric: Metric) -> Iterator[Value]:
    rows = answers(product, metric.query, metric.title.zh)
    if not rows:
        raise UnexpectedOutput(metric.title.en, "no row")
    for row in rows[:MOST_VALUES]:
        try:
            yield Value(str(row.get("name") or "")[:255], float(str(row["value"])))
        except (KeyError, ValueError) as error:
            raise UnexpectedOutput(metric.title.en, "no number in a column value") from error


def _rule(kind: MetricKind) -> "Callable[[Facts, Thresholds, Past[Facts]], Iterator[Verdict]]":
    def evaluate(facts: Facts, _thresholds: Thresholds, _past: Past[Facts]) -> Iterator[Verdict]:
        """Judge the metrics of one kind by the limits that the pack gives them."""
        mine = [asked for asked in facts.metrics if asked.kind is kind]
        if not mine:
            yield not_applicable("", Text("产品包没有这类指标。", "The pack has no number of it."))
        for asked in mine:
            if isinstance(asked.values, Failure):
                yield not_run(asked.title.zh, asked.values)
            else:
                yield from (_judged(asked, value) for value in asked.values)

    return evaluate


def _judged(asked: Asked, value: Value) -> Verdict:
    name = f"{asked.title.zh} {value.name}".strip()
    unit = f" {asked.unit}" if asked.unit and asked.unit != "%" else asked.unit
    current = Text.same(f"{value.value:g}{unit}")
    inside = asked.critical if asked.warning is None else asked.warning
    said = Text(
        f"{name}为 {current.zh}。", f"{asked.title.en} {value.name}".strip() + f": {current.en}."
    )
    if inside is None:
        return info(name, current, Text("未设阈值", "no limit"), said)
    reference = Text.same(f"{'>' if asked.lower_is_worse else '<'}{inside:g}{unit}")
    worst = float("-inf") if asked.lower_is_worse else float("inf")
    state = grade(
        value.value,
        worst if asked.warning is None else asked.warning,
        worst if asked.critical is None else asked.critical,
        lower_is_worse=asked.lower_is_worse,
    )
    if state is State.OK:
        return ok(name, current, reference)
    message = Text(
        f"{name}为 {current.zh}，产品包要求 {reference.zh}。",
        f"{said.en[:-1]}; the pack wants {reference.en}.",
    )
    return Verdict(name, state, current, reference, message)


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield every number."""
    for asked in facts.metrics:
        if not isinstance(asked.values, Failure):
            for value in asked.values:
                yield Measure("value", f"{asked.title.zh} {value.name}".strip(), value.value)


CHECK = Check(
    title=Text("产品指标", "Numbers of the product"),
    chapter=Chapter.PRODUCT,
    facts=Facts,
    probe=probe,
    measures=measures,
    systems=("linux", "windows"),
    target="product",
    deadline_seconds=60,
    reads=("the metrics of the pack: one number for each query",),
    privilege=Text("对包中查询的表有 SELECT 权限", "SELECT on the tables of the pack's queries"),
    scopes=(Scope.METADATA, Scope.BUSINESS_DATA),
    rules=(
        Rule(
            code="APP-010",
            title=Text("连接池使用", "Use of connection pools"),
            why=Text(
                "数据源或连接池用满后，新请求只能等待，用户看到的是系统卡住。",
                "When a pool of connections is used up, requests wait and users see a system that "
                "hangs.",
            ),
            remedy=Text(
                "查看占用连接的操作并结束异常会话，再按供应商建议调大连接池；"
                "同时确认数据库允许的连接数足够。",
                "Find what holds the connections, then raise the pool as the vendor advises; the "
                "database must allow as many.",
            ),
            priority=2,
            thresholds=Thresholds,
            evaluate=_rule(MetricKind.POOL),
            owner=Owner.APPLICATION_CONSULTANT,
        ),
        Rule(
            code="APP-012",
            title=Text("集成接口", "Interfaces"),
            why=Text(
                "接口停滞或失败时，两边系统的数据会对不上，越晚发现越难补。",
                "While an interface stands still the data of two systems drift apart; the later it "
                "is seen the harder it is to mend.",
            ),
            remedy=Text(
                "查看接口日志中的失败记录，排除原因后按顺序重传；重传前确认不会重复入账。",
                "Read the failures in the interface's log, mend the cause and send again in order; "
                "make sure that nothing is booked twice.",
            ),
            priority=2,
            thresholds=Thresholds,
            evaluate=_rule(MetricKind.INTERFACE),
            owner=Owner.APPLICATION_CONSULTANT,
        ),
        Rule(
            code="APP-013",
            title=Text("在线用户", "Users at work"),
            why=Text(
                "在线人数接近许可数或系统容量时，新用户无法登录，系统变慢。",
                "Near the number of seats or the system's capacity users can't sign in, and it "
                "slows down.",
            ),
            remedy=Text(
                "清理长期空闲的会话，按峰值规划许可数和服务器容量。",
                "End sessions that are idle for long; plan seats and capacity by the peak.",
            ),
            priority=3,
            thresholds=Thresholds,
            evaluate=_rule(MetricKind.USERS),
            owner=Owner.APPLICATION_CONSULTANT,
        ),
    ),
)
