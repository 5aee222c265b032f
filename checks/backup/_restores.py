"""BAK-005: when a backup was last restored for a test, and how that ended."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    ok,
    warning,
)
from checks.backup._telling import moment
from checks.backup._term import judged_elsewhere, outside_term
from checks.backup_sets import BackupFacts, Level, Proof, Result
from checks.wording import days, duration, reason


class RestoreThresholds(Thresholds, frozen=True):
    """Where the set itself agrees on nothing (restore_every_days)."""

    warning_days: Annotated[float, limit("d", "catalogue BAK-005")] = 180


_REFERENCE = Text("每 {days:g} 天恢复成功一次", "restored every {days:g} days")
_NEVER = Text(
    "从未做过成功的恢复演练：能否从这些备份恢复尚无证据。{why}",
    "No restore was ever proven: nothing shows that these backups can be restored.{why}",
)
_TRIED = Text("最近一次未能进行：{reason}。", " The last attempt could not be made: {reason}.")
_FAILED = Text(
    "{at} 对 {point} 的恢复演练失败：{detail}。", "The restore of {point} at {at} failed: {detail}."
)
_OLD = Text(
    "最近一次成功的恢复演练是 {at}（{point}，耗时 {seconds}），距今 {age}。",
    "The last restore that worked was at {at} ({point}, it took {seconds}), {age} ago.",
)
_PARTLY = Text(
    "{at} 的恢复演练只核对了 {share:.0%} 的内容：{point}。",
    "The restore at {at} looked at {share:.0%} of the content only: {point}.",
)
_NO_DETAIL = Text("未记录原因", "no reason was recorded")
_WHOLE_SET = Text("整个备份集", "the whole set")


def restores(
    facts: BackupFacts, thresholds: RestoreThresholds, past: Past[BackupFacts]
) -> Iterator[Verdict]:
    """Judge the newest test restore of the set."""
    declaration = facts.declaration
    aside = judged_elsewhere(declaration) or outside_term(declaration, past.observed_at)
    if aside is not None:
        yield aside
        return
    every = declaration.restore_every_days or thresholds.warning_days
    reference = _REFERENCE.format(days=every)
    tests = sorted(
        (proof for proof in facts.proofs if proof.level is Level.RESTORED),
        key=lambda proof: proof.at,
        reverse=True,
    )
    ended = [proof for proof in tests if proof.result is not Result.UNPROVEN]
    if not ended:
        failures = [proof.failure for proof in tests if proof.failure is not None]
        why = _TRIED.format(reason=reason(failures[0])) if failures else ""
        yield critical("", Text("从未", "never"), reference, _NEVER.format(why=why))
        return
    newest = ended[0]
    point = _point(newest)
    at = moment(newest.at, facts)
    age = (past.observed_at - newest.at).total_seconds()
    if newest.result is Result.FAILED:
        detail: Text | str = newest.detail or _NO_DETAIL
        message = _FAILED.format(at=at, point=point, detail=detail)
        yield critical("", Text("失败", "failed"), reference, message)
    elif newest.result is Result.SAMPLED:
        message = _PARTLY.format(at=at, share=newest.coverage, point=point)
        yield warning("", days(age / 86400), reference, message)
    elif age > every * 86400:
        seconds = duration(newest.seconds)
        message = _OLD.format(at=at, point=point, seconds=seconds, age=days(age / 86400))
        yield warning("", days(age / 86400), reference, message)
    else:
        current = Text("{at}，耗时 {seconds}", "{at}, took {seconds}")
        shown = current.format(at=at, seconds=duration(newest.seconds))
        yield ok("", shown, reference)


def _point(proof: Proof) -> Text:
    return Text.same(proof.point) if proof.point else _WHOLE_SET


RULE = Rule(
    code="BAK-005",
    title=Text("恢复演练", "Restore test"),
    why=Text(
        "只有真正恢复过的备份才算可用：介质损坏、缺少日志、密码遗失等问题，只有恢复时才会暴露。",
        "Only a backup that was restored is known to work: broken media, missing logs and lost "
        "passwords show up when restoring.",
    ),
    remedy=Text(
        "安排一次恢复演练：在测试环境恢复最近的备份，核对库表和行数，记录耗时；"
        "可在代理设置中配置 scratch 由代理定期进行，SQL Server 请使用随附脚本并登记结果。",
        "Plan a restore test: restore the newest backup in a test environment, compare tables and "
        "rows, note the time; with scratch in the agent's settings the agent does it by itself, "
        "for SQL Server run the script that comes along and record the result.",
    ),
    priority=1,
    thresholds=RestoreThresholds,
    evaluate=restores,
    owner=Owner.SERVICE_ENGINEER,
)
