"""What remote inspections say, in both languages."""

from checks.api import Text
from wire.sessions import Mode

WITH_DETAIL = Text("{why}（{detail}）", "{why} ({detail})")
FILE_TOO_LONG = Text(
    "文件 {file} 超过 1 MiB，不像是设置文件", "{file} has more than 1 MiB: that is no settings file"
)
INSPECT_WANTS = Text(
    "inspect 需要一个主机，或 --inventory 文件，二者选一",
    "inspect wants a host or --inventory FILE, one of both",
)
PARALLEL_UNFIT = Text(
    "--parallel 应为 1 至 {most} 的整数，不能是 {given}",
    "--parallel must be from 1 to {most}, not {given}",
)
NO_PACKAGE = Text(
    "本机没有代理安装包：请用 make agent-package 生成，或向采集端索取；也可加 --agentless，"
    "只用主机自带的工具巡检",
    "this workstation has no package of the agent: build it with make agent-package or get it "
    "from the collector; or inspect with the host's own tools alone, with --agentless",
)
NO_SHELL_THERE = Text(
    "主机上既没有 POSIX shell，也不是 Windows，无法巡检（它回答：{words}）",
    "there is neither a POSIX shell nor Windows on the host, so it can't be inspected (it says: "
    "{words})",
)
WINDOWS_THERE = Text(
    "主机是 Windows，用 PowerShell 读取", "the host is Windows and is read by PowerShell"
)
BEGAN_ASKED = Text(
    "会话 {session} 已开始，采集端已确认授权",
    "session {session} begins, permitted by the collector",
)
BEGAN_UNASKED = Text(
    "会话 {session} 已开始；未能询问采集端授权是否已撤销，已记录",
    "session {session} begins; the collector could not be asked whether the grant was revoked, "
    "which is recorded",
)
SIGNED_IN = Text(
    "已登录 {address}，主机密钥相符（{host_key}）",
    "signed in to {address}, its host key is the pinned one ({host_key})",
)
MODES = {
    Mode.PACKAGE: Text("带来的代理", "the agent, brought along"),
    Mode.FORCED: Text("主机上的代理（强制命令）", "the host's agent (forced command)"),
    Mode.AGENTLESS: Text("无代理", "without the agent"),
}
MODE = Text("方式：{mode}", "mode: {mode}")
MODE_BECAUSE = Text("方式：{mode}（{why}）", "mode: {mode} ({why})")
PACKAGE_SENT = Text("代理安装包已送达（{size}）", "the agent's package is there ({size})")
CLEANING = Text(
    "正在停止并清理主机，请稍候；再按一次 Ctrl-C 不再等待",
    "stopping, and cleaning the hosts; press Ctrl-C again to wait no longer",
)
NOT_WAITED = Text(
    "不再等待：主机上的临时目录会自行删除；会话由 xunjian-agent remote deliver 补记结束",
    "not waited for: what was brought to the hosts removes itself; xunjian-agent remote deliver "
    "closes the sessions",
)
KEPT_AFTER_STOP = Text(
    "已中断：读到的数据保留在本机，可用 xunjian-agent remote deliver 送达",
    "it was interrupted: what was read stays here; deliver it with xunjian-agent remote deliver",
)

# What came of it
RESULT_ERROR = Text("{host}：{why}", "{host}: {why}")
RESULT_READ = Text(
    "{host}：{collected}/{total} 项有数据，方式：{mode}",
    "{host}: {collected} of {total} checks gave data, mode: {mode}",
)
RESULT_FELL_BACK = Text("  未使用代理：{why}", "  without the agent: {why}")
RESULT_DROPPED = Text(
    "  授权未涵盖 {count} 项：{checks}", "  {count} checks are not covered by the grant: {checks}"
)
RESULT_CLEAN = Text(
    "  主机上没有留下任何文件（已核实）", "  nothing was left on the host (verified)"
)
RESULT_NO_COPY = Text("  没有向主机复制任何文件", "  nothing was copied to the host")
RESULT_LEFT = Text(
    "  未能确认主机上的 {folder} 已删除：请通知主机管理员",
    "  it is not certain that {folder} is gone from the host: tell its administrator",
)
TABLE_LINE = Text(
    "{host}  {read}  {mode}  {dropped}  {state}", "{host}  {read}  {mode}  {dropped}  {state}"
)
TABLE_DROPPED = Text("未授权 {count} 项", "{count} not granted")
TABLE_FAILED = Text("{host}  失败：{why}", "{host}  failed: {why}")

# The inventory
UNREADABLE = Text("主机清单无法读取（{detail}）", "the inventory can't be read ({detail})")
NO_HOSTS = Text(
    "主机清单应有 1 至 {most} 个 [[host]] 节", "the inventory has 1 to {most} sections [[host]]"
)
HOST_TWICE = Text("主机 {target} 出现了两次", "the host {target} stands there twice")
