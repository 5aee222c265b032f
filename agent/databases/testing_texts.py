"""What `xunjian-agent database test` says."""

from checks.api import Text

UNKNOWN = Text(
    "没有名为 {name} 的数据库{hint}；已有：{known}", "no database {name}{hint}; there are: {known}"
)
HEAD = Text("数据库 {name}（{engine}，{place}）", "database {name} ({engine}, {place})")
NO_WAY_IN = Text(
    "未能连接数据库 {name}，全部检查都不能执行：{why}",
    "there is no way into the database {name}, so that no check can run: {why}",
)
PROGRESS = Text("正在执行 {name} …", "running {name} …")
RUNS = Text("可执行    {check}  {title}（{rows} 项）", "runs      {check}  {title} ({rows} rows)")
PARTLY = Text(
    "部分执行  {check}  {title}（{rows}/{all} 项）",
    "in part   {check}  {title} ({rows}/{all} rows)",
)
CAN_NOT = Text(
    "不能执行  {check}  {title}（0/{all} 项）", "can't run {check}  {title} (0/{all} rows)"
)
WHOLE_CHECK = Text("原因", "why")
TOTAL = Text(
    "共 {all} 项检查，可执行 {rows} 项，缺 {missing} 项。"
    "账号授权脚本：xunjian-agent database grant-script",
    "{rows} of {all} rows of the catalogue can be judged, {missing} can't. "
    "The account's script: xunjian-agent database grant-script",
)
