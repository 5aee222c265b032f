"""APP-002: what users see of the product: its ports answer, its first page comes and is right."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Measure,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Trend,
    Verdict,
    critical,
    limit,
    ok,
    warning,
)
from checks.product_packs import Part
from checks.products import Fetched, Product, Reached, require
from checks.wording import duration


class AccessThresholds(Thresholds, frozen=True):
    """How long a port or a page may take."""

    warning_seconds: Annotated[float, limit("s", "catalogue APP-002")] = 3


class Facts(Struct, frozen=True):
    """What answered."""

    ports: tuple[Reached, ...]
    page: Fetched | None
    status: tuple[int, ...]
    """Wanted of the page."""


def probe(product: Product) -> Facts:
    """Connect to each port and get the page."""
    declared = product.declaration
    require(product, Part.ACCESS, declared.ports or declared.page)
    page = declared.page
    return Facts(
        tuple(product.reach(place) for place in declared.ports),
        product.fetch(page) if page is not None else None,
        page.status if page is not None else (),
    )


def evaluate(facts: Facts, thresholds: AccessThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge each port and the page: what does not answer is critical, what is slow a warning."""
    for port in facts.ports:
        if port.seconds is None:
            message = Text(
                f"端口 {port.place} 无法连接（{port.refusal}）。",
                f"{port.place} can't be reached ({port.refusal}).",
            )
            yield critical(port.place, _NO_ANSWER, _reference(thresholds), message)
        else:
            yield _timed(port.place, port.seconds, thresholds, duration(port.seconds))
    if facts.page is not None:
        yield _page(facts.page, facts.status, thresholds)


_NO_ANSWER = Text("无应答", "no answer")


def _reference(thresholds: AccessThresholds, status: tuple[int, ...] = ()) -> Text:
    limit_ = duration(thresholds.warning_seconds)
    codes = "/".join(map(str, status))
    return Text(f"{codes} <{limit_.zh}".strip(), f"{codes} <{limit_.en}".strip())


def _page(page: Fetched, status: tuple[int, ...], thresholds: AccessThresholds) -> Verdict:
    name, reference = page.address, _reference(thresholds, status)
    if page.refusal:
        message = Text(
            f"页面 {name} 打不开（{page.refusal}）。", f"{name} does not open ({page.refusal})."
        )
        return critical(name, _NO_ANSWER, reference, message)
    current = Text.same(f"HTTP {page.status}")
    if page.status not in status:
        message = Text(
            f"页面 {name} 返回 HTTP {page.status}。", f"{name} answers with HTTP {page.status}."
        )
        return critical(name, current, reference, message)
    if page.marked is False:
        message = Text(
            f"页面 {name} 返回 HTTP {page.status}，但没有应有的内容："
            "可能是错误页或其他程序的页面。",
            f"{name} answers with HTTP {page.status} but lacks what it must contain: it may be an "
            "error page, or another program's.",
        )
        return critical(name, current, reference, message)
    seconds = page.seconds or 0.0
    shown = duration(seconds)
    current = Text(f"HTTP {page.status}，{shown.zh}", f"HTTP {page.status}, {shown.en}")
    return _timed(name, seconds, thresholds, current, status)


def _timed(
    name: str,
    seconds: float,
    thresholds: AccessThresholds,
    current: Text,
    status: tuple[int, ...] = (),
) -> Verdict:
    reference = _reference(thresholds, status)
    if seconds < thresholds.warning_seconds:
        return ok(name, current, reference)
    said = duration(seconds)
    message = Text(f"{name} 用了 {said.zh}才应答。", f"{name} took {said.en} to answer.")
    return warning(name, current, reference, message)


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield how long the page took."""
    if facts.page is not None and facts.page.seconds is not None:
        yield Measure("page_seconds", facts.page.address, facts.page.seconds)


CHECK = Check(
    title=Text("应用端口与登录页面", "Ports and first page of the product"),
    chapter=Chapter.PRODUCT,
    facts=Facts,
    probe=probe,
    measures=measures,
    trends=(Trend("page_seconds", Text("登录页面响应时间", "Time of the first page"), "s"),),
    systems=("linux", "windows"),
    target="product",
    deadline_seconds=60,
    reads=("TCP connect to the ports of the pack", "HTTP GET of the page of the pack"),
    rules=(
        Rule(
            code="APP-002",
            title=Text("应用访问", "The product answers"),
            why=Text(
                "服务在运行不代表用户能用：端口不通、页面报错或很慢，用户都无法正常工作。",
                "A service that runs is not one that works: without its port and page, or with "
                "slow ones, users can't do their work.",
            ),
            remedy=Text(
                "在服务器本机打开该地址；查看 Web 服务和应用日志，"
                "确认中间件、数据库连接和防火墙正常。",
                "Open the address on the server itself; look at the logs of web server and "
                "application, the middleware, its database connection and the firewall.",
            ),
            priority=1,
            thresholds=AccessThresholds,
            evaluate=evaluate,
            owner=Owner.APPLICATION_CONSULTANT,
        ),
    ),
)
