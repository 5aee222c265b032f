"""What the calendar says: one sentence for each reason, in both languages."""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from checks.api import Text
from checks.backup_sets import PointState
from checks.wording import percent, reason, size
from wire.messages import Failure

IN_TIME = Text("按时完成", "there in time")
NOTHING_DUE = Text("当日不要求", "nothing is expected on this day")
NO_OFFSITE = Text("未约定异地副本", "no offsite copy is agreed")
NO_DRILL = Text("未约定恢复演练", "no test restore is agreed")
NOT_YET = Text("时限未到，尚无备份", "none yet, and there is still time")
STILL_WRITTEN = Text("时限未到，正在写入", "being written, and there is still time")
NO_BACKUP_YET = Text("当日备份尚未完成", "the day's backup is not there yet")
NO_BACKUP = Text("当日没有可用的备份", "there is no usable backup of the day")
NOT_KNOWN_BACKUP = Text(
    "不知道当日有无备份", "it is not known whether there is a backup of the day"
)
SIZE_UNKNOWN = Text(
    "大小未知，无法与约定的最小值比较", "its size is not known, so not whether it is large enough"
)
VERIFIED = Text("已校验，完整", "read and found intact")
OFFSITE_PROVEN = Text("异地副本内容一致", "the offsite copy has the same bytes")
OFFSITE_WAITS = Text("时限未到，尚未同步", "not copied yet, and there is still time")
OFFSITE_TO_PROVE = Text(
    "异地副本大小一致，内容尚未比对",
    "the offsite copy has the same size, its bytes are to be compared",
)
OFFSITE_UNPROVEN = Text(
    "异地副本大小一致，但时限已过仍未比对内容",
    "the offsite copy has the same size, but its bytes were not compared in time",
)
SAME_HOST = Text(
    "所谓异地副本就在本机，不算异地",
    "what is called the offsite copy is on this very host: nothing is offsite",
)
NO_COPY = Text("异地没有该备份的副本", "the offsite side has no copy of it")
COPY_EMPTY = Text("异地副本为空", "the offsite copy is empty")
NEVER_RESTORED = Text("从未做过恢复演练", "no test restore was ever made")
TO_VERIFY = Text("时限未到，尚未校验", "not read yet, and there is still time")
NOT_VERIFIED = Text("时限已过，尚未校验", "not read in time")
NOT_HASHED = Text(
    "本地备份尚未计算摘要，无法与异地代理比对",
    "the local backup has no digest yet to compare with the offsite agent's",
)
NO_OFFSITE_AGENT = Text("没有异地代理上报副本", "no agent on an offsite server reports any copies")
PASSED_DRILL = Text("恢复演练通过", "restored and looked at")
_POINT_STATES = {
    PointState.GROWING: Text("仍在写入", "still being written"),
    PointState.EMPTY: Text("为空文件", "empty"),
    PointState.FAILED: Text(
        "备份工具报告失败或内容不全", "failed by its tool's word, or not whole"
    ),
    PointState.GONE: Text("目录中有记录，文件已不在", "in the catalogue, but its file is gone"),
}


@lru_cache(maxsize=4096)
def clock(moment: datetime, zone: ZoneInfo) -> str:
    """Return a moment to the minute, in the set's zone."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def late(ended: str, due: str) -> Text:
    """Return that it was finished too late."""
    return Text(f"{ended} 才完成，时限为 {due}", f"finished only at {ended}, due by {due}")


def late_seen(look: str, seen: str) -> Text:
    """Return that it was not there at a look after the deadline."""
    return Text(f"{look} 查看时还没有，{seen} 才见到", f"not there at {look}, seen only at {seen}")


def missing(look: str) -> Text:
    """Return that there is none, and when it was looked."""
    return Text(f"{look} 查看，没有当日的备份", f"none of the day was there at {look}")


def only_growing(point: str, look: str) -> Text:
    """Return that the only one was never finished."""
    return Text(
        f"{look} 查看，{point} 仍在写入，没有完成的备份",
        f"{point} was still being written at {look}, and none is finished",
    )


def silent(since: str | None) -> Text:
    """Return that the agent told nothing."""
    if since is None:
        return Text("代理从未上报过该备份集", "the agent has never told of this set")
    return Text(f"代理自 {since} 起没有上报", f"the agent has been silent since {since}")


def not_covered(look: str) -> Text:
    """Return that the listings don't reach back to the day."""
    return Text(
        f"当时没有查看，{look} 的清单已不含当日",
        f"nobody looked then, and the listing of {look} does not reach back to the day",
    )


def could_not_look(at: str, failure: Failure) -> Text:
    """Return why a look gave nothing."""
    return Text("{at} 无法查看：{why}", "no look at {at}: {why}").format(at=at, why=reason(failure))


def bad_point(point: str, state: PointState) -> Text:
    """Return what is wrong with the only restore point."""
    return Text("{point}：{state}", "{point}: {state}").format(
        point=point, state=_POINT_STATES[state]
    )


def retried(point: str, state: PointState) -> Text:
    """Return what is wrong with it while there is still time."""
    return Text("时限未到；{point}：{state}", "there is still time; {point}: {state}").format(
        point=point, state=_POINT_STATES[state]
    )


def too_small(point: str, found: int, wanted: int) -> Text:
    """Return that it is smaller than agreed."""
    return Text(
        "{point} 只有 {found}，约定至少 {wanted}", "{point} has only {found}, agreed are {wanted}"
    ).format(point=point, found=size(found), wanted=size(wanted))


def odd_date(point: str, dated: str, seen: str) -> Text:
    """Return that its date can't be."""
    return Text(
        f"{point} 的日期 {dated} 晚于发现时间 {seen}，日期不可信",
        f"{point} is dated {dated}, after it was seen at {seen}: its date can't be right",
    )


def lost(point: str, seen: str, gone: str) -> Text:
    """Return that the newest one went away."""
    return Text(
        f"{point} 于 {seen} 见到，{gone} 时已不在，且没有更新的备份",
        f"{point} was there at {seen} and is gone at {gone}, with none newer",
    )


def no_base(point: str, base: str) -> Text:
    """Return that what it needs is not there."""
    return Text(
        f"{point} 依赖的 {base} 不存在或不可用",
        f"{point} needs {base}, which is not there or not usable",
    )


def proof_failed(point: str, at: str, method: str, detail: str) -> Text:
    """Return that a proof found it damaged."""
    more = f": {detail}" if detail else ""
    name_zh, name_en = (f"{point} ", f"{point} ") if point else ("整个备份集", "the whole set ")
    return Text(
        f"{at} 校验{name_zh}不通过（{method}）{more}", f"{name_en}failed at {at} ({method}){more}"
    )


def sampled(share: float, at: str) -> Text:
    """Return that only a part was read."""
    return Text("{at} 仅抽查了 {share}", "only a sample of {share} was read at {at}").format(
        share=percent(100 * share), at=at
    )


def unproven(at: str, failure: Failure | None) -> Text:
    """Return that the proof could not be made."""
    if failure is None:
        return Text(f"{at} 未能校验", f"it could not be proven at {at}")
    return Text("{at} 未能校验：{why}", "it could not be proven at {at}: {why}").format(
        at=at, why=reason(failure)
    )


def offsite_failed(at: str, failure: Failure) -> Text:
    """Return why the offsite side is not known."""
    return Text("{at} 无法查看异地：{why}", "the offsite side at {at}: {why}").format(
        at=at, why=reason(failure)
    )


def offsite_silent(since: str | None) -> Text:
    """Return that nobody looked at the offsite side."""
    if since is None:
        return Text("从未查看过异地", "the offsite side was never looked at")
    return Text(f"{since} 之后没有查看异地", f"nobody looked at the offsite side after {since}")


def copy_late(look: str, seen: str) -> Text:
    """Return that the copy came too late."""
    return Text(
        f"异地副本 {look} 时还没有，{seen} 才完整", f"no whole copy at {look}, only at {seen}"
    )


def copy_differs(there: int | None, here: int | None) -> Text:
    """Return that the copy has another size."""
    if there is None or here is None:
        return Text("异地副本大小不一致", "the offsite copy has another size")
    return Text("异地副本 {there}，本地 {here}", "offsite {there}, here {here}").format(
        there=size(there), here=size(here)
    )


def other_content(host: str) -> Text:
    """Return that the copy on another host has other bytes."""
    return Text(
        f"{host} 上同名副本的摘要不同", f"the copy of this name on {host} has another digest"
    )


def held(host: str) -> Text:
    """Return that an offsite agent proved it."""
    return Text(f"{host} 上的代理证实内容一致", f"the agent on {host} proves the same bytes")


def drill_failed(at: str, detail: str) -> Text:
    """Return that a test restore failed."""
    more = f"：{detail}" if detail else ""
    return Text(f"{at} 恢复演练失败{more}", f"the test restore of {at} failed{more}")


def drill_stale(at: str, days: int) -> Text:
    """Return that the last test restore is too old."""
    return Text(
        f"最近一次恢复演练为 {at}，约定每 {days} 天一次",
        f"the last test restore was {at}, agreed is one every {days} days",
    )


def of_object(name: str, why: Text) -> Text:
    """Return a sentence about one of several objects."""
    return Text("{name}：{why}", "{name}: {why}").format(name=name, why=why)
