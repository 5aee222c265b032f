"""The inspection itself: did it come in time, how much of it ran, by which agent, at what cost.

The facts are made on the collector, from what the agent says of its run; nothing is read on the
customer's host for them.
"""

from collections.abc import Iterator
from typing import Annotated

from checks.agent._run_facts import NOT_COUNTED, Absent, Facts, coverage_percent, derive
from checks.api import (
    Chapter,
    Check,
    Measure,
    Owner,
    Past,
    Rule,
    State,
    Text,
    Thresholds,
    Verdict,
    grade,
    info,
    limit,
    not_applicable,
    ok,
    warning,
)
from checks.wording import count, duration, listing, percent, reason, size
from wire.messages import Failure


def measures(facts: Facts) -> Iterator[Measure]:
    """Keep coverage and cost."""
    share = coverage_percent(facts)
    if share is not None:
        yield Measure("coverage_percent", "", share)
    if not facts.cost_known:
        return
    yield Measure("cpu_seconds", "", facts.cost.cpu_seconds)
    yield Measure("peak_memory_bytes", "", float(facts.cost.peak_memory_bytes))


class ContactThresholds(Thresholds, frozen=True):
    """How long the agent may be silent between two inspections."""

    expected_interval_hours: Annotated[
        float, limit("h", "OWN: one inspection a day, where the agent does not tell its timer")
    ] = 24
    warning_intervals: Annotated[
        float, limit("intervals", "INS, DASH; catalogue AGT-001: 1, with room for the run itself")
    ] = 1.1
    critical_intervals: Annotated[float, limit("intervals", "catalogue AGT-001: 3")] = 3


def contact(facts: Facts, thresholds: ContactThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the gap since the inspection before, and whether this one came to its end."""
    expected = thresholds.expected_interval_hours * 3600
    if facts.interval_seconds is not None:
        expected = facts.interval_seconds
    reference = Text("不超过 {interval}", "at most {interval}").format(interval=duration(expected))
    if facts.interval_seconds == 0:
        by_hand = Text(
            "巡检由人工发起，没有定时计划，无从漏检。",
            "Inspections are started by a person: there is no schedule that could be missed.",
        )
        yield not_applicable("interval", by_hand)
    elif past.elapsed_seconds is None:
        yield not_applicable(
            "interval",
            Text(
                "首次巡检，没有可比较的上一次巡检。",
                "The first inspection: there is none before it to compare with.",
            ),
        )
    else:
        gap = past.elapsed_seconds
        state = grade(
            gap / expected if expected > 0 else 0.0,
            thresholds.warning_intervals,
            thresholds.critical_intervals,
        )
        message = Text(
            "距上一次巡检 {gap}，计划间隔为 {interval}；其间本机的状态没有记录。",
            "{gap} since the inspection before, planned are {interval}: nothing is known of the"
            " time between.",
        ).format(gap=duration(gap), interval=duration(expected))
        yield Verdict(
            "interval", state, duration(gap), reference, None if state is State.OK else message
        )
    done = count(facts.with_facts, f"/ {facts.planned} 项", f"of {facts.planned} checks")
    whole = Text("巡检完整结束", "came to its end")
    if facts.finished_at is None:
        yield warning(
            "completion",
            done,
            whole,
            Text(
                f"巡检中途中断，{facts.planned} 项中只有 {facts.with_facts} 项有结果。",
                f"The inspection was interrupted: {facts.with_facts} of {facts.planned} checks have"
                " a result.",
            ),
        )
    else:
        yield ok("completion", done, whole)


class CoverageThresholds(Thresholds, frozen=True):
    """How much of the possible readings has to be there."""

    warning_percent: Annotated[float, limit("%", "catalogue AGT-002; FRK#223")] = 95
    critical_percent: Annotated[float, limit("%", "catalogue AGT-002")] = 80


def coverage(facts: Facts, thresholds: CoverageThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the share of checks that gave facts, and name the others with the reason."""
    share = coverage_percent(facts)
    if share is None:
        yield not_applicable(
            "", Text("没有可执行的检查。", "There was no check that could have run.")
        )
        return
    # Exactly at the limit is still good: below 95 %, says the catalogue.
    state = State.OK
    if share < thresholds.warning_percent:
        state = State.WARNING if share >= thresholds.critical_percent else State.CRITICAL
    outside = sum(len(one.checks) for one in facts.absent if one.reason in NOT_COUNTED)
    current = Text(
        f"{share:.1f}%（{facts.with_facts}/{facts.planned - outside}，不适用 {outside}，"
        f"未纳入 {sum(len(one.checks) for one in facts.not_planned)}）",
        f"{share:.1f}% ({facts.with_facts}/{facts.planned - outside}, {outside} not applicable,"
        f" {sum(len(one.checks) for one in facts.not_planned)} not planned)",
    )
    reference = Text("不低于 {least}", "at least {least}").format(
        least=percent(thresholds.warning_percent)
    )
    missing = [one for one in facts.absent if one.reason not in NOT_COUNTED]
    message = Text(
        "检查覆盖率 {share}，未取得数据的检查：{missing}。",
        "Coverage {share}; without facts: {missing}.",
    ).format(share=percent(share), missing=_reasons(missing))
    if state is State.OK and missing:
        yield info("", current, reference, message)
    else:
        yield Verdict("", state, current, reference, None if state is State.OK else message)


def _reasons(absent: list[Absent]) -> Text:
    def words(one: Absent) -> Text:
        names = listing(list(one.checks))
        text = reason(Failure(one.reason, names))
        if names in text.zh:
            return text
        return Text(f"{text.zh}（{names}）", f"{text.en} ({names})")

    return Text(
        "；".join(words(one).zh for one in absent), "; ".join(words(one).en for one in absent)
    )


class AgentThresholds(Thresholds, frozen=True):
    """Which agents are still good enough."""

    oldest_agent_version: Annotated[
        str, limit("version", "FRK#155: older than half a year; set with each release")
    ] = ""


def agent(facts: Facts, thresholds: AgentThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """State agent, checks and signature; judge an old agent and checks that could not be loaded."""
    version = Text.same(facts.agent_version)
    oldest = thresholds.oldest_agent_version
    if oldest and _version(facts.agent_version) < _version(oldest):
        yield warning(
            "agent",
            version,
            Text(f"不低于 {oldest}", f"at least {oldest}"),
            Text(
                f"代理版本 {facts.agent_version} 过旧，至少应为 {oldest}。",
                f"The agent is {facts.agent_version}; it should be {oldest} at least.",
            ),
        )
    else:
        yield ok("agent", version, Text.same(f">= {oldest}" if oldest else "-"))
    pack = Text.same(f"{facts.checks_digest[:16]}, wire {facts.wire_version}")
    loaded = Text("全部加载", "all loaded")
    for sentence in facts.broken:
        yield warning(
            f"checks:{sentence.split(':', 1)[0][:100]}",
            pack,
            loaded,
            Text(f"检查无法加载：{sentence[:500]}", f"A check can't be loaded: {sentence[:500]}"),
        )
    if not facts.broken:
        yield ok("checks", pack, loaded)
    signed = Text("已签名", "signed")
    if facts.key_id:
        by = Text(f"已签名，密钥 {facts.key_id[:16]}", f"signed, key {facts.key_id[:16]}")
        yield ok("signature", by, signed)
    else:
        yield warning(
            "signature",
            Text("未签名", "unsigned"),
            signed,
            Text(
                "本批数据未签名，来源无法证明：请登记该主机的代理。",
                "The batch is not signed, nothing proves its origin: enrol the agent of this host.",
            ),
        )


def _version(text: str) -> tuple[int, ...]:
    numbers = []
    for field in text.split("."):
        digits = field[: len(field) - len(field.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


class CostThresholds(Thresholds, frozen=True):
    """How much of one processor the run may take on average."""

    warning_cpu_percent: Annotated[
        float, limit("% of one CPU", "catalogue AGT-004; obdiag #86")
    ] = 5
    critical_cpu_percent: Annotated[float, limit("% of one CPU", "catalogue AGT-004")] = 10
    least_window_seconds: Annotated[
        float,
        limit(
            "s", "OWN: a run of seconds is no load; averages are taken over five minutes at least"
        ),
    ] = 300


def cost(facts: Facts, thresholds: CostThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the processor time of the run, and name the dearest checks."""
    if not facts.cost_known:
        yield not_applicable(
            "",
            Text(
                "本次为无代理远程巡检，未测量其在主机上的开销。",
                "Read over a channel without an agent: what it took of the host was not measured.",
            ),
        )
        return
    window = max(facts.cost.wall_seconds, thresholds.least_window_seconds, 1.0)
    share = 100 * facts.cost.cpu_seconds / window
    state = grade(share, thresholds.warning_cpu_percent, thresholds.critical_cpu_percent)
    current = Text(
        "CPU {cpu}（平均 {share}），内存 {memory}，历时 {wall}",
        "CPU {cpu} ({share} on average), memory {memory}, {wall} in all",
    ).format(
        cpu=duration(facts.cost.cpu_seconds),
        share=percent(share),
        memory=size(facts.cost.peak_memory_bytes),
        wall=duration(facts.cost.wall_seconds),
    )
    reference = Text("CPU 平均小于 {most}", "CPU under {most} on average").format(
        most=percent(thresholds.warning_cpu_percent)
    )
    dearest = [f"{one.check} {one.cpu_seconds:.2f} s" for one in facts.dearest[:3]]
    message = Text(
        "巡检平均占用 {share} 的单核 CPU（{seconds:.2f} 秒）；最耗时的检查：{dearest}。",
        "The run took {share} of one processor on average ({seconds:.2f} s); the dearest checks:"
        " {dearest}.",
    ).format(share=percent(share), seconds=facts.cost.cpu_seconds, dearest=listing(dearest))
    yield Verdict("", state, current, reference, None if state is State.OK else message)


CHECK = Check(
    title=Text("巡检代理自检", "The inspection itself"),
    chapter=Chapter.AGENT,
    facts=Facts,
    derive=derive,
    measures=measures,
    reads=(),
    systems=("linux", "windows"),
    rules=(
        Rule(
            "AGT-001",
            Text("代理联系与巡检间隔", "Contact and interval"),
            why=Text(
                "代理没有消息不等于系统正常；巡检间断期间出现的问题不会被发现。",
                "Silence is not health: what goes wrong between two inspections is not seen.",
            ),
            remedy=Text(
                "在该主机上执行 xunjian-agent status，检查定时任务、网络连通和磁盘空间，"
                "修复后手动执行一次 xunjian-agent run。",
                "Run xunjian-agent status on the host, look at its schedule, the network and the"
                " disk, then run xunjian-agent run once by hand.",
            ),
            priority=1,
            thresholds=ContactThresholds,
            evaluate=contact,
            owner=Owner.SERVICE_ENGINEER,
        ),
        Rule(
            "AGT-002",
            Text("检查覆盖率", "Coverage"),
            why=Text(
                "没有执行的检查不代表没有问题；覆盖率说明本次结论有多少依据。",
                "A check that did not run proves nothing: coverage tells how much this inspection's"
                " conclusions rest on.",
            ),
            remedy=Text(
                "按原因处理：权限不足的，为代理账户授予最小必要权限；缺少工具的，安装相应软件包；"
                "超时的，检查被读取的服务或挂载点；处理后重新巡检。",
                "By reason: grant the agent's account the least right it needs, install the missing"
                " tool, look at the service or mount that timed out, then inspect again.",
            ),
            priority=1,
            thresholds=CoverageThresholds,
            evaluate=coverage,
            owner=Owner.SERVICE_ENGINEER,
        ),
        Rule(
            "AGT-003",
            Text("代理与检查包版本", "Versions of agent and checks"),
            why=Text(
                "结论要能复现，就必须知道是哪个版本的代理和检查得出的；无法加载的检查会留下盲区。",
                "A conclusion can be repeated only where agent and checks are known; a check that"
                " can't be loaded leaves a blind spot.",
            ),
            remedy=Text(
                "将代理升级到当前发布版本；对无法加载的检查，按提示修复或移除对应插件。",
                "Bring the agent to the current release; repair or remove the plug-in of each check"
                " that can't be loaded.",
            ),
            priority=1,
            thresholds=AgentThresholds,
            evaluate=agent,
            owner=Owner.SERVICE_ENGINEER,
        ),
        Rule(
            "AGT-004",
            Text("巡检资源消耗", "Cost of the run"),
            why=Text(
                "巡检不应影响客户的业务系统；消耗过高说明某项检查需要调整。",
                "An inspection must not slow the customer's systems; a high cost means that a check"
                " needs tuning.",
            ),
            remedy=Text(
                "把最耗时的检查移到业务空闲时段执行或降低频率，必要时在代理设置中停用该检查。",
                "Move the dearest checks to a quiet hour or run them less often; switch them off in"
                " the agent's settings if needed.",
            ),
            priority=2,
            thresholds=CostThresholds,
            evaluate=cost,
            owner=Owner.SERVICE_ENGINEER,
        ),
    ),
)
