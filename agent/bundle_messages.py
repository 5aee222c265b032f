"""What `export` and `receipt` say, in Chinese and English."""

from checks.api import Text

NO_FOLDER = Text(
    "文件夹 {folder} 不存在：请先插入并挂载 U 盘，或改用其他文件夹",
    "there is no folder {folder}: plug in and mount the stick first, or name another folder",
)
IS_FOLDER = Text(
    "{file} 是文件夹：请写出文件名，例如 {file}/host.inspb",
    "{file} is a folder: name a file, such as {file}/host.inspb",
)
EXISTS = Text(
    "文件 {file} 已存在，未改动：请换一个文件名，或用 --force 覆盖",
    "{file} is there already and was not touched: take another name, or replace it with --force",
)
PART_SIZE = Text(
    "--part-size 应为 {least} 到 {most} 之间的整数（单位 MiB），不能是 {given}",
    "--part-size must be from {least} to {most} (MiB), not {given}",
)
NOT_WRITTEN = Text(
    "{file} 未能写出（{detail}）：没有留下任何文件，数据仍保留在本机",
    "{file} could not be written ({detail}): no file was left, the data stay here",
)
NO_RECIPIENT = Text(
    "身份文件中的采集端加密公钥无法使用（{detail}）：未写出任何文件，请重新登记",
    "the collector's encryption key in the identity can't be used ({detail}): nothing was written; "
    "enrol anew",
)
NOTHING_WAITS = Text(
    "没有待送的数据，未写出文件", "nothing waits to be handed over, no file was written"
)
OTHER_AGENT = Text(
    "另有 {batches} 批数据属于此前的登记，未导出，仍保留在本机",
    "{batches} batches of an earlier enrolment were not exported and stay here",
)

SLIP = Text("离线数据包 — 交接单", "Bundle - slip to go with it")
SLIP_WHERE = Text("客户 / 站点 / 主机", "customer / site / host")
SLIP_BATCHES = Text("批次", "batches")
SLIP_PERIOD = Text("期间", "period")
PERIOD = Text("{first} 至 {last}（{zone}）", "{first} to {last} ({zone})")
SLIP_FILE = Text("文件", "file")
FILE = Text("{file}（{size} KiB，{batches} 批）", "{file} ({size} KiB, {batches} batches)")
SLIP_WORDS = Text("核对词", "words to compare")
WORDS = Text("{words}（{numbers}）", "{words} ({numbers})")
NEXT = Text(
    "请带到采集端执行 xunjian-collector import 文件，核对词应一致；带回回执后执行 "
    "xunjian-agent receipt 文件。此前数据保留在本机",
    "take it to the collector and run xunjian-collector import FILE, which shows the same words; "
    "bring the receipt back and run xunjian-agent receipt FILE. Until then the data stay here",
)

NO_RECEIPT = Text(
    "{file} 不是本采集端签名的回执（{detail}）：未作任何更改",
    "{file} is no receipt signed by our collector ({detail}): nothing changed",
)
RECEIPT_UNREADABLE = Text(
    "{file} 无法读取（{detail}）：未作任何更改", "{file} can't be read ({detail}): nothing changed"
)
RECEIPT_OF_OTHER = Text(
    "{file} 是另一台主机的回执（代理 {agent}）：未作任何更改，请在该主机上执行",
    "{file} is the receipt of another host (agent {agent}): nothing changed; run it there",
)
RECEIVED = Text(
    "{file}：确认 {confirmed} 批，此前已确认 {known} 批，仍待送 {waiting} 批",
    "{file}: {confirmed} batches confirmed, {known} were confirmed before, {waiting} still wait",
)
KEY_CONFIRMED = Text("采集端已确认新的身份密钥", "the collector confirmed the new key of this host")
FORKED = Text(
    "采集端在相同位置已有另一份数据（主机可能被克隆或还原）：两份均已保存，此后另起一条数据链",
    "the collector has other data at the same place (a cloned or restored host): both are kept, "
    "and a new chain begins from here",
)
PENDING = Text(
    "本代理尚待服务人员批准：数据已接收，批准后评估",
    "this agent is not approved yet: the data are stored, and judged once it is",
)

HELP = {
    "export": Text(
        "把待送的数据加密写入文件，用于没有网络的站点；收到回执前数据保留在本机",
        "Write what waits to an encrypted file, for a site without a network; the data stay here "
        "until the receipt comes.",
    ),
    "export_file": Text("要写的文件（.inspb）", "the file to write (.inspb)"),
    "export_part_size": Text(
        "每个文件最大多少 MiB（默认 %(default)s；FAT32 上最大 4095）",
        "MiB in one file at most (default %(default)s; FAT32 takes 4095)",
    ),
    "export_force": Text("覆盖已有的文件", "replace files that are there"),
    "export_examples": Text(
        "示例：\n  xunjian-agent export /media/usb/erp-db.inspb\n"
        "  xunjian-agent export /media/usb/erp-db.inspb --part-size 100\n"
        "退出码：0 已写出，或没有待送的数据；2 未能写出，没有留下文件",
        "examples:\n  xunjian-agent export /media/usb/erp-db.inspb\n"
        "  xunjian-agent export /media/usb/erp-db.inspb --part-size 100\n"
        "exit codes: 0 written, or nothing waited; 2 could not, no file was left",
    ),
    "receipt": Text(
        "读取带回的回执：采集端确认已保存的数据随即从本机删除",
        "Read a receipt that was brought back: what the collector has stored is deleted here.",
    ),
    "receipt_file": Text("回执文件，可多个", "receipts"),
    "receipt_examples": Text(
        "示例：\n  xunjian-agent receipt /media/usb/erp-db.inspb.receipt\n"
        "退出码：0 全部有效；2 有回执无效，未据此作任何更改",
        "examples:\n  xunjian-agent receipt /media/usb/erp-db.inspb.receipt\n"
        "exit codes: 0 all were good; 2 one was not, and changed nothing",
    ),
}
