"""What is said of sessions at the command line."""

from checks.api import Text
from collector.sessions.outcome import Outcome
from wire.grants import Denial
from wire.sessions import Mode, Purpose

PURPOSES = {
    Purpose.INSPECT: Text("远程巡检", "inspection"),
    Purpose.SHELL: Text("远程操作", "shell"),
}
MODES = {
    Mode.PACKAGE: Text("代理包", "agent package"),
    Mode.FORCED: Text("强制命令", "forced command"),
    Mode.AGENTLESS: Text("无代理", "agentless"),
}
ENDS = {
    "completed": Text("正常结束", "completed"),
    "interrupted": Text("人工中断", "interrupted"),
    "lost": Text("连接中断", "the line was lost"),
    "refused": Text("被拒绝", "refused"),
    "record": Text("记录无法保存而中止", "ended, its record could not be kept"),
}
DENIALS = {
    Denial.NO_SUCH_HOST: Text("授权中没有该主机", "the grant does not name this host"),
    Denial.OTHER_PERSON: Text("授权中没有该工程师", "the grant does not name this engineer"),
    Denial.TOO_EARLY: Text("授权尚未生效", "the grant is not valid yet"),
    Denial.EXPIRED: Text("授权已过期", "the grant has expired"),
    Denial.SCOPE_MISSING: Text("授权范围不足", "the grant does not cover what was asked for"),
    Denial.REVOKED: Text("授权已撤销", "the grant was revoked"),
    Denial.UNKNOWN_GRANT: Text("没有这份授权", "there is no such grant"),
    Denial.UNKNOWN_PERSON: Text(
        "工程师未登记或已移除", "the engineer is not known, or was removed"
    ),
    Denial.NO_PROOF: Text(
        "没有 24 小时内已验证的备份", "no backup of the last 24 hours is proved good"
    ),
}
NOT_DENIED = Text(
    "会话 {session} 未被拒绝，无需追认。",
    "The session {session} is not refused: nothing to accept.",
)
NO_SESSION = Text(
    "没有编号以“{session}”开头的远程会话：请用 xunjian-collector session list 查看。",
    "No remote session has an id that begins with {session}: see xunjian-collector session list.",
)
SEVERAL_SESSIONS = Text(
    "编号以“{session}”开头的远程会话不止一个：请多写几位。",
    "More than one remote session has an id that begins with {session}: write more of it.",
)
EMPTY = Text("{option} 不能为空。", "{option} must not be empty.")
OUTCOMES = {
    Outcome.GOOD: Text("完整，已核验", "complete, verified"),
    Outcome.INCOMPLETE: Text("不完整", "incomplete"),
    Outcome.WRONG: Text("核验不符", "does not verify"),
}
