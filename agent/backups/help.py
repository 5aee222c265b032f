"""The help of `xunjian-agent backup`: loaded at every start, so with nothing else."""

from checks.api import Text

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
