"""What the commands about databases say."""

from agent.redaction import MASK
from checks.api import Text

NONE_DECLARED = Text(
    "设置中没有数据库：请在 {file} 中加入 [databases.名称] 节（见 docs/databases.zh-CN.md）",
    "no database is declared: add a section [databases.NAME] to {file} (see docs/databases.md)",
)
LIST_LINES = (
    ("kind", Text("类型", "engine")),
    ("place", Text("位置", "place")),
    ("account", Text("账号", "account")),
    ("exclude", Text("排除", "left out")),
    ("queries", Text("自定义查询", "declared queries")),
)
BY_SYSTEM = Text("（由驱动或操作系统确定）", "(left to the driver or the system)")
NONE = Text("无", "none")
BAD_USER = Text(
    "{user} 不能作账号名：请用字母开头的字母、数字、下划线、$ 或 #，最多 30 个字符",
    "{user} can't be an account: letters, digits, underscore, $ or #, a letter first, at most 30",
)
NO_VERSION = Text(
    "{version} 不是版本号：请写成 15、8.0、10.11、2019 或 V8R6",
    "{version} is no version: write 15, 8.0, 10.11, 2019 or V8R6",
)
TOO_OLD = Text(
    "{engine} {version} 没有账号脚本：最低支持 {least}；请先升级，或参照最低版本的脚本手工授权",
    "there is no script for {engine} {version}: {least} is the oldest; upgrade, or grant by hand "
    "what the oldest script grants",
)
NEWEST = Text("未指定 --version，按最新版本输出", "no --version was given: for the newest releases")
# Begins like what the console hides already: it would hide what stands behind PASSWORD =.
PASSWORD = Text(
    f"{MASK} 在此填写密码，两边加单引号 {MASK}",
    f"{MASK} PUT THE PASSWORD HERE, IN SINGLE QUOTES {MASK}",
)
QUOTED_PASSWORD = Text(
    f"{MASK} 在此填写密码，两边加双引号 {MASK}",
    f"{MASK} PUT THE PASSWORD HERE, IN DOUBLE QUOTES {MASK}",
)
