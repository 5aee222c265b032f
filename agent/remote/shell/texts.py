"""What a shell says; Chinese first."""

from checks.api import Text
from wire.grants import Denial

LEAVE = Text(
    "离开：exit，或在行首输入 ~.（~? 显示帮助）",
    "leave: exit, or ~. at the start of a line (~? for help)",
)
BANNER = Text(
    "远程会话 {session}：{host}\n"
    "授权 {grant}，到 {until} 为止；备份证明：{proof}\n"
    "双向的每个字节都会先写入记录再传输，包括您键入的密码。\n{leave}",
    "Remote session {session}: {host}\n"
    "grant {grant}, until {until}; proof of a backup: {proof}\n"
    "Each byte, both ways, is recorded before it is passed on: passwords that you type, too.\n"
    "{leave}",
)
HELP = Text(
    "~.  结束会话\n~~  发送一个 ~\n~?  本帮助",
    "~.  ends the session\n~~  sends one ~\n~?  this help",
)
LEFT = Text("工程师以 ~. 结束", "the engineer left by ~.")
SIGNAL = Text("本机程序收到 {signal}", "this program was sent {signal}")
TERMINAL_GONE = Text("本机终端已关闭", "the engineer's terminal is gone")
NO_EXIT_CODE = Text("主机上的 shell 被终止（{why}）", "the shell was ended on the host ({why})")
LOST = Text("与主机的连接中断（{why}）", "the connection to the host was lost ({why})")
UNSENT = Text(
    "有 {bytes} 字节已记录但没有发到主机", "{bytes} bytes are in the record but were not sent"
)
ENDS = Text("远程会话已结束：{why}", "The remote session is over: {why}")
EXITED = Text("远程会话已结束（退出码 {code}）", "The remote session is over (exit code {code})")
GRANT_ENDED = Text("授权到期", "the grant has ended")
GRANT_ENDS = Text(
    "授权将在 {seconds} 秒后到期，届时会话将关闭；请保存您的工作。",
    "The grant ends in {seconds} s and the session with it; save your work.",
)
IDLE = Text("{minutes} 分钟没有任何输入或输出", "nothing was typed or shown for {minutes} minutes")
GETS_IDLE = Text(
    "长时间没有输入或输出，会话将在 {seconds} 秒后关闭；按任意键继续。",
    "Nothing was typed or shown for long; the session closes in {seconds} s. Any key keeps it.",
)
DENIED = Text("采集端不再允许：{why}", "the collector does not permit it any more: {why}")
_WHY = {
    Denial.NO_SUCH_HOST: Text("授权不含该主机", "the host is not in the grant"),
    Denial.OTHER_PERSON: Text("授权不含该工程师", "the engineer is not in the grant"),
    Denial.TOO_EARLY: Text("授权尚未生效", "the grant has not begun"),
    Denial.EXPIRED: Text("授权已到期", "the grant has ended"),
    Denial.SCOPE_MISSING: Text(
        "授权不含变更（change）", "the grant does not cover changes (scope change)"
    ),
    Denial.REVOKED: Text("授权已被撤销", "the grant was revoked"),
    Denial.UNKNOWN_GRANT: Text("采集端没有这份授权", "the collector does not know the grant"),
    Denial.UNKNOWN_PERSON: Text("采集端没有这位工程师", "the collector does not know the engineer"),
    Denial.NO_PROOF: Text("没有有效的备份证明", "no backup is proved good"),
}
NO_SHELL = Text(
    "主机上没有得到 shell：{why}{detail}。会话已关闭，记录保留。",
    "no shell on the host: {why}{detail}. The session is closed, its record is kept.",
)


def why(denial: Denial) -> Text:
    """Return a denial in words."""
    return _WHY[denial]
