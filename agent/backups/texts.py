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

HELP = {
    "backup": Text(
        "备份集：列出、查看、校验，记录人工恢复演练",
        "Backup sets: list them, look at one, prove it, record a test restore made by hand.",
    ),
    "backup_examples": Text(
        "示例：\n  xunjian-agent backup list\n  xunjian-agent backup check erp\n"
        "  xunjian-agent backup verify erp --full\n"
        "退出码：0 一切正常；1 有需要关注的问题或未能判断；2 未能执行",
        "examples:\n  xunjian-agent backup list\n  xunjian-agent backup check erp\n"
        "  xunjian-agent backup verify erp --full\n"
        "exit codes: 0 all is well; 1 something is not, or can't be told; 2 could not",
    ),
    "backup_list": Text(
        "列出设置中的备份集和最近的校验记录，不读取备份",
        "List the sets of the settings with their newest proofs; no backup is read.",
    ),
    "backup_list_examples": Text(
        "示例：\n  xunjian-agent backup list --json",
        "examples:\n  xunjian-agent backup list --json",
    ),
    "backup_check": Text(
        "查看一个备份集：恢复点、异地副本、已有校验记录和判断；不读取备份内容",
        "Look at a set: restore points, offsite copy, proofs, verdicts; no content is read.",
    ),
    "backup_check_examples": Text(
        "示例：\n  xunjian-agent backup check erp", "examples:\n  xunjian-agent backup check erp"
    ),
    "backup_verify": Text(
        "立即校验一个备份集：完成到期的结构、哈希、异地比对和恢复演练",
        "Prove a set now: structure, hash, offsite copy and test restore, whatever is due.",
    ),
    "backup_verify_examples": Text(
        "示例：\n  xunjian-agent backup verify erp\n  xunjian-agent backup verify erp --full",
        "examples:\n  xunjian-agent backup verify erp\n  xunjian-agent backup verify erp --full",
    ),
    "backup_full": Text(
        "全部重新校验，不受读取上限限制；可能需要很久",
        "prove everything again, however much is read; may take long",
    ),
    "backup_name": Text("备份集名称", "name of the backup set"),
    "backup_restore-script": Text(
        "输出 SQL Server 恢复演练脚本，由工程师在非生产实例上执行",
        "Print the script of a SQL Server test restore, for an engineer to run elsewhere.",
    ),
    "backup_restore-script_examples": Text(
        "示例：\n  xunjian-agent backup restore-script erp --database UFDATA_001_2026 > drill.sql\n"
        "脚本只恢复到带前缀的临时库，检查后删除；完成后用 backup record 记录结果",
        "examples:\n  xunjian-agent backup restore-script erp --database UFDATA_001_2026 > a.sql\n"
        "it restores into a database with a prefix only, checks it, drops it; then backup record",
    ),
    "backup_database": Text(
        "数据库名（默认取最新恢复点的库）", "database (default: that of the newest restore point)"
    ),
    "backup_record": Text(
        "记录人工完成的恢复演练及其结果",
        "Record a test restore that a person made, and its result.",
    ),
    "backup_record_examples": Text(
        "示例：\n  xunjian-agent backup record erp --point 2026-11-21.bak --result passed "
        "--person 张三 --minutes 42 --note 'DBCC CHECKDB 无错误'",
        "examples:\n  xunjian-agent backup record erp --point 2026-11-21.bak --result passed "
        "--person 'Zhang San' --minutes 42 --note 'DBCC CHECKDB without errors'",
    ),
    "backup_point": Text(
        "恢复点编号（见 backup check）", "id of the restore point (see backup check)"
    ),
    "backup_result": Text("passed 或 failed", "passed or failed"),
    "backup_person": Text("谁做的", "who made it"),
    "backup_minutes": Text(
        "用时（分钟），作为实测 RTO", "how many minutes it took: the measured RTO"
    ),
    "backup_note": Text("结果说明", "what was seen"),
    "backup_at": Text(
        "完成时刻（默认现在），含时区", "when it was finished (default: now), with its zone"
    ),
}
