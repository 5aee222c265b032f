"""Numbers as a person reads them, in both languages."""

from checks.api import Text
from wire.messages import Failure, Reason
from wire.scopes import Scope

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def percent(value: float) -> Text:
    """Return a share: `87.3 %`."""
    return Text.same(f"{value:.1f}%")


def size(value: float) -> Text:
    """Return bytes in the largest unit that keeps the number at 1 or more: `12.4 GiB`."""
    for unit in _UNITS:
        if abs(value) < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    return Text.same(f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}")


def count(value: int, zh_unit: str, en_unit: str) -> Text:
    """Return a count with its unit: count(3, "次", "times")."""
    return Text(f"{value} {zh_unit}", f"{value} {en_unit}")


def duration(seconds: float) -> Text:
    """Return a time span in its largest sensible unit: `3 天`, `5.0 小时`, `420 ms`."""
    magnitude = abs(seconds)
    if magnitude >= 2 * 86400:
        return Text(f"{seconds / 86400:.0f} 天", f"{seconds / 86400:.0f} d")
    if magnitude >= 2 * 3600:
        return Text(f"{seconds / 3600:.1f} 小时", f"{seconds / 3600:.1f} h")
    if magnitude >= 120:
        return Text(f"{seconds / 60:.0f} 分钟", f"{seconds / 60:.0f} min")
    if magnitude >= 1:
        return Text(f"{seconds:.1f} 秒", f"{seconds:.1f} s")
    return Text.same(f"{seconds * 1000:.1f} ms")


def days(value: float) -> Text:
    """Return a number of days."""
    return Text(f"{value:.0f} 天", f"{value:.0f} days")


def listing(names: list[str], most: int = 5) -> str:
    """Return names joined, at most `most` of them, the rest counted: `a, b, … (+3)`."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown}, … (+{len(names) - most})"


_REASONS = {
    Reason.PERMISSION: Text("权限不足：{subject}", "not permitted: {subject}"),
    Reason.TIMEOUT: Text("超时：{subject}", "timed out: {subject}"),
    Reason.UNSUPPORTED: Text("本机不支持：{subject}", "not supported here: {subject}"),
    Reason.MISSING_TOOL: Text("缺少工具：{subject}", "tool not installed: {subject}"),
    Reason.UNREACHABLE: Text("无法连接：{subject}", "not reachable: {subject}"),
    Reason.LOGIN: Text("登录失败：{subject}", "login refused: {subject}"),
    Reason.NOT_CONFIGURED: Text("未配置：{subject}", "not configured: {subject}"),
    Reason.NOT_APPLICABLE: Text("不适用：{subject}", "not applicable: {subject}"),
    Reason.NO_HISTORY: Text("历史数据不足：{subject}", "not enough history: {subject}"),
    Reason.NOT_SELECTED: Text("未纳入本次巡检", "not selected for this inspection"),
    Reason.NOT_GRANTED: Text(
        "客户授权未涵盖：{subject}", "not covered by the customer's grant: {subject}"
    ),
    Reason.NEEDS_AGENT: Text(
        "需要代理程序才能采集（本次为无代理远程巡检）",
        "needs the agent on the host (this inspection was made without one)",
    ),
    Reason.INTERRUPTED: Text("巡检中断，未执行到此项", "the inspection was interrupted before it"),
    Reason.ERROR: Text("采集出错：{subject}", "error while reading: {subject}"),
}


VETO = "veto"
"""Subject of what the host's own administrator forbade (agent/veto.py)."""
_VETOED = Text("主机管理员已禁止此项检查", "forbidden by the administrator of the host")


_SCOPES = {
    Scope.METADATA: Text("元数据", "metadata"),
    Scope.CONFIG: Text("配置信息", "configuration"),
    Scope.QUERY_TEXT: Text("查询语句", "texts of queries"),
    Scope.BUSINESS_DATA: Text("业务数据", "business data"),
    Scope.SYSTEM_PASSWORD: Text("系统口令", "passwords of systems"),
    Scope.CHANGE: Text("变更操作", "changes"),
}


def scope(scope: Scope) -> Text:
    """Return what a grant calls a scope (授权范围): `配置信息`."""
    return _SCOPES[scope]


def reason(failure: Failure) -> Text:
    """Return why something was not read, in words."""
    if failure.reason is Reason.NOT_SELECTED and failure.subject == VETO:
        return _VETOED
    return _REASONS[failure.reason].format(subject=failure.subject)
