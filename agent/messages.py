"""What the agent says on the console, in Chinese and English. Chinese is the default."""

from collections.abc import Collection

from checks.api import Text

LANGUAGES = ("zh-CN", "en")

SETTINGS_MISSING = Text(
    "没有这个设置文件，请新建，或用 --settings 指定其他文件",
    "there is no such settings file; create it or name another one with --settings",
)
SETTINGS_UNREADABLE = Text("设置文件无法读取（{detail}）", "the settings can't be read ({detail})")
SETTINGS_TOO_LONG = Text(
    "设置文件超过 1 MiB，不像是设置文件", "the file has more than 1 MiB: that is no settings file"
)
SETTINGS_NOT_UTF8 = Text(
    "不是 UTF-8 文本，请以 UTF-8 编码保存", "this is not UTF-8; save the file as UTF-8"
)
SETTINGS_NOT_TOML = Text(
    "第 {column} 列不是有效的 TOML（{detail}）", "column {column} is not valid TOML ({detail})"
)
SETTINGS_WRONG_VALUE = Text("{key} 应为{expected}", "{key} must be {expected}")
SETTINGS_MISSING_KEY = Text("缺少 {key}，应为{expected}", "{key} is missing; it must be {expected}")
SETTINGS_UNKNOWN_KEY = Text(
    "不认识的设置项 {key}，此处可用：{allowed}{hint}",
    "{key} is no setting; here stand: {allowed}{hint}",
)
SETTINGS_UNKNOWN_CHECK = Text(
    "没有名为 {name} 的检查{hint}；用 xunjian-agent check --list 查看全部",
    "there is no check {name}{hint}; xunjian-agent check --list shows all",
)
PATTERN_UNKNOWN = Text(
    "没有检查符合 {name}{hint}；用 xunjian-agent check --list 查看全部",
    "no check fits {name}{hint}; xunjian-agent check --list shows all",
)
DID_YOU_MEAN = Text("（是否想写 {name}？）", " (did you mean {name}?)")

NOT_POSIX = Text(
    "本系统上尚不能巡检：采集进程的隔离目前只支持 POSIX 系统",
    "no inspection on this system yet: the isolation of probes needs a POSIX system",
)

STATE_UNUSABLE = Text(
    "状态目录 {folder} 不能使用（{detail}）：请检查 [agent] state 及其权限",
    "the state folder {folder} can't be used ({detail}): look at [agent] state and its permissions",
)
STATE_BUSY = Text(
    "另一次巡检正在进行（{folder} 已被锁定），请等它结束后再试",
    "another run is under way ({folder} is locked): try again when it has ended",
)
SPOOL_FAULT = Text(
    "缓存 {file} 读写失败（{detail}）：已写入的数据保留，下次运行时会检查并自行修复",
    "the spool {file} can't be read or written ({detail}): what was written stands; the next run "
    "examines it and starts a new one if it is damaged",
)
SPOOL_NEWER = Text(
    "缓存 {file} 由更新版本的代理建立，请升级本代理",
    "the spool {file} was made by a newer agent: upgrade this one",
)
LEDGER_UNUSABLE = Text(
    "备份校验台账 {path} 无法使用（{detail}）：请检查权限和磁盘剩余空间",
    "the ledger of backup proofs {path} can't be used ({detail}): look at permissions and free"
    " space",
)
SPOOL_FULL = Text(
    "{folder} 所在磁盘已满：已写入的观测保留，请腾出空间后再运行",
    "the disk of {folder} is full: what was written stands; free some space and run again",
)
SPOOL_DAMAGED = Text(
    "缓存已损坏，原文件移至 {file}，已启用新的缓存；请联系服务人员从原文件中找回数据",
    "the spool was damaged: it was moved to {file} and a new one was started; ask the service "
    "team to recover data from the old file",
)


SPOOL_OUTDATED = Text(
    "缓存由尚不签名的早期代理建立，不能再上传，原文件移至 {file}，已启用新的缓存",
    "the spool was made by an early agent that did not sign yet, and can't be uploaded: it was "
    "moved to {file} and a new one was started",
)
INTERRUPTED = Text(
    "巡检被中断：已完成的观测已保存，下次运行时上传",
    "the inspection was interrupted: what was observed is kept and goes up with the next run",
)
STOPPED = Text("已停止", "stopped")
NOT_HANDED_OVER = Text(
    "巡检已完成，但未能全部上传：数据保留在本机，下次运行时重试",
    "the inspection is done but not all of it was handed over: the data stay here, the next run "
    "tries again",
)

LIST_READS = Text("读取", "reads")
LIST_PRIVILEGE = Text("所需权限", "privilege")
LIST_DEADLINE = Text("时限", "deadline")
LIST_SCOPES = Text("授权范围", "scopes of a grant")
LIST_AGENTLESS = Text("  可免代理远程采集", "  can be read over a channel, without an agent")
LIST_HEAVY = Text("  耗时较多，最后执行", "  heavy, runs last")
SECONDS = Text("{value} 秒", "{value} s")
NOT_READ = Text("  未采集：{why}", "  not read: {why}")
FIELD = Text("  {title}：{value}", "  {title}: {value}")
BROKEN = Text("检查无法加载：{detail}", "a check can't be loaded: {detail}")

RUN_CHECKED = Text("[{done}/{total}] {check} {result}", "[{done}/{total}] {check} {result}")
DONE = Text("完成", "done")
CACHED = Text(
    "未重新采集，沿用 {at} 的数据（[run] heavy_interval_hours）",
    "not read again: the facts of {at} are used ([run] heavy_interval_hours)",
)
RUN_UPLOADED = Text("第 {seq} 批已送达", "batch {seq} was handed over")
RUN_KEPT = Text("第 {seq} 批保留：{why}", "batch {seq} is kept: {why}")
RUN_FORKED = Text(
    "第 {seq} 批：采集端在同一位置已有另一批（克隆的主机或恢复的快照），两批均已保存；"
    "此后的数据使用新的纪元",
    "batch {seq}: the collector has another one at this place (a cloned host, or one that was set "
    "back); both are kept, and what follows is of a new epoch",
)
RUN_SPLIT = Text(
    "第 {seq} 批过大，已拆分为 {into} 批", "batch {seq} is too large: split into {into}"
)
RUN_DEAD = Text(
    "第 {seq} 批两次被拒绝，保留在本机，不再发送：{why}",
    "batch {seq} was refused twice: it is kept here and not sent again: {why}",
)
RUN_PAUSED = Text("{until} 之前不再尝试上传：{why}", "no further attempt before {until}: {why}")
RUN_FINISHED = Text(
    "巡检 {inspection}：{collected}/{total} 项有数据，待上传 {pending} 批",
    "inspection {inspection}: {collected} of {total} gave data, {pending} batches are pending",
)

STATUS_NEVER = Text("尚未巡检（{folder} 中没有缓存）", "no inspection yet (no spool in {folder})")
STATUS_LINES = (
    ("agent", Text("代理", "agent")),
    ("enrolled_as", Text("登记为", "enrolled as")),
    ("standing", Text("采集端的意见", "standing at the collector")),
    ("epoch", Text("纪元", "epoch")),
    ("unsealed_inspections", Text("未封装的巡检", "inspections not sealed yet")),
    ("unsealed_observations", Text("未封装的观测", "observations not sealed yet")),
    ("pending_batches", Text("待上传批次", "pending batches")),
    ("pending_bytes", Text("待上传数据", "pending data")),
    ("last_acknowledged_seq", Text("最近确认的批次", "last acknowledged batch")),
    ("last_acknowledged_at", Text("最近确认时间", "last acknowledged at")),
    ("damaged", Text("移开的损坏缓存", "damaged spool, moved aside")),
)
STANDINGS = {
    "pending": Text("待批准：数据已接收，尚不评估", "not approved yet: stored, not judged"),
    "active": Text("已批准", "approved"),
    "revoked": Text("已吊销", "revoked"),
}
STATUS_PAUSED = Text(
    "暂停上传至 {until}（连续 {failures} 次）：{why}",
    "nothing is sent until {until} ({failures} attempts in a row): {why}",
)
STATUS_REFUSED = Text(
    "第 {seq} 批被拒绝 {times} 次：{why}", "batch {seq} was refused {times} times: {why}"
)
STATUS_GAP = Text(
    "已舍弃 {observations} 条观测、{batches} 个批次（{loss}，{first} 至 {last}），将随下一批上报",
    "{observations} observations and {batches} batches were let go ({loss}, {first} to {last}); "
    "the next batch tells it",
)
STATUS_UNKNOWN = Text("数目不明的", "an unknown number of")
LOSSES = {
    "thinned": Text("30 天前的每日保留一条", "beyond 30 days one a day is kept"),
    "unchanged": Text("内容未变的大块数据", "large readings that had not changed"),
    "oldest": Text("最早的成功采集", "the oldest that had succeeded"),
    "expired": Text("超过 400 天", "older than 400 days"),
    "last_resort": Text("空间仍不足", "still no room"),
    "damaged": Text("缓存损坏", "the spool was damaged"),
    "split": Text("批次过大，已拆分", "a batch was too large and was split"),
}
STATUS_NONE = Text("无", "none")


HELP = {
    "agent": Text(
        "巡检代理：只读采集本机数据，不作任何更改",
        "The inspection agent: reads this host, changes nothing.",
    ),
    "lang": Text("输出语言（默认 zh-CN）", "language of the output (default zh-CN)"),
    "json": Text("以 JSON 输出，每行一个值", "print JSON, one value a line"),
    "settings": Text("设置文件（默认 %(default)s）", "the settings file (default %(default)s)"),
    "pattern": Text(
        "只执行符合的检查：编号 host.volumes、章节 host 或通配 'host.v*'",
        "only the checks that fit: an id host.volumes, a chapter host, a glob 'host.v*'",
    ),
    "check": Text(
        "立即查看本机的采集数据，不需要设置和采集端，也不作判断",
        "Look at what the probes read here, without settings, collector or verdicts.",
    ),
    "list": Text(
        "列出检查及其读取的内容，不执行", "list the checks and what they read, run nothing"
    ),
    "check_examples": Text(
        "示例：\n  xunjian-agent check --list\n  xunjian-agent check host.volumes\n"
        "  xunjian-agent check 'host.*' --json",
        "examples:\n  xunjian-agent check --list\n  xunjian-agent check host.volumes\n"
        "  xunjian-agent check 'host.*' --json",
    ),
    "run": Text(
        "执行一次巡检并上传；未能上传的数据保留到下次",
        "Make one inspection and upload it; what can't be uploaded is kept for the next run.",
    ),
    "run_examples": Text(
        "示例：\n  xunjian-agent run\n  xunjian-agent run --only host --settings ./agent.toml\n"
        "退出码：0 完成；1 数据未全部上传，已保留；2 无法执行",
        "examples:\n  xunjian-agent run\n  xunjian-agent run --only host --settings ./agent.toml\n"
        "exit codes: 0 done; 1 not all was uploaded, the data are kept; 2 could not",
    ),
    "deliver": Text(
        "上传待上传的数据，不作巡检；由定时器启动时遵守已约定的等待时间",
        "Upload what waits, without an inspection; waits that are under way are kept to.",
    ),
    "now": Text("不等待，立即尝试", "do not wait, try at once"),
    "deliver_examples": Text(
        "示例：\n  xunjian-agent deliver\n  xunjian-agent deliver --now\n"
        "退出码：0 全部上传；1 尚有数据，已保留；2 无法执行",
        "examples:\n  xunjian-agent deliver\n  xunjian-agent deliver --now\n"
        "exit codes: 0 all is uploaded; 1 some waits, the data are kept; 2 could not",
    ),
    "remote": Text(
        "远程巡检与远程终端（工程师用）：按客户授权，全程记录",
        "Inspect hosts without an agent, or work on them: under a grant, with a record.",
    ),
    "remote_examples": Text(
        "示例：\n  xunjian-agent remote inspect root@192.0.2.10 --grant 2026-erp.grant\n"
        "各命令的帮助：xunjian-agent remote inspect --help",
        "examples:\n  xunjian-agent remote inspect root@192.0.2.10 --grant 2026-erp.grant\n"
        "help of each command: xunjian-agent remote inspect --help",
    ),
    "status": Text(
        "显示待上传、被拒绝和丢弃的数据", "Show what waits, what was refused and what was dropped."
    ),
    "status_examples": Text(
        "示例：\n  xunjian-agent status\n  xunjian-agent status --json",
        "examples:\n  xunjian-agent status\n  xunjian-agent status --json",
    ),
}


def spoken(text: Text, language: str) -> str:
    """Return the text in one of LANGUAGES."""
    return text.en if language == "en" else text.zh


def nearest(name: str, known: Collection[str]) -> Text:
    """Return a hint at the known name that is most like `name`; an empty text if none is."""
    from difflib import get_close_matches  # 3 ms, and only where something is wrong

    close = get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return DID_YOU_MEAN.format(name=close[0]) if close else Text("", "")
