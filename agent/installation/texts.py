"""What installing and uninstalling say, in Chinese and English."""

from checks.api import Text

NOT_ROOT = Text(
    "安装与卸载需要 root 权限：请用 sudo 或以 root 运行",
    "installing and uninstalling need root: use sudo, or become root",
)
NOT_LINUX = Text("此命令只支持 Linux", "this command is for Linux")
ROOT_MISSING = Text("--root {root} 不是现有目录", "--root {root} is no folder that exists")
BAD_URL = Text(
    "--url 应以 http:// 或 https:// 开头，且不含空格和引号",
    "--url starts with http:// or https:// and has no blanks and no quotes",
)
STEP_FAILED = Text("{what} 失败：{detail}", "{what} failed: {detail}")
TOOL_MISSING = Text("缺少工具 {tool}", "the tool {tool} is missing")
BAD_SUDOERS = Text(
    "生成的 sudo 规则未通过 visudo 检查（{detail}），未安装",
    "the rule for sudo did not pass visudo ({detail}); it was not installed",
)
FOREIGN_FILE = Text(
    "{path} 已存在且不是普通文件或目录：请先移开",
    "{path} is there and is no regular file or folder: move it away first",
)

WRITE = Text("写入 {path}（{mode}）", "write {path} ({mode})")
KEEP = Text("保留现有的 {path}", "keep {path} as it is")
SAME = Text("{path} 无变化", "{path} is as it should be")
FOLDER = Text("建立目录 {path}（{mode}）", "make the folder {path} ({mode})")
REMOVE = Text("删除 {path}", "remove {path}")
COMMAND = Text("执行 {command}", "run {command}")

INSTALLED = Text(
    "安装完成。下一步：编辑 {settings}，然后以用户 {user} 登记本机："
    "sudo -u {user} xunjian-agent enrol --help",
    "installed. Next: edit {settings}, then enrol this host as the user {user}: "
    "sudo -u {user} xunjian-agent enrol --help",
)
INSTALLED_WITHOUT_URL = Text(
    "安装完成，但还没有 {settings}：请再次执行 xunjian-agent install --url 采集端地址",
    "installed, but there is no {settings} yet: run xunjian-agent install --url ADDRESS again",
)
UNINSTALLED = Text("卸载完成", "uninstalled")
DATA_STAY = Text(
    "{state} 和 {settings} 中的数据与设置保留；加 --purge 可一并删除",
    "data and settings in {state} and {settings} stay; --purge removes them, too",
)
NO_SYSTEMD = Text(
    "本机没有运行 systemd：未安装服务。请在 /etc/cron.d/xunjian 中加入：",
    "systemd does not run here, so no service was installed; put this into /etc/cron.d/xunjian:",
)
NOT_PRIVILEGED = Text(
    "代理程序的文件可被 root 以外的用户改写（{detail}）：未安装以 root 读取的服务，"
    "需要 root 的检查将显示权限不足",
    "others than root can write the files of the agent ({detail}): the service that reads as root "
    "was not installed, and checks that need root will say that they are not permitted",
)
NO_SUDO = Text(
    "本机没有 sudo：需要 root 的检查将显示权限不足",
    "there is no sudo here: checks that need root will say that they are not permitted",
)

HELP = {
    "install": Text(
        "将代理安装为本机服务：用户、systemd 单元、设置示例；重复执行无副作用",
        "Install the agent as a service: user, systemd units, an example of settings; may be"
        " repeated.",
    ),
    "install_examples": Text(
        "示例：\n  xunjian-agent install --dry-run\n"
        "  xunjian-agent install --url https://inspection.example.com\n"
        "退出码：0 完成；2 无法执行",
        "examples:\n  xunjian-agent install --dry-run\n"
        "  xunjian-agent install --url https://inspection.example.com\n"
        "exit codes: 0 done; 2 could not",
    ),
    "uninstall": Text(
        "停止并移除服务、单元和 sudo 规则；数据与设置保留，除非加 --purge",
        "Stop and remove services, units and the rule for sudo; data and settings stay unless"
        " --purge is given.",
    ),
    "uninstall_examples": Text(
        "示例：\n  xunjian-agent uninstall --dry-run\n  xunjian-agent uninstall --purge",
        "examples:\n  xunjian-agent uninstall --dry-run\n  xunjian-agent uninstall --purge",
    ),
    "read-privileged": Text(
        "供 xunjian-privileged.service 使用：以 root 执行固定的只读命令表",
        "For xunjian-privileged.service: run the closed table of reading commands as root.",
    ),
    "read-privileged_examples": Text(
        "由 systemd 在每次巡检前运行，无需手动执行",
        "systemd runs it before each inspection; there is no need to do so by hand",
    ),
    "root": Text(
        "安装到此目录下的系统（如 systemctl --root），而不是本机",
        "the system in this folder, as with systemctl --root, instead of this one",
    ),
    "url": Text("采集端地址，写入新建的设置文件", "the collector's address for new settings"),
    "sudo": Text(
        "也安装 sudo 规则（没有 systemd 时默认安装）",
        "install the rule for sudo, too (without systemd it is installed anyway)",
    ),
    "dry-run": Text("只显示将要做的事", "only show what would be done"),
    "purge": Text(
        "同时删除数据、设置、身份和用户", "remove data, settings, identity and the user, too"
    ),
}
