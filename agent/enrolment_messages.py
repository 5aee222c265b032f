"""What the agent says of its identity and its enrolment."""

from checks.api import Text

NOT_ENROLLED = Text(
    "本代理尚未登记（{folder} 中没有身份）：请用一次性登记码运行 "
    "xunjian-agent enrol 采集端地址 --code 登记码",
    "this agent is not enrolled (no identity in {folder}): run "
    "xunjian-agent enrol URL --code CODE with a one-time code",
)
KEY_MISSING = Text(
    "身份密钥 {file} 不见了：请恢复该文件；若已丢失，请向服务人员索取新的登记码，"
    "移开 identity 目录后重新登记",
    "the key {file} is gone: restore it; if it is lost, ask the service team for a new code, move "
    "the folder identity away and enrol again",
)
KEY_OPEN = Text(
    "身份密钥 {file} 可被其他用户读取，已拒绝使用：请改为 0600；若可能已泄露，请更换密钥",
    "the key {file} can be read by others and is not used: make it 0600; rotate it if it may have "
    "been read",
)
KEY_BROKEN = Text(
    "身份密钥 {file} 已损坏，请从备份恢复或重新登记",
    "the key {file} is damaged: restore it from a backup, or enrol anew",
)
IDENTITY_BROKEN = Text(
    "身份文件 {file} 已损坏或被改动（{detail}），请从备份恢复或重新登记",
    "{file} is damaged or was changed ({detail}): restore it from a backup, or enrol anew",
)
IDENTITY_UNUSABLE = Text(
    "身份文件 {file} 无法读写（{detail}）：请检查权限和磁盘空间",
    "{file} can't be read or written ({detail}): look at permissions and disk space",
)
ALREADY_ENROLLED = Text(
    "本代理已登记为 {customer} / {site} / {host}：如确需以新的登记码重新登记，"
    "请先将 {folder} 移到别处（原代理的历史仍然保留）",
    "this agent is enrolled as {customer} / {site} / {host}: to enrol it anew with a new code, "
    "move {folder} away first (the history of the old one stays)",
)
CODE_MISTYPED = Text(
    "登记码输入有误（{detail}）：请核对后重新输入",
    "the code is mistyped: {detail} Compare it and type it again",
)
NOTHING_PENDING = Text(
    "{folder} 中没有进行中的登记：请先用 xunjian-agent enrol --code 登记码 --request 文件 生成请求",
    "no enrolment is under way in {folder}: make a request first, with xunjian-agent enrol "
    "--code CODE --request FILE",
)
ANSWER_UNREADABLE = Text(
    "采集端的应答无法采信（{detail}）", "the collector's answer can't be believed: {detail}"
)
ANSWER_NOT_OURS = Text(
    "该应答不是对本次请求的答复，或应答者不知道登记码：未作任何更改",
    "this does not answer our request, or whoever answered does not know the code: nothing changed",
)
OTHER_COLLECTOR = Text(
    "应答的采集端指纹与给定的不符，其指纹为：{words}；未作任何更改",
    "another collector answered, its fingerprint is: {words}; nothing changed",
)
ENROLLED_AS = Text(
    "已登记为 {customer} / {site} / {host}（代理编号 {agent}）",
    "enrolled as {customer} / {site} / {host} (agent {agent})",
)
OUR_FINGERPRINT = Text(
    "本机指纹（请与服务人员电话核对）：{words}（{numbers}）",
    "fingerprint of this host (compare by telephone): {words} ({numbers})",
)
COLLECTOR_FINGERPRINT = Text(
    "采集端指纹：{words}（{numbers}）", "fingerprint of the collector: {words} ({numbers})"
)
WAITING_FOR_APPROVAL = Text(
    "等待服务人员核对指纹后批准；在此之前上传的数据已接收，但不评估",
    "an engineer compares the fingerprint and approves; until then uploads are stored, not judged",
)
REQUEST_WRITTEN = Text(
    "请求已写入 {file}：请带到采集端，执行 xunjian-collector enrol {file}，"
    "再将应答文件带回，执行 xunjian-agent enrol --answer 文件",
    "the request is in {file}: take it to the collector, run xunjian-collector enrol {file}, bring "
    "the answer back and run xunjian-agent enrol --answer FILE",
)
FILE_UNUSABLE = Text(
    "文件 {file} 无法读写（{detail}）", "the file {file} can't be read or written ({detail})"
)
ENROL_WANTS = Text(
    "enrol 需要：采集端地址与 --code，或 --code 与 --request 文件，或 --answer 文件",
    "enrol wants URL and --code, or --code and --request FILE, or --answer FILE",
)
SETTINGS_WRITTEN = Text("已写入设置文件 {file}", "the settings are in {file}")
SETTINGS_OTHER_URL = Text(
    "设置文件 {file} 中的采集端地址是 {url}：请修改设置文件，或使用其中的地址",
    "the settings {file} name the collector {url}: change them, or use that address",
)
ENROLMENT_REFUSED = Text(
    "采集端拒绝登记（状态码 {status}）{detail}", "the collector refused ({status}){detail}"
)
KEY_ROTATED = Text("已启用新的身份密钥", "the new key counts from now on")


HELP = {
    "enrol": Text(
        "用一次性登记码登记本机：密钥在本机生成，不离开本机",
        "Enrol this host with a one-time code: the key is made here and never leaves.",
    ),
    "enrol_url": Text("采集端地址", "address of the collector"),
    "enrol_code": Text(
        "一次性登记码；- 表示从标准输入读取", "the one-time code; - reads it from standard input"
    ),
    "enrol_fingerprint": Text(
        "采集端指纹（六个词或数字），不符则拒绝",
        "fingerprint of the collector (six words or numbers); another one is refused",
    ),
    "enrol_request": Text(
        "离线登记：把请求写入该文件", "without a network: write the request to this file"
    ),
    "enrol_answer": Text(
        "离线登记：读取带回的应答文件", "without a network: read the answer that was brought back"
    ),
    "enrol_state": Text(
        "状态目录（默认取自设置文件）", "the state folder (default: that of the settings)"
    ),
    "enrol_examples": Text(
        "示例：\n  xunjian-agent enrol https://xunjian.example.com --code 7ZQ2K-…\n"
        "  xunjian-agent enrol --code 7ZQ2K-… --request /media/usb/erp-db.request\n"
        "  xunjian-agent enrol --answer /media/usb/erp-db.request.answer\n"
        "退出码：0 已登记；2 未能登记，未作更改",
        "examples:\n  xunjian-agent enrol https://xunjian.example.com --code 7ZQ2K-…\n"
        "  xunjian-agent enrol --code 7ZQ2K-… --request /media/usb/erp-db.request\n"
        "  xunjian-agent enrol --answer /media/usb/erp-db.request.answer\n"
        "exit codes: 0 enrolled; 2 could not, nothing changed",
    ),
    "rotate-key": Text(
        "更换身份密钥：由新旧两把密钥共同签名，采集端确认后生效",
        "Change the key: signed by the old and the new one, good once the collector confirmed it.",
    ),
    "rotate-key_examples": Text(
        "示例：\n  xunjian-agent rotate-key", "examples:\n  xunjian-agent rotate-key"
    ),
}
