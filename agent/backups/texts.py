"""What the commands about backups say."""

from checks.api import State, Text
from checks.backup_sets import CopyState, Level, PointState, Result

LEVELS = {
    Level.STRUCTURE: Text("结构", "structure"),
    Level.HASHED: Text("哈希", "hash"),
    Level.OFFSITE: Text("异地比对", "offsite copy"),
    Level.RESTORED: Text("恢复演练", "test restore"),
}
RESULTS = {
    Result.PASSED: Text("通过", "passed"),
    Result.FAILED: Text("未通过", "FAILED"),
    Result.SAMPLED: Text("仅抽样（{share}）", "sampled only ({share})"),
    Result.UNPROVEN: Text("未能校验", "could not be made"),
}
POINT_STATES = {
    PointState.COMPLETE: Text("完整（待校验项见下）", "complete"),
    PointState.GROWING: Text("仍在写入", "still being written"),
    PointState.EMPTY: Text("空文件", "EMPTY"),
    PointState.FAILED: Text("失败", "FAILED"),
    PointState.GONE: Text("目录有记录但文件不在", "catalogued, but GONE"),
}
COPY_STATES = {
    CopyState.SAME_SIZE: Text("大小一致", "same size"),
    CopyState.MISSING: Text("缺失", "MISSING"),
    CopyState.SIZE_DIFFERS: Text("大小不同", "SIZE DIFFERS"),
    CopyState.EMPTY: Text("空文件", "EMPTY"),
    CopyState.PENDING: Text("传输中", "being transferred"),
}
STATES = {
    State.OK: Text("● 正常", "● ok"),
    State.INFO: Text("○ 提示", "○ info"),
    State.WARNING: Text("▲ 关注", "▲ warning"),
    State.CRITICAL: Text("◆ 异常", "◆ critical"),
    State.NOT_APPLICABLE: Text("－ 不适用", "－ not applicable"),
    State.NOT_RUN: Text("□ 未采集", "□ not run"),
}
NONE_DECLARED = Text(
    "设置中没有备份集：请在 {file} 中加入 [backups.名称] 节（见 docs/backups.zh-CN.md）",
    "no backup set is declared: add a section [backups.NAME] to {file} (see docs/backups.md)",
)
UNKNOWN_SET = Text(
    "没有名为 {name} 的备份集{hint}；已有：{known}",
    "no backup set {name}{hint}; there are: {known}",
)
COULD_NOT_LOOK = Text(
    "未能查看备份集 {name}：{why}", "the backup set {name} can't be looked at: {why}"
)
STEP = Text("正在校验 {point}：{level} …", "proving {point}: {level} …")
WHOLE_SET = Text("整个备份集", "the whole set")
POINTS = Text(
    "恢复点 {count} 个，最新的 {shown} 个：", "{count} restore points, the newest {shown}:"
)
NO_POINTS = Text(
    "没有任何恢复点：{place} 中没有与 {pattern} 相符的内容（另有 {unmatched} 项不相符）",
    "no restore point at all: nothing in {place} fits {pattern} ({unmatched} other entries)",
)
PROOFS = Text("校验记录：", "proofs:")
NO_PROOFS = Text("还没有任何校验记录", "nothing has been proven yet")
VERDICTS = Text(
    "判断（默认阈值；以采集端为准）：", "verdicts (default thresholds; the collector's count):"
)
OFFSITE = Text("异地副本 {place}：{what}", "offsite copy {place}: {what}")
OFFSITE_SEEN = Text(
    "{count} 个恢复点在列，可用空间 {free}", "{count} restore points listed, {free} free"
)
WORK = Text(
    "本次读取 {read}（上限 {budget}），完成 {made} 项校验，{left} 项留待下次",
    "read {read} of at most {budget}, made {made} proofs, {left} wait for the next run",
)
LIST_LINES = (
    ("kind", Text("类型", "kind")),
    ("place", Text("位置", "place")),
    ("schedule", Text("计划", "schedule")),
    ("offsite", Text("异地", "offsite")),
)
SCHEDULE = Text(
    "{days} {start} 起，{deadline} 前完成（宽限 {grace} 分钟，{zone}）",
    "{days} from {start}, done by {deadline} (grace {grace} min, {zone})",
)
SITE_ZONE = Text("站点时区", "the site's time zone")
EVERY_DAY = Text("每天", "every day")
NO_OFFSITE = Text("未声明", "none declared")
NEVER = Text("从未", "never")
RECORDED = Text(
    "已记录：{point} 恢复演练{result}（{person}）",
    "recorded: test restore of {point} {result} by {person}",
)
NO_SUCH_POINT = Text(
    "备份集 {name} 中没有恢复点 {point}{hint}",
    "the backup set {name} has no restore point {point}{hint}",
)
FUTURE = Text("{at} 在将来：请检查 --at", "{at} is in the future: look at --at")
NOT_A_MOMENT = Text(
    "{at} 不是时刻：请写成 2026-11-22T09:30+08:00",
    "{at} is no moment: write 2026-11-22T09:30+08:00",
)
NOT_MSSQL = Text(
    '备份集 {name} 不是 SQL Server 备份（kind = "mssql"，或 files 且 format = "mssql_bak"）',
    'the backup set {name} is none of SQL Server (kind = "mssql", or format = "mssql_bak")',
)

NOTHING_TO_RESTORE = Text(
    "备份集 {name} 中没有数据库 {database} 的完整备份",
    "the backup set {name} has no full backup of the database {database}",
)
